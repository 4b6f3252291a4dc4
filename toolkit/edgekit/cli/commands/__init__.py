"""One file per command, found by directory listing.

A command file's docstring starts with its one-line summary (shown by ``edgekit --help`` without
importing the file) and it defines ``command``. The name is the stem with ``_`` as ``-``.
"""
