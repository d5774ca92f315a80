"""Runs on disk: nobody else knows a file's name."""
