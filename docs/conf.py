"""The build of the documents: Sphinx with MyST and Furo; warnings are errors (make docs)."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

project = "edgekit"
author = "the edgekit authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "edgekit"
html_show_copyright = False
html_show_sourcelink = False
exclude_patterns = ["schema"]
myst_heading_anchors = 3
myst_enable_extensions = ["html_image"]


def setup(app: Sphinx) -> None:
    """Writes the reference pages before they are read."""
    import gen_reference

    gen_reference.main()
