"""Code that runs inside tool environments; nothing here is imported by the host process."""
