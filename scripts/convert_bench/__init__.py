"""Conversions by edgekit and by its peers: made, judged and timed side by side.

peers/    one file per peer: what it needs, where it runs, and how a person calls it by its defaults
exports/  float models from the sources, by each framework's own exporter: what peers start from
judging   outputs of every artifact against the original's
timing    one process that times every artifact in interleaved rounds
report    figures to tables and verdicts; pure
"""
