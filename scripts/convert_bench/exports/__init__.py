"""Float models from the sources; each runs in a tool environment."""
