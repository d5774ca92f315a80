"""What a visitor reads, a module a tab; the words of lists stand in their tables.

Text, and small functions that put facts into a sentence: nothing is decided or asked here.
"""
