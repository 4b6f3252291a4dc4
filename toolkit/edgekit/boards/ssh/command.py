"""Runs a program through whatever login shell the user has.

The server hands one string to the login shell. Ours is always the same, has a meaning that sh, bash,
dash, fish, tcsh and zsh share, and starts /bin/sh, which reads what to run from stdin: so no name
ever passes a foreign shell's quoting. What start-up files print is cut off at a mark.
"""

from __future__ import annotations

import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import paramiko

from edgekit.boards.transports.contract import Completed, Lines, OnLine
from edgekit.core.errors import BoardTimeout, CommandFailed, EdgekitError

REMOTE = "exec /bin/sh -c 'IFS= read -r line && eval \"$line\"'"
BLOCK_BYTES = 1 << 16
INLINE_BYTES = 1 << 14
"""Input that fits every server's first window: sent before anything is read."""
POLL_S = 0.2
MAX_NOISE_BYTES = 1 << 20
"""More than that from start-up files is not waited through."""


class Command:
    """One program on an open channel."""

    def __init__(
        self,
        channel: paramiko.Channel,
        argv: Sequence[str],
        *,
        on_line: OnLine | None = None,
        timeout_s: float,
    ) -> None:
        self.channel = channel
        self.name = argv[0]
        self.timeout_s = timeout_s
        self.deadline_s = time.monotonic() + timeout_s
        self.mark = secrets.token_hex(16)
        self.out = _Marked(self.mark, Lines(on_line))
        self.error = _Marked(self.mark, Lines(None))
        self.line = script(argv, self.mark)

    def exchange(self, blocks: Iterable[bytes], *, sent: Callable[[int], None]) -> Completed:
        """Feeds the program's stdin, collects its output, waits for its end.

        Args:
            blocks: stdin.
            sent: is told the size of each block that left.

        Raises:
            BoardTimeout: the time was up.
            CommandFailed: the login shell did not come as far as our command.
        """
        self.channel.exec_command(REMOTE)
        self.channel.sendall(self.line)
        feeder = _Feeder(self.channel, blocks, sent)
        feeder.start()
        self._collect()
        feeder.finish()
        if not self.channel.status_event.wait(max(self.deadline_s - time.monotonic(), 1)):
            raise self._late()
        code = self.channel.recv_exit_status()
        if code == -1 and not self.channel.get_transport().is_active():
            raise EOFError("the connection was closed")
        if not self.out.is_reached:
            raise CommandFailed(
                f"the login shell did not run {self.name} (exit code {code}): "
                f"{_shown(self.out.noise or self.error.noise)}",
                hint="log in by hand with ssh: does the user have a working shell there?",
            )
        return Completed(code, self.out.lines.data, self.error.lines.data)

    def _collect(self) -> None:
        channel = self.channel
        channel.settimeout(POLL_S)
        while True:
            while channel.recv_stderr_ready():
                self.error.feed(channel.recv_stderr(BLOCK_BYTES))
            if time.monotonic() > self.deadline_s:
                raise self._late()
            try:
                block = channel.recv(BLOCK_BYTES)
            except TimeoutError:
                continue
            if not block:
                break
            self.out.feed(block)
        channel.settimeout(max(self.deadline_s - time.monotonic(), 1))
        while block := channel.recv_stderr(BLOCK_BYTES):
            self.error.feed(block)

    def _late(self) -> BoardTimeout:
        return BoardTimeout(f"{self.name} did not end within {self.timeout_s:g} s")


class _Feeder:
    """Writes stdin beside the reading, so that neither side waits for the other."""

    def __init__(
        self, channel: paramiko.Channel, blocks: Iterable[bytes], sent: Callable[[int], None]
    ) -> None:
        self.channel = channel
        self.blocks = iter(blocks)
        self.sent = sent
        self.failure: EdgekitError | None = None
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        first = next(self.blocks, b"")
        second = next(self.blocks, b"") if first else b""
        if len(first) <= INLINE_BYTES and not second:
            self._feed([first])
            return
        rest = self.blocks
        self.blocks = (block for part in ([first, second], rest) for block in part)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def finish(self) -> None:
        if self.thread is not None:
            self.thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            self._feed(self.blocks)
        except (OSError, EOFError, paramiko.SSHException):
            return  # the program ended without reading all of it: its exit code tells
        except EdgekitError as err:
            self.failure = err
            self.channel.close()

    def _feed(self, blocks: Iterable[bytes]) -> None:
        for block in blocks:
            self.channel.sendall(block)
            self.sent(len(block))
        self.channel.shutdown_write()


class _Marked:
    """Output from the mark on."""

    def __init__(self, mark: str, lines: Lines) -> None:
        self.mark = f"\n{mark}\n".encode()
        self.lines = lines
        self.noise = b"\n"
        self.is_reached = False

    def feed(self, block: bytes) -> None:
        if self.is_reached:
            self.lines.feed(block)
            return
        self.noise += block
        before, mark, after = self.noise.partition(self.mark)
        if mark:
            self.is_reached, self.noise = True, before
            if after:
                self.lines.feed(after)
        elif len(self.noise) > MAX_NOISE_BYTES:
            raise CommandFailed(
                f"start-up files of the login shell print more than {MAX_NOISE_BYTES} bytes",
                hint="make them silent for commands without a terminal",
            )


def script(argv: Sequence[str], mark: str) -> bytes:
    """One line for /bin/sh that sets the marks and becomes the program.

    Raises:
        CommandFailed: a word has a NUL byte, which no program can be given.
    """
    if any("\0" in word for word in argv):
        raise CommandFailed(f"a word of the {argv[0]} command has a NUL byte")
    words = shlex.join(argv)
    newline = ""
    if "\n" in words:  # read ends at a newline, so it is put in by name
        newline = "newline=$(printf '\\012.'); newline=${newline%.}; "
        words = words.replace("\n", "'\"$newline\"'")
    marks = f"printf '\\n{mark}\\n'; printf '\\n{mark}\\n' >&2; "
    return f"cd; {newline}{marks}exec {words}\n".encode("utf-8", "surrogateescape")


def _shown(noise: bytes) -> str:
    text = noise.decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else " " for c in text[-200:]) or "it said nothing"
