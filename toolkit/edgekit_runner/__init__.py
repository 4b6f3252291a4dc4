"""The board side of edgekit: standard library only, Python 3.8 and later.

Everything that is ever installed on a board. It measures, probes, checks golden outputs and
installs releases; it decides nothing. stdout carries JSON lines and nothing else.
"""

__version__ = "0.1.0"
