"""Guessing and judging on the page."""
