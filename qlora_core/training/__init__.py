"""One run, from its configuration to a verified result."""
