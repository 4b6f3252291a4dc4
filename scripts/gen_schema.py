"""Writes the JSON Schema of device profiles to docs/schema/device-profile.json."""

from __future__ import annotations

import json
from pathlib import Path

from edgekit.profiles.device import profile_schema

TARGET = Path(__file__).resolve().parent.parent / "docs" / "schema" / "device-profile.json"


def main() -> None:
    """Writes the file."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(profile_schema(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
