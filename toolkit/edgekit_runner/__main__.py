"""Lets ``python -m edgekit_runner`` and the zip application start."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
