"""A file's rows, whatever kind of file it is."""
