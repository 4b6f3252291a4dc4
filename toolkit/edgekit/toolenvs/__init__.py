"""Tool environments: named, pinned Python environments for libraries whose pins clash.

Made on first use, cached by the hash of their pins, and used only through subprocesses with JSON
in and out, so that a converter's crash, leak or pin never reaches the host environment.
"""
