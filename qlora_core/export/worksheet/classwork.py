"""What a class guessed and judged, as its worksheet shows it: in numbers and sentences, and nobody's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from qlora_core.choices import LABELS
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.metrics import shown
from qlora_core.export.worksheet.charts import guesses_chart
from qlora_core.export.worksheet.strips import strip
from qlora_core.language import gettext as _
from qlora_core.language import ngettext, number

MAX_GUESSES = 60  #: listed beside the picture, which has all
MAX_DISAGREEMENTS = 6  #: listed, those that divide the room most


def guessed(report: Mapping[str, Any], course: Sequence[Sequence[float]]) -> dict[str, Any] | None:
    """All guesses beside the outcome; None where nobody has guessed.

    Args:
        report: see ``classroom.outcome.guesses_report``.
        course: how the accuracy really went.
    """
    guesses, outcome, median = report["guesses"], report["outcome"], report["median"]
    if not guesses:
        return None
    names = {"before": _("before"), "after": _("after")}
    rows = [
        (label, [guess[kind] for guess in guesses], {"median": median[kind], "outcome": outcome and outcome[kind]})
        for kind, label in names.items()
    ]
    drawn = [[guess["before"], *guess["between"], guess["after"]] for guess in guesses if guess["between"]]
    return {
        "said": _standing(report),
        "strip": strip(rows),
        "curves": guesses_chart(drawn, course),
        "each": [f"{shown(one['before'], 2)} → {shown(one['after'], 2)}" for one in guesses[:MAX_GUESSES]],
    }


def _standing(report: Mapping[str, Any]) -> str:
    n, median, outcome = len(report["guesses"]), report["median"], report["outcome"]
    middle = {name: shown(value, 2) for name, value in median.items()}
    said = [
        ngettext("{n} guess was written down.", "{n} guesses were written down.", n).format(n=n),
        _("Median: {before} before and {after} after.").format(**middle),
    ]
    if outcome:
        closest = _("It came to {after}; the closest guess was off by {off}.")
        said.append(closest.format(after=shown(outcome["after"]), off=shown(report["closest_off"])))
    return " ".join(said)


def judged(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """The room beside the models; without ``scores`` where too few have judged, None where nobody has.

    Args:
        report: see ``classroom.scores.room_report``.
    """
    if not report["judges"]:
        return None
    scores = report["scores"]
    said = [
        ngettext("{n} person has judged.", "{n} people have judged.", report["judges"]).format(n=report["judges"]),
        _("Judgements: {judgements}, of pairs: {pairs}.").format(
            judgements=report["judgements"], pairs=report["pairs"]
        ),
    ]
    if not report["enough"]:
        few = _("That is too few to speak of a room: it takes {judgements} judgements by {judges} people.")
        said.append(few.format(**report["least"]))
    elif scores is None:
        said.append(_("None of the judged pairs is among those that this run was measured on."))
    return {"said": " ".join(said), "scores": scores and _scores(scores)}


def _scores(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "said": _room(scores),
        "rows": _answerers(scores),
        "agreement": _agreement(scores),
        "phenomena": {row["name"]: _phenomenon(row) for row in scores["phenomena"]},
        "disagreements": [_division(pair) for pair in scores["disagreements"][:MAX_DISAGREEMENTS]],
        "divided": len(scores["disagreements"]),
    }


def _room(scores: Mapping[str, Any]) -> str:
    low, high = scores["finetuned_gain_ci95"]
    values = {
        "accuracy": shown(scores["accuracy"]),
        "ends": _ends(scores["accuracy_ci95"]),
        "finetuned": shown(scores["models"]["finetuned"]),
        "gain": number(scores["finetuned_gain"], "+.3f"),
        "between": _ends((low, high)),
    }
    of_model = (
        _(
            "The fine-tuned model answers {finetuned} of the same pairs right: {gain} against the room, "
            "which may be luck ({between})."
        )
        if low <= 0 <= high
        else _(
            "The fine-tuned model answers {finetuned} of the same pairs right: {gain} against the room, "
            "more than luck ({between})."
        )
    )
    return f"{_('This room: {accuracy} (95 % interval {ends}).').format(**values)} {of_model.format(**values)}"


def _ends(interval: Sequence[float]) -> str:
    low, high = interval
    return _("{low} to {high}").format(low=shown(low), high=shown(high))


def _answerers(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everybody who answered the judged pairs, the best first."""
    rows = [(share, label_of(name), "–", False) for name, share in scores["models"].items()]
    alone = _("one person of this room, on average")
    rows.append((scores["accuracy"], _("This room"), _ends(scores["accuracy_ci95"]), True))
    rows.append((scores["single_accuracy"], alone, _ends(scores["single_accuracy_ci95"]), False))
    rows.sort(key=lambda row: -row[0])
    return [{"who": who, "accuracy": shown(share), "ends": ends, "own": own} for share, who, ends, own in rows]


def _agreement(scores: Mapping[str, Any]) -> str:
    if scores["kappa"] is None:
        return _("Agreement cannot be computed: it needs pairs with two judges, and both answers.")
    said = _(
        "Agreement beyond chance, where 0 is chance and 1 full agreement: Fleiss' kappa {kappa}, over {pairs} pairs "
        "with two or more judges."
    )
    return said.format(kappa=shown(scores["kappa"], 2), pairs=scores["kappa_pairs"])


def _phenomenon(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"room": shown(row["accuracy"], 2), "finetuned": shown(row["finetuned"], 2), "pairs": row["pairs"]}


def _division(pair: Mapping[str, Any]) -> dict[str, Any]:
    said = _("Said same: {same}, different: {different}. The label: {label}; the fine-tuned model: {finetuned}.")
    return {
        "sentences": [pair["sentence1"], pair["sentence2"]] if pair["sentence1"] else [],
        "number": pair["pair"],
        "said": said.format(
            same=pair["same"],
            different=pair["different"],
            label=_(LABELS[pair["label"]]),
            finetuned=_(LABELS[pair["finetuned"]]),
        ),
    }
