"""What a class guessed, judged and found, as a page to print or to save."""
