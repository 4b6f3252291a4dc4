"""Wildcard patterns as OpenSSH reads them: ``*`` and ``?`` only, ``!`` in front negates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def wildcard(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression over the whole text.

    Example:
        >>> bool(wildcard("pi-?.lab").fullmatch("pi-3.lab"))
        True
    """
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def matches_list(patterns: Iterable[str], text: str) -> bool:
    """True when a pattern matches and no negated one does."""
    is_matched = False
    for pattern in patterns:
        is_negated = pattern.startswith("!")
        if wildcard(pattern.removeprefix("!")).fullmatch(text):
            if is_negated:
                return False
            is_matched = True
    return is_matched
