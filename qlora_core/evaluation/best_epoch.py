"""Which evaluation's weights a run keeps."""

#: What ``best_epoch`` goes by, in words.
BEST_EPOCH_RULE = "highest mean of validation accuracy and F1; the lower validation loss, then the earlier, wins a tie"


def best_epoch(history: list[dict[str, float]]) -> int:
    """Index of the evaluation to keep; each has at least accuracy, f1 and loss."""
    return max(
        range(len(history)),
        key=lambda i: (history[i]["accuracy"] + history[i]["f1"], -history[i]["loss"], -i),
    )
