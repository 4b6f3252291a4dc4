"""Compression that needs training: structured pruning, distillation, search with the board in the loop."""
