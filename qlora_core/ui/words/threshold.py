"""The tab "Results", on the threshold above which an answer is "same"."""

from qlora_core.language import N_, number
from qlora_core.language import gettext as _

TITLE = N_("Another threshold: when is it “same”?")
SLIDER = N_("Threshold")
SLIDER_HELP = N_(
    "“Same” is answered where its probability is above this. Every score elsewhere on this page is at 0.5."
)
ONE_LABEL = N_("All validation pairs have one label, so that no threshold can tell them apart.")
RIGHT_AND_WRONG = N_("Right and wrong answers at this threshold")
LABEL_SAME, LABEL_DIFFERENT = N_("label: same"), N_("label: different")
ANSWER_SAME, ANSWER_DIFFERENT = N_("answer: same"), N_("answer: different")
SCORES = N_("Scores at this threshold, and at others that could be chosen")
WHICH, THRESHOLD, PRECISION, RECALL = N_("Which"), N_("Threshold"), N_("Precision"), N_("Recall")
YOURS, REPORTED = N_("yours"), N_("as reported")
FROM_TRAINING, FROM_VALIDATION = N_("best on training pairs"), N_("best on these validation pairs")
CURVE = N_("Precision and recall at every threshold")
RECALL_AXIS = N_("recall: share of the “same” pairs that are found")
PRECISION_AXIS = N_("precision")
AS_TABLE = N_("The curve as a table")
NOT_RECORDED = N_(
    "This run was made by an earlier version, which recorded no answers to training pairs: no threshold can be chosen "
    "honestly afterwards. Train again to have one."
)
NO_CHOICE = N_("The recorded training pairs have one label, so that they choose no threshold.")


def at(threshold: float, right: int, pairs: int) -> str:
    """What comes of a threshold."""
    return _("Above {threshold}, {right} of {pairs} validation pairs are answered right.").format(
        threshold=number(threshold, ".2f"), right=right, pairs=pairs
    )


def precision_and_recall(which: str, precision: str, recall: str) -> str:
    """Both at one threshold."""
    return _("{which}: precision {precision}, recall {recall}").format(which=which, precision=precision, recall=recall)


def flattery(threshold: float, pairs: int, best: float, points: float, noise: float) -> str:
    """What choosing on the reported pairs would flatter; accuracies in points."""
    if points <= 0:
        said = _("Choosing it on the validation pairs themselves would have flattered nothing here.")
    else:
        said = _(
            "Choosing {best}, the best on the validation pairs themselves, would have shown {points} points of "
            "accuracy more, all of it flattery: those pairs would then choose and measure."
        ).format(best=number(best, ".2f"), points=number(points, ".1f"))
    chosen = _("{pairs} training pairs choose {threshold} (the most right answers; of several, the nearest to {half}).")
    noisy = _(
        "One accuracy on the validation pairs is itself uncertain by ±{noise} points. The model has "
        "learned the training "
        "pairs, so it is surer of them than of others, for which their threshold is a guess."
    )
    return " ".join(
        [
            chosen.format(pairs=pairs, threshold=number(threshold, ".2f"), half=number(0.5, ".1f")),
            said,
            noisy.format(noise=number(noise, ".1f")),
        ]
    )
