"""Releases of an artifact for every userland of a profile, without a board at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards import signing
from edgekit.boards.artifact_folder import app_name, load_card, read_sources, require_app
from edgekit.boards.bundling import Release, make_release, sign_release
from edgekit.boards.target import Target, targets_of_profile
from edgekit.boards.wheelhouse import resolve_wheels
from edgekit.core.errors import ConfigError, EngineMissing
from edgekit.profiles.device import load_profile

Progress = Callable[[str], None]


@dataclass(frozen=True)
class BundleRequest:
    """What to bundle for whom."""

    folder: Path
    profile: str = ""
    """The artifact's own when empty."""
    app: str = ""
    python: str = ""
    """Version instead of the profile's."""
    libc: str = ""
    """C library instead of the profile's."""
    is_unsigned: bool = False
    key: Path | None = None


def make_releases(
    request: BundleRequest, *, progress: Progress = lambda message: None
) -> tuple[Release, ...]:
    """A release per userland that the engine has wheels for.

    Raises:
        EngineMissing: it has wheels for none of them; each reason is named.
        ConfigError: no artifact, or no key to sign with.
        VerificationFailed: a file of the artifact is missing or changed.
    """
    card = load_card(request.folder)
    profile = load_profile(request.profile or card.profile)
    app = require_app(request.app or app_name(card.name))
    key = None if request.is_unsigned else signing.find_key(request.key)
    if key is None and not request.is_unsigned:
        raise ConfigError(
            "there is no key yet to sign releases with",
            hint="edgekit keys init  (or --unsigned)",
        )
    files = read_sources(request.folder, card)
    releases, reasons = [], []
    for target in _targets(request, targets_of_profile(profile)):
        try:
            wheels = resolve_wheels(card.engine, target, progress=progress)
        except EngineMissing as err:
            reasons.append(f"{target.arch} {target.libc} Python {target.python}: {err.message}")
            continue
        release = make_release(files, card, wheels, target, app=app, profile=profile.id)
        releases.append(sign_release(release, key) if key else release)
    for reason in reasons if releases else ():
        progress(f"left out: {reason}")
    if not releases:
        raise EngineMissing(
            f"{card.engine} has wheels for no system of {profile.id}: {'; '.join(reasons)}",
            hint="choose another engine: edgekit engines",
        )
    return tuple(releases)


def _targets(request: BundleRequest, known: tuple[Target, ...]) -> tuple[Target, ...]:
    changes = {
        name: value
        for name, value in (("python", request.python), ("libc", request.libc))
        if value
    }
    if request.python and request.python.count(".") not in (1, 2):
        raise ConfigError(f"--python {request.python!r} is no version", hint="--python 3.11")
    return tuple(dict.fromkeys(dataclasses.replace(target, **changes) for target in known))
