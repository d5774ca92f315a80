"""Run against run: what may be claimed of those that were chosen together, and which pairs they differ on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qlora_core.choices import LABELS
from qlora_core.errors import QLoRAError
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.several.claims import claim_of_two, signed
from qlora_core.evaluation.several.two_runs import Changed, TwoRuns, compare_runs
from qlora_core.language import gettext as _
from qlora_core.language import number
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.safe_text import MAX_CELL, MAX_MESSAGE, MAX_NAME, one_line, plain
from qlora_core.ui.words import several as words

MAX_ROWS = 100  #: pairs that are listed
Updates = dict[Any, Any]


@dataclass(frozen=True)
class AgainstPanel:
    """The components that two or more chosen runs fill."""

    part: gr.Column
    claims: gr.Markdown
    gains: gr.Dataframe
    changed: gr.Dataframe

    @property
    def outputs(self) -> list[Any]:
        """What ``shown_against`` changes."""
        return [self.part, self.claims, self.gains, self.changed]


def against_panel() -> AgainstPanel:
    """Lay it out; it is there once several runs are chosen."""
    table: dict[str, Any] = {"interactive": False, "wrap": True, "elem_classes": "results-table", "buttons": ["copy"]}
    with gr.Column(visible=False, elem_id="run-against-run") as part:
        gr.Markdown(f"### {_(words.AGAINST)}")
        claims = gr.Markdown(latex_delimiters=[])
        gains = gr.Dataframe(headers=[*map(_, words.GAIN_HEADERS)], datatype="str", label=_(words.AGAINST), **table)
        with gr.Accordion(_(words.CHANGED), open=False):
            changed = gr.Dataframe(
                headers=[*map(_, words.CHANGED_HEADERS)],
                datatype="str",
                label=_(words.CHANGED),
                max_height=460,
                **table,
            )
    return AgainstPanel(part, claims, gains, changed)


def shown_against(services: Services, panel: AgainstPanel, runs: Sequence[Run]) -> Updates:
    """The first of ``runs`` against each other one; in plain words why not where they cannot be compared."""
    if len(runs) < 2:
        return {panel.part: gr.update(visible=False)}
    try:
        against = [compare_runs(runs[0], other, services.asker.validation_pairs) for other in runs[1:]]
    except QLoRAError as error:
        nothing: Updates = {panel.gains: gr.update(visible=False), panel.changed: []}
        return {panel.part: gr.update(visible=True), panel.claims: plain(error, MAX_MESSAGE), **nothing}
    first = against[0]
    claims = [plain(claim_of_two(two), MAX_MESSAGE) for two in against]
    return {
        panel.part: gr.update(visible=True),
        panel.claims: "\n\n".join([*claims, words.flipped(first.compared.fixed, first.compared.broken)]),
        panel.gains: gr.update(value=_gain_rows(first), visible=True),
        panel.changed: [_changed_row(pair) for pair in first.changed[:MAX_ROWS]],
    }


def _gain_rows(two: TwoRuns) -> list[list[str]]:
    rows = []
    for name, (low, high) in two.intervals.items():
        ends = f"{number(low, '+.3f')}, {number(high, '+.3f')}"
        values = map(shown, two.accuracies) if name == "accuracy" else ("", "")
        rows.append([METRICS[name].label, *values, number(two.compared.gains[name], "+.3f"), ends])
    for name, group in two.by_phenomenon.items():
        gain = signed(group.second - group.first)
        label = f"{one_line(name, MAX_NAME)} ({group.n})"
        rows.append([label, shown(group.first), shown(group.second), gain, f"p {number(group.p, '.4f')}"])
    return rows


def _changed_row(pair: Changed) -> list[str]:
    known = pair.sentences
    sentences = (known.sentence1, known.sentence2) if known else ("", "")
    return [
        _(words.SECOND) if pair.is_fixed else _(words.FIRST),
        *(one_line(sentence, MAX_CELL) for sentence in sentences),
        _(LABELS[pair.label]),
        one_line(known.phenomenon, MAX_NAME) if known else "",
        str(pair.idx),
    ]
