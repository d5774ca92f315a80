"""A threshold on the probability of "same", at the tab "Results"."""
