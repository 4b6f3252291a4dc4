"""Exit codes, as documented in docs/exit-codes.md and ``edgekit help exit-codes``."""

from __future__ import annotations

OK = 0
BUG = 1
USAGE = 2
CONFIG = 3
CONVERT = 4
BOARD = 5
MEASURE = 6
GATE = 7
INTERRUPTED = 130

MEANING = {
    OK: "success",
    BUG: "a bug in edgekit: the message names the debug log to report",
    USAGE: "the command line is wrong: an unknown option, a missing argument",
    CONFIG: "a profile, recipe, edgekit.toml, inventory or record is wrong",
    CONVERT: "the model could not be converted",
    BOARD: "the board could not be reached, refused, or failed",
    MEASURE: "a measurement could not be made or compared",
    GATE: "a budget was missed: an answer, not a crash",
    INTERRUPTED: "interrupted by Ctrl-C; nothing half-written is left",
}
