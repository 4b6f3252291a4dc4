"""Renderers: one file per form, pure functions of records."""
