"""Served models measured beside those of others, and what each option of the server brings."""
