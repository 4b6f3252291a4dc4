"""Commands that serve until Ctrl-C: the address is told, then the server is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgekit.cli.output import Output
from edgekit.core.errors import EndpointFailed

if TYPE_CHECKING:
    from edgekit.cloud.hosted import HostedServer


def serve_until_ended(
    server: HostedServer, what: str, document: Mapping[str, object], shown: str, output: Output
) -> None:
    """Tells where it serves, and waits; Ctrl-C is the way to end it, from the moment it is told.

    Args:
        server: it runs.
        what: the server in a sentence, "the router".
        document: for ``--json``.
        shown: the same in words.
        output: where it is told.

    Raises:
        EndpointFailed: it ended by itself.
    """
    try:
        output.data(document, f"{shown}; Ctrl-C ends it")
        code = server.wait()
    except KeyboardInterrupt:
        output.note("ended")
        return
    raise EndpointFailed(f"{what} ended by itself with exit code {code}")
