"""What counts as a sentence."""


def is_empty(text: str) -> bool:
    """Whether BERT's tokenizers make no token of it: nothing, blanks, or characters that cannot be seen."""
    if any(map(str.isalnum, text)):
        return False
    from tokenizers.normalizers import BertNormalizer

    return not BertNormalizer(lowercase=True).normalize_str(text).strip()
