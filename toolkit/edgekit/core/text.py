"""Words of other machines made safe to show: no control character reaches a terminal or a page."""

from __future__ import annotations

import re

MARK = "?"
"""Stands for what is not shown; ASCII, so that every terminal can."""
PLAIN = re.compile(r"[\x20-\x7e\n\t]*")
"""What most texts are: nothing in them has to be looked at letter by letter."""


def plain_line(text: str) -> str:
    r"""The text in one line, with what would steer a terminal replaced by a visible mark.

    That is every character that Python does not call printable: controls, and the marks that turn
    the direction of writing.

    Source: "Trojan Source", Boucher & Anderson, 2021.

    Example:
        >>> plain_line("pi\x1b[2J\nroot")
        'pi?[2J root'
    """
    return _plain(text, keep="").strip()


def plain_text(text: str) -> str:
    r"""The same for text of several lines: line ends and tabs stay.

    Example:
        >>> plain_text("a\tb\x07\n")
        'a\tb?\n'
    """
    return text if PLAIN.fullmatch(text) else _plain(text, keep="\n\t")


def _plain(text: str, *, keep: str) -> str:
    return "".join(
        letter if letter.isprintable() or letter in keep else " " if letter.isspace() else MARK
        for letter in text
    )
