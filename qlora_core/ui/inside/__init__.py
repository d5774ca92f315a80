"""The tab "Inside"."""
