"""The nouns of edgekit: frozen records, errors, units and versioned JSON.

Standard library only; no I/O but reading and writing record files.
"""
