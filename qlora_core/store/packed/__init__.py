"""A run as one file: taken home and brought back, or kept for a server that loses its disk."""
