"""For Mender: an update module and the command that makes an artifact.

Source: mendersoftware/mender, Documentation/update-modules-v3-file-api.md, 2026-07.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from edgekit.boards.exports import BUNDLE, RUNNER, Export

MODULE = """\
#!/bin/sh
# Mender update module: install as /usr/share/mender/modules/v3/edgekit on the board.
# EDGEKIT_HOME says whose home holds the releases; default: root's.
set -eu
state="$1"
files="${2:-.}/files"
HOME="${EDGEKIT_HOME:-/root}"
export HOME

run() {
    printf '{"bundle": "bundle.edgekit", "steps": [%s]}' "$1" | (cd "$files" && python3 -I runner.pyz apply) >&2
}

case "$state" in
    NeedsArtifactReboot) echo No ;;
    SupportsRollback) echo Yes ;;
    ArtifactInstall) run '"install", "switch"' ;;
    ArtifactCommit) run '"commit"' ;;
    ArtifactRollback) printf '{"app": "@app@"}' | (cd "$files" && python3 -I runner.pyz rollback) >&2 ;;
esac
"""
MAKE = """\
#!/bin/sh
# Makes the Mender artifact: needs mender-artifact (docs.mender.io).
# @device@ is the device type that the boards report.
set -eu
cd "$(dirname "$0")"
mender-artifact write module-image --type edgekit --artifact-name @name@ \\
    --device-type "${1:-@device@}" --output-path @output@ --file bundle.edgekit --file runner.pyz
"""


def files(export: Export) -> Mapping[str, str]:
    """``modules/v3/edgekit`` and ``make-artifact.sh``."""
    assert (BUNDLE, RUNNER) == ("bundle.edgekit", "runner.pyz")
    name = f"{export.app}-{export.release}"
    words = {
        "@app@": export.app,
        "@name@": shlex.quote(name),
        "@device@": export.profile or "edgekit",
        "@output@": shlex.quote(f"{name}.mender"),
    }
    return {"modules/v3/edgekit": _fill(MODULE, words), "make-artifact.sh": _fill(MAKE, words)}


def _fill(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
