"""Processes that a page's server starts, and how they end."""
