"""One conversion on another machine: ``python -m edgekit.convert.remote REQUEST OUT ROW``.

REQUEST is the JSON of a request (see replay.py) whose paths lie on that machine, OUT becomes the
artifact, ROW is the JSON file that tells what became of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edgekit.convert.batch import Job, run_job
from edgekit.convert.replay import request_from
from edgekit.core.record import to_plain


def main(request_file: str, out: str, row_file: str) -> None:
    """See the module's docstring."""
    fields = json.loads(Path(request_file).read_text(encoding="utf-8"))
    row = run_job(Job(request_from(fields), Path(out)))
    Path(row_file).write_text(json.dumps(to_plain(row)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:4])
