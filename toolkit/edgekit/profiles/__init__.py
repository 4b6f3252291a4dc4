"""Device profiles and project files: TOML to validated records."""
