"""Work that goes on while a board is asked something: hashing a gigabyte takes as long as it does there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Found = TypeVar("Found")


def begin(work: Callable[[], Found]) -> Future[Found]:
    """Starts the work; ``result()`` waits for it and raises what it raised.

    Its thread is given up with the process: when the board cannot be reached, nobody waits.
    """
    future: Future[Found] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as err:  # noqa: BLE001  raised again by result()
            future.set_exception(err)

    threading.Thread(target=run, name="ahead", daemon=True).start()
    return future
