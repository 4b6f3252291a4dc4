"""The runner's one kind of expected failure: it becomes the ``error`` line."""

from __future__ import annotations


class Failure(Exception):
    """An ``error`` event: a code from wire.py, a sentence, and what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
