"""Words of ssh_config lines, as OpenSSH splits them. Source: ssh_config(5), OpenSSH 9.2."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgekit.core.errors import ConfigError

KEYWORD = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Directive:
    """A line: keyword in lower case and its words."""

    keyword: str
    words: tuple[str, ...]
    rest: str
    """Everything after the keyword, for commands, which are not split."""
    where: str
    """``file: line n``."""


def parse_config(text: str, where: str) -> tuple[Directive, ...]:
    """Every directive of a file's text.

    Raises:
        ConfigError: a line has no value, or a quote does not end.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        place = f"{where}: line {number}"
        match = KEYWORD.fullmatch(bare)
        words = split_words(match[2], place) if match else ()
        if match is None or not words:
            raise ConfigError(f"{place}: expected a keyword and a value, got {bare[:60]!r}")
        found.append(Directive(match[1].lower(), words, match[2], place))
    return tuple(found)


def split_words(text: str, where: str) -> tuple[str, ...]:
    """Words of a value: quoted by ``"`` or ``'``, ended by ``#`` where a word would begin.

    Raises:
        ConfigError: a quote does not end.

    Example:
        >>> split_words('a "b c" # d', "x")
        ('a', 'b c')
    """
    words: list[str] = []
    word: list[str] | None = None
    quote, i = "", 0
    while i < len(text):
        letter, following = text[i], text[i + 1 : i + 2]
        if letter == "\\" and following in _escapable(quote):
            word = [*(word or []), following]
            i += 1
        elif quote:
            if letter == quote:
                quote = ""
            else:
                word = [*(word or []), letter]
        elif letter in "\"'":
            quote, word = letter, word or []
        elif letter in " \t":
            if word is not None:
                words.append("".join(word))
            word = None
        elif letter == "#" and word is None:
            break
        else:
            word = [*(word or []), letter]
        i += 1
    if quote:
        raise ConfigError(f"{where}: a quote does not end")
    return tuple([*words, "".join(word)] if word is not None else words)


def _escapable(quote: str) -> tuple[str, ...]:
    return ('"', "'", "\\") if quote else ('"', "'", "\\", " ")
