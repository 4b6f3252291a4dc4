"""Drives runs on a board and trips to an endpoint; statistics, validity, comparison."""
