"""Words of other machines made safe to show: no control character reaches a terminal or a page."""

from __future__ import annotations

import unicodedata

CONTROL = ("Cc", "Cf", "Zl", "Zp")
"""Unicode categories of characters that steer a display in place of being shown.

Source: Unicode 15, chapter 23; "Trojan Source", Boucher & Anderson 2021, for the marks that turn
the direction of writing.
"""


def plain_line(text: str) -> str:
    r"""The text in one line, with what would steer a terminal replaced by a visible mark.

    Example:
        >>> plain_line("pi\x1b[2J\nroot")
        'pi�[2J root'
    """
    return _plain(text, keep="").strip()


def plain_text(text: str) -> str:
    r"""The same for text of several lines: line ends and tabs stay.

    Example:
        >>> plain_text("a\tb\x07\n")
        'a\tb�\n'
    """
    return _plain(text, keep="\n\t")


def _plain(text: str, *, keep: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter, keep) for letter in text)


def _shown(letter: str, keep: str) -> str:
    if letter in keep:
        return letter
    if letter in "\n\r\t":
        return " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in CONTROL else letter
