"""Packs edgekit_runner into one zip application with the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

import edgekit_runner

MAIN = b"import sys\nfrom edgekit_runner.main import main\nsys.exit(main(sys.argv[1:]))\n"
EPOCH = (1980, 1, 1, 0, 0, 0)
SHEBANG = b"#!/usr/bin/env python3\n"


@cache
def runner_archive() -> bytes:
    """The bytes of ``runner.pyz``: sorted entries, fixed times, fixed modes."""
    package = Path(edgekit_runner.__file__).parent
    buffer = io.BytesIO(SHEBANG)
    buffer.seek(len(SHEBANG))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", MAIN)
        for path in sorted(package.rglob("*.py")):
            name = f"edgekit_runner/{path.relative_to(package).as_posix()}"
            _add(archive, name, path.read_bytes())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
