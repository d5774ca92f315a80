"""Where pairs come from and what they become."""
