"""Visitors' files of pairs, read where they can do no harm."""
