"""What counts as a sentence."""

#: Characters that are looked at together.
PIECE = 256


def is_empty(text: str) -> bool:
    """Whether BERT's tokenizers make no token of it: nothing, blanks, or characters that cannot be seen."""
    if any(map(str.isalnum, text[:PIECE])):
        return False
    from tokenizers.normalizers import BertNormalizer

    normalizer = BertNormalizer(lowercase=True)
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a character is read as "?"
    pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return not any(normalizer.normalize_str(piece).strip() for piece in pieces)
