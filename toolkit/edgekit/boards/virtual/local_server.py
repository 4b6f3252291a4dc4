"""A user-mode SSH server in a process of its own: ``python -m ...local_server FOLDER``.

Prints one JSON line with its port, serves until stdin closes. Only the client key of FOLDER may
log in, only from loopback; commands run with FOLDER/home as their home.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import asyncssh

BLOCK = 1 << 16


class Server(asyncssh.SSHServer):  # type: ignore[misc]  # asyncssh is not typed here
    """Public keys only."""

    def begin_auth(self, username: str) -> bool:
        """Everyone has to authenticate."""
        return True

    def password_auth_supported(self) -> bool:
        """There are no passwords."""
        return False


async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Runs the client's command with the board's environment."""
    folder = Path(os.environ["EDGEKIT_LOCAL_BOARD"])
    environment = {
        "HOME": str(folder / "home"),
        "PATH": f"{folder / 'bin'}:{os.defpath}",
        "LANG": "C.UTF-8",
        "USER": "board",
    }
    child = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        process.command or "true",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder / "home",
        env=environment,
        start_new_session=True,
    )
    assert child.stdin and child.stdout and child.stderr
    feed = asyncio.create_task(_feed(process, child.stdin))
    gone = asyncio.create_task(process.channel.wait_closed())
    pumps = asyncio.gather(
        _pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr)
    )
    try:
        await asyncio.wait(
            {asyncio.ensure_future(_ended(child, pumps)), gone}, return_when="FIRST_COMPLETED"
        )
    finally:
        feed.cancel()
        gone.cancel()
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
    code = await child.wait()
    if not process.channel.is_closing():
        process.exit(code if code >= 0 else 128 - code)


async def _ended(
    child: asyncio.subprocess.Process, pumps: asyncio.Future[tuple[None, None]]
) -> None:
    await pumps
    await child.wait()


async def _feed(process: asyncssh.SSHServerProcess[bytes], sink: asyncio.StreamWriter) -> None:
    try:
        while block := await process.stdin.read(BLOCK):
            sink.write(block)
            await sink.drain()
        sink.close()
    except (OSError, asyncssh.Error):
        sink.close()


async def _pump(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    try:
        while block := await source.read(BLOCK):
            sink.write(block)
            await sink.drain()
    except (OSError, asyncssh.Error):
        return


async def serve(folder: Path) -> None:
    """Listens on a free loopback port until stdin closes."""
    os.environ["EDGEKIT_LOCAL_BOARD"] = str(folder)
    os.chdir(folder / "home")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[str(folder / "host_key")],
        authorized_client_keys=str(folder / "authorized_keys"),
        process_factory=handle,
        sftp_factory=True,
        allow_scp=False,
        encoding=None,
        keepalive_interval=10,
    )
    sys.stdout.write(json.dumps({"port": server.get_port()}) + "\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve(Path(sys.argv[1]).absolute()))
    os._exit(0)  # sessions that are still open end with us
