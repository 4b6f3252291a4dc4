"""edgekit: convert, deploy, measure and explain machine-learning models on edge boards."""

__version__ = "0.1.0"
