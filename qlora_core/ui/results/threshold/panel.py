"""A threshold on the probability of "same", and what follows from it, at the tab "Results"."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.errors import DataError, QLoRAError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.results.run_choice import checked_runs
from qlora_core.ui.results.threshold.outcomes import DEFAULT, Choices, choices_of
from qlora_core.ui.results.threshold.picture import threshold_html
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.words import finished
from qlora_core.ui.words import threshold as words

KEEP_ADDRESS = f"""(runs, threshold) => {{
    qlora.addressSoon({{ threshold: threshold === {DEFAULT} ? "" : String(threshold) }});
    return [runs, threshold];
}}"""


@dataclass(frozen=True)
class ThresholdPanel:
    """The components that a run and a threshold fill."""

    place: gr.Accordion
    slider: gr.Slider
    picture: gr.HTML
    note: gr.Markdown  #: which threshold the training pairs choose, or why none
    named: gr.Textbox  #: the threshold that the page's address names, hidden

    @property
    def outputs(self) -> list[Any]:
        """What ``shown_threshold`` fills, in its order."""
        return [self.slider, self.picture, self.note]


def threshold_panel() -> ThresholdPanel:
    """Slider, picture and words, closed at first."""
    with gr.Accordion(_(words.TITLE), open=False, elem_id="threshold") as place:
        slider = gr.Slider(0, 1, value=DEFAULT, step=0.01, label=_(words.SLIDER), info=_(words.SLIDER_HELP))
        picture = gr.HTML(elem_classes="threshold-picture")
        note = gr.Markdown(latex_delimiters=[])
        named = gr.Textbox(visible=False)
    return ThresholdPanel(place, slider, picture, note, named)


def wire_threshold(services: Services, panel: ThresholdPanel, runs: gr.Dropdown) -> None:
    """Follow the slider, of which only the newest place counts."""

    def follow(run_ids: object, threshold: object) -> list[Any]:
        """What another threshold comes to."""
        return shown_threshold(services, run_ids, threshold)

    panel.slider.input(
        follow,
        [runs, panel.slider],
        panel.outputs,
        js=KEEP_ADDRESS,
        show_progress="hidden",
        trigger_mode="always_last",
        queue=False,
        **PRIVATE,
    )


def shown_threshold(services: Services, run_ids: object, threshold: object) -> list[Any]:
    """Slider, picture and words for the first of the chosen runs."""
    try:
        run = checked_runs(services, run_ids)[0]
        share = _checked(threshold)
        choices = choices_of(run)
    except QLoRAError as error:
        return [gr.skip(), "", finished.cannot_be_shown(plain(error, MAX_MESSAGE))]
    if not choices.validation.has_both_labels:
        return [gr.update(visible=False), "", _(words.ONE_LABEL)]
    return [gr.update(visible=True), threshold_html(choices, share), _note(choices)]


def opened_threshold(services: Services, run_ids: object, threshold: object, named: object) -> list[Any]:
    """The same, and the panel opened, where the page's address names a threshold: ``named``, "" for none."""
    try:
        share = _checked(float(named)) if isinstance(named, str) and named else None
    except (ValueError, DataError):  # an address is typed by anybody
        share = None
    slider, *others = shown_threshold(services, run_ids, threshold if share is None else share)
    if share is None:
        return [slider, *others, gr.skip()]
    return [slider | {"value": share}, *others, gr.update(open=True)]


def _checked(threshold: object) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise DataError(_("A threshold is a number between 0 and 1."))
    return float(threshold)


def _note(choices: Choices) -> str:
    if choices.from_training is None or choices.flattery is None:
        return _(words.NO_CHOICE) if choices.training_pairs else _(words.NOT_RECORDED)
    return words.flattery(
        choices.from_training,
        choices.training_pairs,
        choices.from_validation,
        100 * choices.flattery,
        100 * choices.noise,
    )
