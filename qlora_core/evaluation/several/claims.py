"""What may be claimed of several runs, in sentences."""

from typing import Any

from qlora_core.config import SETTINGS
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.several.crossed import FEW_SEEDS, Gain
from qlora_core.evaluation.several.effects import Effect, Effects
from qlora_core.evaluation.several.spread import Spread
from qlora_core.evaluation.several.two_runs import TwoRuns
from qlora_core.language import N_, ngettext, number
from qlora_core.language import gettext as _

FEW = N_(
    "{} seeds are few: the interval is wide because nobody can tell from them how far seeds lie apart. Five or more "
    "make it narrower."
)
OTHER_PAIRS = N_(
    "Each seed set aside validation pairs of its own, so that seeds and pairs cannot be told apart; the interval is "
    "that of repeated splits."
)
ONE_SEED = N_(
    "Each combination ran with one seed alone, so that the intervals hold for these seeds: what another seed would "
    "change is not in them."
)
FLATTERED = N_(
    "The best of these {n} runs is flattered by having been chosen: were all alike, it would be expected {points} "
    "points above their mean."
)
EFFECT = N_(
    "{setting} {second} against {first}: {of} points of accuracy, more than chance explains (95 % interval {low} to "
    "{high} points, p {p} after correction)."
)
OVER_SEEDS = {
    Outcome.BETTER: N_(
        "Over {seeds} seeds, fine-tuning is better than the {baseline} by {by} points of accuracy, more "
        "than the choice of seeds and pairs explains ({evidence})."
    ),
    Outcome.WORSE: N_(
        "Over {seeds} seeds, fine-tuning is worse than the {baseline} by {by} points of accuracy, more "
        "than the choice of seeds and pairs explains ({evidence})."
    ),
    Outcome.NO_DIFFERENCE: N_(
        "Over {seeds} seeds, fine-tuning against the {baseline} comes to {of} points of accuracy, "
        "which the choice of seeds and pairs may explain ({evidence})."
    ),
}
AGAINST_EACH_OTHER = {
    Outcome.BETTER: N_(
        "Run {second} is better than run {first} by {by} points of accuracy, more than chance explains "
        "(95 % interval {low} to {high} points, McNemar p {p}, {n} pairs)."
    ),
    Outcome.WORSE: N_(
        "Run {second} is worse than run {first} by {by} points of accuracy, more than chance explains "
        "(95 % interval {low} to {high} points, McNemar p {p}, {n} pairs)."
    ),
    Outcome.NO_DIFFERENCE: N_(
        "No difference beyond chance: run {second} against run {first} {of} points of accuracy "
        "(95 % interval {low} to {high} points, McNemar p {p}, {n} pairs)."
    ),
}


def claims_of_spread(spread: Spread) -> list[str]:
    """What may be claimed of one recipe, against the strongest baseline first, and what belongs beside it."""
    sentences = [_of_gain(gain, label_of(name), len(spread.runs)) for name, gain in spread.gains.items()]
    if not spread.same_pairs:
        sentences.append(_(OTHER_PAIRS))
    if len(spread.runs) < FEW_SEEDS:
        sentences.append(_(FEW).format(len(spread.runs)))
    return sentences


def _of_gain(gain: Gain, baseline: str, seeds: int) -> str:
    facts = {"seeds": seeds, "baseline": baseline, "evidence": evidence(gain)}
    by, of = points(abs(gain.value)), signed(gain.value)
    return _(OVER_SEEDS[gain.outcome]).format(by=by, of=of, **facts)


def evidence(gain: Gain) -> str:
    """What a claim rests on."""
    low, high = (signed(end) for end in gain.ci95)
    words = _("95 % interval {low} to {high} points, p {p}, {n} pairs")
    return words.format(low=low, high=high, p=_p(gain.p), n=gain.pairs)


def claim_of_two(two: TwoRuns) -> str:
    """What may be claimed of two runs."""
    found = two.compared
    low, high = (signed(end) for end in found.accuracy_gain_ci95)
    facts = {"first": two.first, "second": two.second, "n": found.n, "p": _p(found.mcnemar_p)}
    by, of = points(abs(found.gains["accuracy"])), signed(found.gains["accuracy"])
    return _(AGAINST_EACH_OTHER[found.outcome]).format(by=by, of=of, low=low, high=high, **facts)


def claims_of_effects(effects: Effects) -> list[str]:
    """Which settings mattered, and what belongs beside that."""
    mattered = [effect for effect in effects.effects if effect.outcome is not Outcome.NO_DIFFERENCE]
    sentences = [_of_effect(effect) for effect in mattered]
    unclear = [name for name in effects.settings if name not in {effect.setting for effect in mattered}]
    if unclear:
        names = ", ".join(SETTINGS[name].label for name in unclear)
        sentences.append(_("No difference beyond chance was found between the values of: {names}.").format(names=names))
    correction = ngettext(
        "Its p is that of one comparison.",
        "Each p is corrected for the number of comparisons, {n} (Holm).",
        len(effects.effects),
    )
    sentences.append(correction.format(n=len(effects.effects)))
    sentences.append(_(FLATTERED).format(n=len(effects.runs), points=points(effects.flattery)))
    if effects.seeds < 2:
        sentences.append(_(ONE_SEED))
    return sentences


def _of_effect(effect: Effect) -> str:
    low, high = (signed(end) for end in effect.gain.ci95)
    return _(EFFECT).format(
        setting=SETTINGS[effect.setting].label,
        first=value_words(effect.first),
        second=value_words(effect.second),
        of=signed(effect.gain.value),
        low=low,
        high=high,
        p=_p(effect.p),
    )


def value_words(value: Any) -> str:
    """A setting's value as a sentence has it."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return number(value, "g") if isinstance(value, float) else str(value)


def points(share: float) -> str:
    """A share of 1 in points."""
    return number(100 * share, ".1f")


def signed(share: float) -> str:
    """The same with its sign."""
    return number(100 * share, "+.1f")


def _p(p: float) -> str:
    return f"< {number(0.0001, '.4f')}" if p < 0.0001 else f"= {number(p, '.4f')}"
