"""Finished runs, kept where they outlive the disk of this server."""
