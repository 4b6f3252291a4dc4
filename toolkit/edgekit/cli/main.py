"""The entry point, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
from types import FrameType

import click

from edgekit import __version__
from edgekit.cli import exits
from edgekit.cli.group import LazyGroup
from edgekit.cli.output import Stdout
from edgekit.core.errors import EdgekitError
from edgekit.core.text import plain_text

REFUSED = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENAMETOOLONG,
    errno.EMFILE,
    errno.ENFILE,
}
"""What a full disk, a read-only home or a limit of the machine answers."""
EPILOG = """\b
Examples:
  edgekit convert model.keras --profile raspberrypi --calibration samples.npz
  edgekit go model.onnx --profile raspberrypi --board kitchen-pi --cloud grpc://host:8081
  edgekit explain records/run.json
"""


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Find out what makes a model slow on an edge board, and make it fast enough.

    Convert a trained model for a board, deploy it over SSH, measure it there, compare it with a
    cloud endpoint, and see where the time goes.
    """


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with a documented code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _settle_streams()
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = run(arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs the command line and gives the exit code."""
    as_json = "--json" in arguments
    Stdout.has_document = False
    try:
        result = cli.main(args=arguments, prog_name="edgekit", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else exits.OK
    except click.exceptions.Exit as err:
        return int(err.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail(as_json, exits.INTERRUPTED, "interrupted", "", {})
    except click.UsageError as err:
        if as_json:
            return _fail(as_json, exits.USAGE, err.format_message(), "", {})
        err.show()
        return exits.USAGE
    except click.ClickException as err:
        return _fail(as_json, exits.USAGE, err.format_message(), "", {})
    except EdgekitError as err:
        return _fail(as_json, err.exit_code, err.message, err.hint, err.details)
    except (BrokenPipeError, SystemExit):  # click itself exits when the reader went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return exits.OK
    except Exception as err:  # noqa: BLE001  boundary: anything else is the machine's refusal or our bug
        return _unexpected(as_json, err)


def _unexpected(as_json: bool, err: Exception) -> int:
    if isinstance(err, OSError) and _is_surroundings(err):
        if not err.filename:  # what is still to be printed would fail again when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        where = err.filename or "what edgekit printed"
        message = f"{where}: cannot be written or read: {err.strerror}"
        return _fail(as_json, exits.CONFIG, message, _room_hint(err), {})
    words = f"internal error: {type(err).__name__}: {err}"
    hint = f"this is a bug of edgekit; please report it with {_debug_log()}"
    return _fail(as_json, exits.BUG, words, hint, {})


def _is_surroundings(err: OSError) -> bool:
    """True for what the machine refuses, whatever edgekit does; False for a mistake of ours."""
    if err.errno == errno.ENOENT and err.filename:
        home = os.path.expanduser("~")
        return str(err.filename).startswith(home) and not os.path.isdir(home)
    return err.errno in REFUSED


def _room_hint(err: OSError) -> str:
    if err.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or write elsewhere"
    return "HOME, XDG_CONFIG_HOME and EDGEKIT_CACHE_DIR say where edgekit keeps things"


def _settle_streams() -> None:
    """Streams that are closed swallow words; letters that a locale lacks become question marks."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for good
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(as_json: bool, code: int, message: str, hint: str, details: dict[str, object]) -> int:
    if as_json and not Stdout.has_document:
        error = {"exit_code": code, "message": message, "hint": hint, "details": details}
        print(json.dumps({"error": error}, default=str))
        return code
    print(plain_text(f"error: {message}"), file=sys.stderr)
    if hint:
        print(plain_text(f"hint: {hint}"), file=sys.stderr)
    return code


def _debug_log() -> str:
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="edgekit-debug-", suffix=".log", delete=False, encoding="utf-8"
        ) as stream:
            stream.write(f"edgekit {__version__}\n{' '.join(sys.argv[:1])}\n")
            traceback.print_exc(file=stream)
    except OSError as err:
        return f"its words; a log could not be written: {err.strerror}"
    return stream.name


if __name__ == "__main__":
    main()
