"""Bundle files: releases for use without a network, in one zip archive.

``bundle.json`` lists the releases, one per userland of the profile; ``manifests/<id>.json`` is each
one's manifest, byte for byte what was signed, with its signature beside it; ``blobs/<sha256>`` is
content, stored once for all of them. Nothing in it is believed: hashes and signatures are.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgekit.boards.artifact_folder import load_card
from edgekit.boards.bundling import Release
from edgekit.boards.sources import BLOCK_BYTES, MemberSource, Source
from edgekit.boards.target import Target
from edgekit.core.artifact import ModelArtifact
from edgekit.core.deploy import Bundle
from edgekit.core.errors import BoardMismatch, RecordError, VerificationFailed
from edgekit.core.record import Record, dump, from_plain, parse
from edgekit_runner import manifest as runner_manifest
from edgekit_runner import wire
from edgekit_runner.failure import Failure

EPOCH = (1980, 1, 1, 0, 0, 0)
INDEX = "bundle.json"
MAX_CARD_BYTES = 8_000_000


@dataclass(frozen=True)
class BundleIndex(Record):
    """What a bundle file holds."""

    KIND: ClassVar[str] = "edgekit.bundle_file"

    app: str
    profile: str
    releases: tuple[str, ...]
    """Ids, in order of preference."""
    signed_by: str = ""


def is_bundle_file(path: Path) -> bool:
    """True for a file that could be a bundle file; artifacts are folders."""
    return path.is_file() and zipfile.is_zipfile(path)


def card_of(path: Path) -> ModelArtifact:
    """The card of an artifact folder or of a bundle file.

    Raises:
        ConfigError: it is neither.
    """
    return read_bundle_file(path)[0].card if is_bundle_file(path) else load_card(path)


def write_bundle_file(releases: Sequence[Release], path: Path) -> BundleIndex:
    """Writes releases of one application; the same releases give the same bytes.

    Raises:
        VerificationFailed: content changed while it was read.
    """
    first = releases[0]
    index = BundleIndex(
        first.bundle.app, first.bundle.profile, tuple(r.id for r in releases), first.signed_by
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            _add_text(archive, INDEX, json.dumps(dump(index), indent=1))
            for release in releases:
                _add_text(archive, f"manifests/{release.id}.json", release.manifest)
                if release.signature:
                    _add_text(archive, f"manifests/{release.id}.sig", release.signature)
            blobs = {sha256: s for r in releases for sha256, s in r.sources.items()}
            for sha256, source in sorted(blobs.items()):
                _add_blob(archive, sha256, source)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return index


def read_bundle_file(path: Path) -> tuple[Release, ...]:
    """Every release of a bundle file.

    Raises:
        RecordError: it is not a bundle file, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            document = json.loads(archive.read(INDEX))
            index = parse(BundleIndex, document, where=f"{path}: {INDEX}")
            if not index.releases:
                raise RecordError(f"{path} holds no release")
            return tuple(_read_release(path, archive, name, index) for name in index.releases)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, NotImplementedError) as err:
        raise RecordError(
            f"{path} is not a bundle file: {err}", hint="make one: edgekit bundle ARTIFACT"
        ) from err
    except Failure as err:
        raise RecordError(f"{path}: {err.message}", hint="do not use this file") from err


def choose_release(releases: Sequence[Release], target: Target, path: Path) -> Release:
    """The release of a bundle file that fits a board.

    Raises:
        BoardMismatch: none does.
    """
    for release in releases:
        bundle = release.bundle
        same = bundle.arch == target.arch and bundle.python_abi == target.python_abi
        made_for = Target(bundle.arch, bundle.libc, "3.0").glibc
        if same and (not bundle.wheels or _runs(made_for, target.glibc)):
            return release
    offers = "; ".join(f"{r.bundle.arch} {r.bundle.python_abi} {r.bundle.libc}" for r in releases)
    raise BoardMismatch(
        f"{path} holds releases for {offers}; the board is {target.arch} "
        f"{target.python_abi} {target.libc}; nothing was sent",
        hint="edgekit bundle ARTIFACT --profile PROFILE --python VERSION --libc glibc-VERSION",
    )


def _runs(made_for: tuple[int, int] | None, here: tuple[int, int] | None) -> bool:
    return made_for is not None and here is not None and made_for <= here


def _read_release(path: Path, archive: zipfile.ZipFile, name: str, index: BundleIndex) -> Release:
    text = archive.read(f"manifests/{name}.json").decode("utf-8")
    checked = runner_manifest.parse(text)
    if checked.id != name:
        raise RecordError(f"{path}: the manifest {name} is that of {checked.id}")
    bundle = from_plain(Bundle, json.loads(text), where=f"{path}: {name}")
    signature_name = f"manifests/{name}.sig"
    is_signed = signature_name in archive.namelist()
    signature = archive.read(signature_name).decode("ascii") if is_signed else ""
    sources: dict[str, Source] = {}
    for sha256, size_bytes in checked.blobs:
        member = archive.getinfo(f"blobs/{sha256}")
        if member.file_size != size_bytes or member.compress_type != zipfile.ZIP_STORED:
            raise RecordError(f"{path}: {sha256[:12]} is not stored as the manifest says")
        sources[sha256] = MemberSource(path, member.filename, sha256, size_bytes)
    card = _read_card(path, bundle, sources)
    return Release(bundle, card, sources, signature, index.signed_by if is_signed else "")


def _read_card(path: Path, bundle: Bundle, sources: dict[str, Source]) -> ModelArtifact:
    entry = next((f for f in bundle.files if f.path == wire.CARD_FILE), None)
    if entry is None or entry.size_bytes > MAX_CARD_BYTES:
        raise RecordError(f"{path}: it has no {wire.CARD_FILE}")
    with sources[entry.sha256].open() as stream:
        return parse(ModelArtifact, json.loads(stream.read()), where=f"{path}: card.json")


def _add_text(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, EPOCH), text)


def _add_blob(archive: zipfile.ZipFile, sha256: str, source: Source) -> None:
    entry = zipfile.ZipInfo(f"blobs/{sha256}", EPOCH)
    entry.file_size = source.size_bytes
    with archive.open(entry, "w") as sink:
        for block in _verified(source, sha256):
            sink.write(block)


def _verified(source: Source, sha256: str) -> Iterator[bytes]:
    import hashlib

    digest = hashlib.sha256()
    with source.open() as stream:
        for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
            digest.update(block)
            yield block
    if digest.hexdigest() != sha256:
        raise VerificationFailed(f"{sha256[:12]} changed while it was read", hint="run it again")
