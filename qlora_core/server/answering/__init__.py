"""What reloaded runs say of pairs, found out by a process of their own: the page computes nothing."""
