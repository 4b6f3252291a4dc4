"""Makes bundles: the manifest of everything a release needs, its content, its signature."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.boards import signing
from edgekit.boards.counters import next_counter
from edgekit.boards.signing import SigningKey
from edgekit.boards.sources import Source, file_source
from edgekit.boards.target import Target
from edgekit.boards.wheelhouse import WheelSet
from edgekit.core.artifact import FileEntry, ModelArtifact
from edgekit.core.deploy import Bundle
from edgekit.core.record import to_plain
from edgekit.profiles.device import load_profile
from edgekit_runner import wire


@dataclass(frozen=True)
class Release:
    """A bundle with its content, ready to be sent."""

    bundle: Bundle
    card: ModelArtifact
    sources: Mapping[str, Source]
    """Hash to content, of files and wheels."""
    signature: str = ""
    """Armoured SSH signature of the manifest; empty when unsigned."""
    signed_by: str = ""
    """Fingerprint of the key, where it is known."""

    @property
    def id(self) -> str:
        """The release id, the same on host and board."""
        return wire.release_id(to_plain(self.bundle))

    @property
    def content(self) -> str:
        """The id of the content, whatever its counter."""
        return wire.content_id(to_plain(self.bundle))

    @property
    def manifest(self) -> str:
        """The very text that is signed and stored."""
        return wire.canonical(to_plain(self.bundle))


def make_release(
    files: Mapping[str, Source],
    card: ModelArtifact,
    wheels: WheelSet,
    target: Target,
    *,
    app: str,
    profile: str,
) -> Release:
    """An unsigned release of an artifact's files (artifact_folder.read_sources) for a board."""
    entries = tuple(
        FileEntry(path, source.sha256, source.size_bytes) for path, source in sorted(files.items())
    )
    bundle = Bundle(
        app=app,
        engine=wheels.engine,
        engine_version=wheels.version,
        arch=target.arch,
        python_abi=target.python_abi,
        libc=target.libc,
        profile=canonical_profile(profile),
        counter=0,
        files=entries,
        wheels=wheels.wheels,
    )
    sources: dict[str, Source] = {source.sha256: source for source in files.values()}
    sources |= {wheel.sha256: file_source(wheels.path(wheel)) for wheel in wheels.wheels}
    return Release(bundle, card, sources)


def sign_release(release: Release, key: SigningKey, *, seen_by_board: int = 0) -> Release:
    """The release with a counter and a signature.

    Raises:
        ConfigError: the key cannot be used.
        BoardMismatch: the board claims an unbelievable counter.
    """
    ledger = signing.keys_folder() / "counters.json"
    bundle = release.bundle
    line = f"{bundle.app} {bundle.profile} {bundle.arch} {bundle.python_abi}"
    counter = next_counter(ledger, line, release.content, seen_by_board=seen_by_board)
    numbered = dataclasses.replace(
        release, bundle=dataclasses.replace(release.bundle, counter=counter)
    )
    signature = key.sign(numbered.manifest)
    return dataclasses.replace(numbered, signature=signature, signed_by=key.fingerprint)


def canonical_profile(name: str) -> str:
    """A profile's id, or that of the board a family page stands for; empty stays empty."""
    if not name:
        return ""
    profile = load_profile(name)
    return profile.alias_of or profile.id
