"""Where the time goes and why: pure functions of records."""
