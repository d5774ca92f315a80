"""The tab "Results", on the threshold above which an answer is "same"."""

TITLE = "Another threshold: when is it “same”?"
SLIDER = "Threshold"
SLIDER_HELP = "“Same” is answered where its probability is above this. Every score elsewhere on this page is at 0.5."
ONE_LABEL = "All validation pairs have one label, so that no threshold can tell them apart."
RIGHT_AND_WRONG = "Right and wrong answers at this threshold"
LABEL_SAME, LABEL_DIFFERENT = "label: same", "label: different"
ANSWER_SAME, ANSWER_DIFFERENT = "answer: same", "answer: different"
SCORES = "Scores at this threshold, and at others that could be chosen"
WHICH, THRESHOLD, PRECISION, RECALL = "Which", "Threshold", "Precision", "Recall"
YOURS, REPORTED = "yours", "as reported"
FROM_TRAINING, FROM_VALIDATION = "best on training pairs", "best on these validation pairs"
CURVE = "Precision and recall at every threshold"
RECALL_AXIS = "recall: share of the “same” pairs that are found"
PRECISION_AXIS = "precision"
AS_TABLE = "The curve as a table"
NOT_RECORDED = (
    "This run was made by an earlier version, which recorded no answers to training pairs: no threshold can be chosen "
    "honestly afterwards. Train again to have one."
)
NO_CHOICE = "The recorded training pairs have one label, so that they choose no threshold."


def at(threshold: float, right: int, pairs: int) -> str:
    """What comes of a threshold."""
    return f"Above {threshold:.2f}, {right} of {pairs} validation pairs are answered right."


def flattery(threshold: float, pairs: int, best: float, points: float, noise: float) -> str:
    """What choosing on the reported pairs would flatter; accuracies in points."""
    if points <= 0:
        said = "Choosing it on the validation pairs themselves would have flattered nothing here."
    else:
        said = (
            f"Choosing {best:.2f}, the best on the validation pairs themselves, would have shown {points:.1f} points "
            "of accuracy more, all of it flattery: those pairs would then choose and measure."
        )
    return (
        f"{pairs} training pairs choose {threshold:.2f} (the most right answers; of several, the nearest to 0.5). "
        f"{said} One accuracy on the validation pairs is itself uncertain by ±{noise:.1f} points. The model has "
        "learned the training pairs, so it is surer of them than of others, for which their threshold is a guess."
    )
