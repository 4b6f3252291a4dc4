"""The one tree of errors. Every leaf names what happened, to which thing, and the next command.

    EdgekitError(message, hint, details)                     exit
    |- UsageFault                                              2
    |- ConfigError      ProfileError RecipeError RecordError   3
    |- ConvertError     UnsupportedModel HostileModel          4
    |                   StepFailed ToolEnvironmentError
    |- BoardError       Unreachable AuthRefused HostKeyUnknown 5
    |                   HostKeyChanged DiskFull CommandFailed
    |                   BoardTimeout EngineMissing
    |                   BoardMismatch VerificationFailed
    |- MeasureError     RunnerFailed EndpointFailed            6
    |                   NotComparable DoubtfulMeasurement
    `- GateFailed       a budget was missed: an answer         7

1 is a bug of edgekit itself and 130 is Ctrl-C. Errors are translated at two places only: the
public methods of a transport let nothing but BoardError out, and cli/main.py prints them.
"""

from __future__ import annotations

from collections.abc import Mapping


class EdgekitError(Exception):
    """An expected failure that the user can act on.

    Args:
        message: what happened, to which thing, with the observed value; one sentence.
        hint: the next command to type or the change to make; may be empty.
        details: machine-readable facts, shown with ``--json``.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, hint: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, object] = dict(details or {})


class UsageFault(EdgekitError):
    """The command line lacks or contradicts something (same exit code as click's usage error)."""

    exit_code = 2


class ConfigError(EdgekitError):
    """A file or setting that the user wrote is wrong."""

    exit_code = 3


class ProfileError(ConfigError):
    """A device profile is unknown or does not validate."""


class RecipeError(ConfigError):
    """A recipe, engine or step is unknown, or does not fit the profile."""


class RecordError(ConfigError):
    """A record file is missing, damaged, of another kind, or of another schema version."""


class ConvertError(EdgekitError):
    """A model could not be converted."""

    exit_code = 4


class UnsupportedModel(ConvertError):
    """The model's format, content or an operation in it is not supported."""


class HostileModel(ConvertError):
    """The model file could run code or write outside its folder; refused without ``--trust``."""


class StepFailed(ConvertError):
    """A conversion step ended with an error, a crash or a time-out."""


class ToolEnvironmentError(ConvertError):
    """A tool environment could not be made or used."""


class BoardError(EdgekitError):
    """Something on the way to a board, or on it, failed."""

    exit_code = 5


class Unreachable(BoardError):
    """No connection to the board, or it was lost."""


class AuthRefused(BoardError):
    """The board refused every credential."""


class HostKeyUnknown(BoardError):
    """The board's host key is not recorded."""


class HostKeyChanged(BoardError):
    """The board's host key differs from the recorded one, or was revoked."""


class DiskFull(BoardError):
    """No space (or inodes) left where the release has to go."""


class CommandFailed(BoardError):
    """A command on the board ended with an error."""


class BoardTimeout(BoardError):
    """The board did not answer in time."""


class EngineMissing(BoardError):
    """No engine that can run this artifact exists for this board."""


class BoardMismatch(BoardError):
    """The board is not what its profile says, or the bundle does not fit it."""


class VerificationFailed(BoardError):
    """A hash or golden output on the board differs from what was sent."""


class MeasureError(EdgekitError):
    """A measurement could not be made."""

    exit_code = 6


class RunnerFailed(MeasureError):
    """The runner on the board ended without a result."""


class EndpointFailed(MeasureError):
    """The cloud endpoint did not answer as the Open Inference Protocol asks."""


class NotComparable(MeasureError):
    """Two measurements do not measure the same thing."""


class DoubtfulMeasurement(MeasureError):
    """A measurement is not stamped valid, and ``--strict`` asked for nothing less."""


class GateFailed(EdgekitError):
    """A budget the user set was missed. This is an answer, not a crash."""

    exit_code = 7
