"""Writes build/runner.pyz, the reproducible board side of edgekit, and prints its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edgekit.boards.runner_archive import runner_archive


def main() -> None:
    """Builds the archive."""
    path = Path("build/runner.pyz")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(runner_archive())
    print(
        f"{path}: {len(runner_archive())} bytes, sha256 {hashlib.sha256(runner_archive()).hexdigest()}"
    )


if __name__ == "__main__":
    main()
