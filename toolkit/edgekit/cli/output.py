"""What commands print: data on stdout, the rest on stderr.

Every command takes ``--json`` (exactly one document on stdout), ``-q`` and ``-v`` through
:func:`output_options` and receives an :class:`Output`.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeVar

import click

from edgekit.core.record import Record, dump, to_plain
from edgekit.core.text import plain_text

Result = TypeVar("Result")


@dataclass(frozen=True)
class Output:
    """Where a command's words go."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    def data(self, document: Record | Mapping[str, object] | Sequence[object], text: str) -> None:
        """The command's result: the document with ``--json``, else the text."""
        if self.as_json:
            plain = dump(document) if isinstance(document, Record) else to_plain(document)
            print(json.dumps(plain, indent=1))
            Stdout.has_document = True
        elif text:
            print(plain_text(text))

    def note(self, message: str) -> None:
        """A line about what is happening, on stderr; silent with ``-q``."""
        if not self.quiet:
            print(plain_text(message), file=sys.stderr, flush=True)

    def detail(self, message: str) -> None:
        """A line for ``-v``."""
        if self.verbose:
            print(plain_text(message), file=sys.stderr, flush=True)

    def next_step(self, command: str) -> None:
        """The next useful command; silent with ``-q`` and ``--json``."""
        if not self.quiet and not self.as_json:
            print(plain_text(f"next: {command}"), file=sys.stderr)


def can_redraw(stream: IO[str]) -> bool:
    """True when a line can be written over: on a terminal that is not a dumb one."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns for people on a terminal; tab-separated values when stdout is not one.

    Numbers and units align to the right when every cell of a column starts with a digit or sign.
    """
    if not sys.stdout.isatty() and os.environ.get("EDGEKIT_TABLES") != "wide":
        return "\n".join("\t".join(row) for row in (headers, *rows))
    return aligned(headers, rows)


def aligned(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain text table with aligned columns and a rule under the headers."""
    widths = [
        max(len(str(row[column])) for row in (headers, *rows)) for column in range(len(headers))
    ]
    numeric = [
        bool(rows) and all(str(row[column])[:1] in set("0123456789+-") for row in rows)
        for column in range(len(headers))
    ]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join((line(headers), rule, *(line(row) for row in rows)))


class Stdout:
    """What this run has printed: an error after the document goes to stderr, in words."""

    has_document = False


def output_options(function: Callable[..., Result]) -> Callable[..., Result]:
    """Adds ``--json``, ``-q/--quiet`` and ``-v/--verbose``; passes ``output: Output``."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
    @click.option("-q", "--quiet", is_flag=True, help="Only results and errors.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
    @functools.wraps(function)
    # Any: click passes the command's own parameters through
    def wrapper(*args: Any, as_json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Result:
        output = Output(as_json=as_json, quiet=quiet or as_json, verbose=verbose)
        return function(*args, output=output, **kwargs)

    return wrapper
