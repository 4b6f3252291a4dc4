"""The manifest of a release, checked field by field: it comes from outside."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Dict, List, Set, Tuple

from . import wire
from .failure import Failure
from .layout import safe_hash, safe_name, safe_path

MAX_LETTERS = 4000000
MAX_ENTRIES = 10000
MAX_TOTAL_BYTES = 16000000000
MAX_COUNTER = 2**53
"""Above it numbers of JSON are not exact everywhere."""
RESERVED = (wire.COMPLETE_MARK, wire.MANIFEST_FILE, wire.SIGNATURE_FILE)
"""Files of a release folder that the installer itself writes."""
TEXTS = ("app", "engine", "engine_version", "arch", "python_abi", "libc", "profile")
FIELDS = frozenset((*TEXTS, "counter", "files", "wheels"))
WHEEL_ENDING = ".whl"


class Manifest:
    """What a release consists of; see edgekit.core.deploy.Bundle."""

    def __init__(self, document: Dict[str, Any], text: str) -> None:  # Any: JSON
        self.text = text
        self.id = wire.release_id(document)
        self.app = document["app"]  # type: str
        self.arch = document["arch"]  # type: str
        self.engine = document["engine"]  # type: str
        self.python_abi = document["python_abi"]  # type: str
        self.profile = document["profile"]  # type: str
        self.counter = document["counter"]  # type: int
        self.files = [(e["path"], e["sha256"], e["size_bytes"]) for e in document["files"]]
        self.wheels = [(e["filename"], e["sha256"], e["size_bytes"]) for e in document["wheels"]]

    @property
    def blobs(self) -> List[Tuple[str, int]]:
        """Hash and size of everything in it."""
        return [(sha256, size) for _, sha256, size in self.files + self.wheels]


def parse(text: str) -> Manifest:
    """A manifest from the very text that was signed.

    Raises:
        Failure: it is not canonical JSON, a field is missing, unknown or of another type, a path
            could leave the release, or it asks for more than a board may be asked for.
    """
    _require(isinstance(text, str) and len(text) <= MAX_LETTERS, "is no text, or far too long")
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise _refused("is not JSON: %s" % str(error)[:200]) from error
    _require(isinstance(document, dict), "is not a JSON object")
    _require(frozenset(document) == FIELDS, "has other fields than %s" % ", ".join(sorted(FIELDS)))
    for key in TEXTS:
        _require(isinstance(document[key], str) and len(document[key]) <= 200, key + " is no text")
    safe_name(document["app"])
    counter = document["counter"]
    _require(_is_count(counter, MAX_COUNTER), "has the counter %r" % (counter,))
    _check_entries(document["files"], "path")
    _check_entries(document["wheels"], "filename")
    _check_paths([entry["path"] for entry in document["files"]])
    for entry in document["wheels"]:
        name = entry["filename"]
        _require("/" not in name and name.endswith(WHEEL_ENDING), "%r is no wheel" % name[:80])
    total = sum(e["size_bytes"] for e in document["files"] + document["wheels"])
    _require(total <= MAX_TOTAL_BYTES, "asks for %d bytes" % total)
    _require(text == wire.canonical(document), "is not written in the canonical form")
    return Manifest(document, text)


def _check_entries(entries: Any, name: str) -> None:  # Any: JSON
    _require(isinstance(entries, list) and len(entries) <= MAX_ENTRIES, "lists no files")
    for entry in entries:
        good = isinstance(entry, dict) and set(entry) == {name, "sha256", "size_bytes"}
        _require(good, "has an entry that is no file")
        safe_path(entry[name])
        safe_hash(entry["sha256"])
        _require(_is_count(entry["size_bytes"], MAX_TOTAL_BYTES), "has a file without a size")


def _check_paths(paths: List[str]) -> None:
    """No two paths are the same file on any system, and no file is also a folder."""
    seen = {_folded(name) for name in RESERVED}
    folders: Set[str] = set()
    for path in paths:
        folded = _folded(path)
        _require(folded not in seen, "names %r twice, or a file of the installer" % path[:80])
        seen.add(folded)
        parts = folded.split("/")
        folders.update("/".join(parts[:n]) for n in range(1, len(parts)))
    for folder in folders:
        _require(folder not in seen, "names %r as a file and as a folder" % folder[:80])


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _is_count(value: object, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit


def _no_duplicates(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:  # Any: JSON
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _require(condition: object, what: str) -> None:
    if not condition:
        raise _refused(what)


def _refused(what: str) -> Failure:
    return Failure(wire.ERROR_BAD_REQUEST, "the manifest " + what)
