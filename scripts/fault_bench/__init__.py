"""The fault bench: one known cause of lag at a time in real runs, and whether it is found."""
