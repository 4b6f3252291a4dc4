"""Releases on a board: list them, go back, remove what nobody needs, enrol keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.boards.session import RunnerSession
from edgekit.core.deploy import ReleaseOnBoard
from edgekit.core.errors import BoardError, ConfigError, RecordError, RunnerFailed, UsageFault
from edgekit.core.record import from_plain
from edgekit.core.suggest import did_you_mean


@dataclass(frozen=True)
class RolledBack:
    """An application that went back to an earlier release."""

    app: str
    release: str
    previous: str


@dataclass(frozen=True)
class Collected:
    """What was removed from a board."""

    removed: tuple[str, ...]
    freed_bytes: int


@dataclass(frozen=True)
class Enrolled:
    """Whose signatures a board accepts."""

    keys: tuple[str, ...]
    profile: str


def list_releases(session: RunnerSession, app: str = "") -> tuple[ReleaseOnBoard, ...]:
    """Every complete release, by application.

    Raises:
        ConfigError: there is no such application on the board.
    """
    events = session.start("releases", {})
    found = []
    for event in events:
        kind = event.pop("event")
        if kind == "release":
            found.append(_typed(event))
    names = {release.app for release in found}
    if app and app not in names:
        raise ConfigError(
            f"the board has no application {app!r}", hint=did_you_mean(app, sorted(names))
        )
    return tuple(release for release in found if app in ("", release.app))


def choose_app(releases: Sequence[ReleaseOnBoard], app: str) -> str:
    """The application that is meant.

    Raises:
        BoardError: the board has none.
        UsageFault: it has several and none was named.
    """
    names = sorted({release.app for release in releases})
    if not names:
        raise BoardError("the board has no release", hint="edgekit deploy ARTIFACT --board BOARD")
    if not app and len(names) > 1:
        raise UsageFault(
            f"the board has several applications: {', '.join(names)}", hint="--app NAME"
        )
    return app or names[0]


def roll_back(session: RunnerSession, app: str, release: str = "") -> RolledBack:
    """Makes the previous release, or the one named, active; every byte of it is verified first.

    Raises:
        BoardError: there is none to go back to.
        VerificationFailed: it is damaged.
    """
    request = {"app": app} | ({"release": release} if release else {})
    event = session.one("rollback", request, "rolled_back")
    return RolledBack(app, str(event["release"]), str(event["previous"]))


def collect_garbage(session: RunnerSession, *, dry_run: bool) -> Collected:
    """Removes every release but the current and previous ones, and what no release uses."""
    event = session.start("gc", {"dry_run": dry_run})[0]
    return Collected(tuple(map(str, event["removed"])), int(event["freed_bytes"]))


def enrol_keys(
    session: RunnerSession, keys: Sequence[str], *, profile: str | None, replace: bool
) -> Enrolled:
    """Makes a board accept signatures of these keys; with ``replace`` and no key of nobody."""
    request: dict[str, object] = {"keys": list(keys), "replace": replace}
    if profile is not None:
        request["profile"] = profile
    event = session.start("enrol", request)[0]
    return Enrolled(tuple(map(str, event["keys"])), str(event["profile"]))


def _typed(event: dict[str, object]) -> ReleaseOnBoard:
    try:
        return from_plain(ReleaseOnBoard, event, where="release")
    except RecordError as err:
        raise RunnerFailed(f"the board's answer is not understood: {err.message}") from err
