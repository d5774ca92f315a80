"""What a class leaves behind: what was guessed of a run, and what people answer to its validation pairs."""
