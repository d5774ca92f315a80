"""A run with those of its kind: the same settings with other seeds, or with a few settings changed."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.errors import ConfigError, QLoRAError
from qlora_core.evaluation.several.alike import Alike, settings_that_differ
from qlora_core.evaluation.several.claims import claims_of_effects, claims_of_spread
from qlora_core.evaluation.several.effects import effects_of
from qlora_core.evaluation.several.plan import MAX_SETTINGS
from qlora_core.evaluation.several.spread import spread_of
from qlora_core.language import gettext as _
from qlora_core.server.group import changes_words
from qlora_core.server.services import Services
from qlora_core.server.together import runs_alike
from qlora_core.store.run import Run
from qlora_core.store.status import STATES
from qlora_core.ui.charts.several import curves_figure, effects_figure, spread_figure
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.words import finished
from qlora_core.ui.words import several as words

MAX_CURVES = 6  #: more in one picture cannot be told apart
Updates = dict[Any, Any]


@dataclass(frozen=True)
class KindsPanel:
    """The components that runs of a kind fill."""

    seeds: gr.Markdown
    spread: gr.Plot
    curves: gr.Plot
    place: gr.Accordion  #: of what follows
    looked_at: gr.Dropdown
    claims: gr.Markdown
    effects: gr.Plot

    @property
    def outputs(self) -> list[Any]:
        """What ``shown_kinds`` changes."""
        return [self.seeds, self.spread, self.curves, self.place, self.looked_at, self.claims, self.effects]


def checked_settings(names: object, known: Container[str]) -> list[str]:
    """The settings that a visitor wants to look at.

    Raises:
        ConfigError: they are none.
    """
    names = names or []
    if (
        not isinstance(names, list)
        or len(names) > MAX_SETTINGS
        or not all(isinstance(name, str) and name in known for name in names)
    ):
        raise ConfigError(_(finished.BAD_CHOICE))
    return [name for name in SETTINGS if name in names]


def shown_kinds(services: Services, panel: KindsPanel, run: Run, looked_at: Sequence[str]) -> Updates:
    """What the runs of the same settings say, and those that differ in the settings that are looked at."""
    try:
        offered = settings_that_differ(run, services.all_runs(), MAX_SETTINGS)
        updates = _over_seeds(panel, runs_alike(services, run))
    except QLoRAError as error:
        return {panel.seeds: finished.cannot_be_shown(plain(error, MAX_MESSAGE))}
    chosen = [name for name in looked_at if name in offered]
    choices = [(SETTINGS[name].label, name) for name in offered]
    updates[panel.looked_at] = gr.update(choices=choices, value=chosen)
    hidden = gr.update(visible=False)
    if not chosen:
        return {**updates, panel.claims: "" if offered else _(words.NO_OTHERS), panel.effects: hidden}
    updates[panel.place] = gr.update(open=True)
    try:
        known = runs_alike(services, run, chosen)
        if len(known.done) < 2:
            return {**updates, panel.claims: _progress(known, chosen), panel.effects: hidden}
        effects = effects_of(known.done, chosen)
    except QLoRAError as error:
        return {**updates, panel.claims: finished.cannot_be_shown(plain(error, MAX_MESSAGE)), panel.effects: hidden}
    said = [_progress(known, chosen), *(plain(claim, MAX_MESSAGE) for claim in claims_of_effects(effects))]
    drawn = gr.update(value=effects_figure(effects), visible=True)
    return {**updates, panel.claims: "\n\n".join(said), panel.effects: drawn}


def _over_seeds(panel: KindsPanel, known: Alike) -> Updates:
    hidden = gr.update(visible=False)
    if len(known.done) < 2:
        said = [*([_progress(known)] if known.count > 1 else []), _(words.ONE_SO_FAR)]
        return {panel.seeds: "\n\n".join(said), panel.spread: hidden, panel.curves: hidden}
    spread = spread_of(known.done)
    said = [_progress(known), *(plain(claim, MAX_MESSAGE) for claim in claims_of_spread(spread))]
    results = [(words.of_seed(run.config.seed), run.require_result()) for run in known.done[:MAX_CURVES]]
    return {
        panel.seeds: "\n\n".join(said),
        panel.spread: gr.update(value=spread_figure(spread), visible=True),
        panel.curves: gr.update(value=curves_figure(results), visible=True),
    }


def _progress(known: Alike, looked_at: Sequence[str] = ()) -> str:
    """How many are done, and what became of the others."""
    others = [*known.going_on, *known.fell_short]
    lines = [(_told_apart(run, looked_at), plain(STATES[run.status.state].label), plain(run.id)) for run in others]
    return "\n\n".join(filter(None, [words.progress(len(known.done), known.count), words.waiting(lines)]))


def _told_apart(run: Run, looked_at: Sequence[str]) -> str:
    parts = [changes_words(run.config, looked_at), words.of_seed(run.config.seed)]
    return plain(", ".join(filter(None, parts)), MAX_MESSAGE)
