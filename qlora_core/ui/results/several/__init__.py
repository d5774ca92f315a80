"""Several runs, at the tab "Results": against each other, over seeds, over settings."""
