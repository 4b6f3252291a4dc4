"""What the ssh transport is made of: configuration, connection, login, commands, files."""
