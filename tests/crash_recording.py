"""What a program does to files below a folder, recorded from its system calls by strace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHANGING = [
    "openat",
    "creat",
    "write",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
    "ftruncate",
    "truncate",
    "sendfile",
    "copy_file_range",
]
SYNCING = ["fsync", "fdatasync", "sync", "syncfs"]
LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+|\?)")
HEX = re.compile(r"(?:\\x[0-9a-f]{2})+")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
HANDLE = re.compile(r"(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True)
class Operation:
    """One change, by paths relative to the folder that was watched."""

    kind: str
    """create, write, rename, link, symlink, mkdir, unlink, rmdir, truncate, fsync, sync."""
    path: str = ""
    other: str = ""
    """Target of a rename, link or symbolic link."""
    data: bytes = b""
    call: str = ""
    """The system call."""
    number: int = 0
    """Which call of that name it is in its process, from 1: what strace's ``when=`` counts."""


def strace_prefix(log: Path) -> tuple[str, ...]:
    """What to put before a command line so that its calls are recorded."""
    calls = ",".join(CHANGING + SYNCING)
    return (
        "strace",
        "-qq",
        "-y",
        "-xx",
        "-s",
        "100000000",
        "-e",
        f"trace={calls}",
        "-o",
        str(log),
    )


def read_operations(log: Path, root: Path) -> list[Operation]:
    """The operations below a folder, in order."""
    found = []
    counts: dict[str, int] = {}
    for line in log.read_text().splitlines():
        match = LINE.match(line)
        name = match["name"] if match else line.partition("(")[0]
        counts[name] = counts.get(name, 0) + 1
        if match and match["result"] not in ("?",) and int(match["result"]) >= 0:
            for operation in _operations(name, match["arguments"], root, int(match["result"])):
                found.append(
                    Operation(
                        operation.kind,
                        operation.path,
                        operation.other,
                        operation.data,
                        name,
                        counts[name],
                    )
                )
    return found


KINDS = {
    "creat": "create",
    "write": "write",
    "pwrite64": "write",
    "rename": "rename",
    "renameat": "rename",
    "renameat2": "rename",
    "link": "link",
    "linkat": "link",
    "symlink": "symlink",
    "symlinkat": "symlink",
    "unlink": "unlink",
    "rmdir": "rmdir",
    "mkdir": "mkdir",
    "mkdirat": "mkdir",
    "fsync": "fsync",
    "fdatasync": "fsync",
}


def _operations(name: str, arguments: str, root: Path, result: int) -> Iterator[Operation]:
    if name in ("sync", "syncfs"):
        yield Operation("sync")
        return
    texts = [_decoded(m) for m in TEXT.findall(arguments)]
    handles = [_decoded(m).decode() for m in HANDLE.findall(arguments)]
    inside = [_inside(path, root) for path in _paths(name, texts, handles)]
    if not inside or inside[-1] is None:
        return
    if name == "openat":
        if "O_CREAT" in arguments or "O_TRUNC" in arguments:
            yield Operation("create", inside[0] or "")
        return
    kind = KINDS.get(name) or ("rmdir" if "AT_REMOVEDIR" in arguments else "unlink")
    assert name in KINDS or name == "unlinkat", f"{name} is not modelled"
    if kind == "symlink":
        yield Operation(kind, inside[1] or "", texts[0].decode())
    elif kind == "write":
        assert result == len(texts[0]), "a short write"
        yield Operation(kind, inside[0] or "", data=texts[0])
    else:
        assert inside[0] is not None
        yield Operation(kind, inside[0], (inside[1:] or [""])[0] or "")


def _paths(name: str, texts: Sequence[bytes], handles: Sequence[str]) -> list[str]:
    """Absolute paths that a call names, in order."""
    if name in ("write", "pwrite64", "fsync", "fdatasync", "ftruncate"):
        return list(handles[:1])
    decoded = [text.decode("utf-8", "surrogateescape") for text in texts]
    if name == "symlink":
        return decoded
    if name.endswith("at") and handles:
        bases = [*handles, *([handles[-1]] * len(decoded))]
        return [str(Path(base) / text) for base, text in zip(bases, decoded, strict=False)]
    return decoded


def _inside(path: str, root: Path) -> str | None:
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else None


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
