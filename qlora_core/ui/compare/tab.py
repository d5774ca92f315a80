"""The tab "Compare": two sentences, two models side by side, and which tokens moved each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from qlora_core.data.typed_pairs import MAX_SCALE, MAX_SENTENCE_CHARACTERS, check_pair
from qlora_core.errors import QLoRAError
from qlora_core.server.services import Services
from qlora_core.ui.compare import answers as view
from qlora_core.ui.compare import tokens as token_view
from qlora_core.ui.compare.examples import Example, examples
from qlora_core.ui.compare.pair_file import LOADING, pair_file_part
from qlora_core.ui.compare.sides import BASE, check_sides, first_choices, second_choices
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import plain

Updates = dict[Any, Any]
FIRST_EXAMPLE = "role-swap"
NOT_YET = "## Press Compare\n\nBoth models answer here, side by side; which tokens moved them follows."
SCALE_HELP = (
    "0 is the base model, 1 the adapter as trained; what lies between or beyond is base + scale × (trained − base), "
    "which is called task arithmetic."
)
KEEP_ADDRESS = "(question) => { if (question) window.qloraAddress(question); }"
#: On a phone the answer may be below what was pressed.
SHOW_ANSWER = "() => { document.querySelector('#pair-result').scrollIntoView({ block: 'nearest' }); }"
CLEAR_NOTE = "() => ''"
PROGRESS = gr.Progress()  #: as a handler's default, it makes Gradio hand it one of its own


@dataclass(frozen=True)
class CompareTab:
    """The components, for the handlers and for the rest of the page."""

    sentence1: gr.Textbox
    sentence2: gr.Textbox
    first: gr.Dropdown  #: "base" or a run's id
    second: gr.Dropdown  #: a run's id
    scale: gr.Slider
    button: gr.Button
    note: gr.Markdown  #: what the pair in the boxes is
    message: gr.Markdown  #: what went wrong
    answer: gr.Markdown
    asked: gr.JSON  #: what has been answered, for the page's address
    tokens: gr.Column
    figure: gr.Plot
    rows: gr.Dataframe
    sums: gr.Markdown
    explained: gr.State  #: the pair and runs whose tokens are shown

    @property
    def question(self) -> list[Any]:
        """Who is asked what."""
        return [self.first, self.second, self.sentence1, self.sentence2, self.scale]

    @property
    def token_outputs(self) -> list[Any]:
        """What explains an answer."""
        return [self.tokens, self.figure, self.rows, self.sums, self.explained]


def compare_tab(services: Services) -> CompareTab:
    """Build the tab inside the current ``gr.Tab``; ``wire_opening`` fills it when it is opened."""
    with gr.Row(equal_height=False, elem_classes="compare-row"):
        with gr.Column(scale=2, min_width=300, elem_classes="compare-form"):
            example = next(one for one in examples(0) if one.phenomenon == FIRST_EXAMPLE)
            sentence1 = _sentence(1, example.sentence1)
            sentence2 = _sentence(2, example.sentence2)
            button = gr.Button("Compare", variant="primary", elem_id="compare-button")
            message = gr.Markdown(elem_classes="form-message", elem_id="compare-message", latex_delimiters=[])
            note = gr.Markdown(example.note, elem_classes="form-message", latex_delimiters=[])
            chosen = [(_example_buttons(label), examples(label)) for label in (1, 0)]
        with gr.Column(scale=3, min_width=320):
            first, second, scale = _models(services)
            answer = gr.Markdown(NOT_YET, elem_classes="pair-result", elem_id="pair-result", latex_delimiters=[])
            tokens, figure, rows, sums = _tokens()
    asked, explained = gr.JSON(visible=False), gr.State(None)
    parts = (sentence1, sentence2, first, second, scale, button, note, message, answer, asked)
    tab = CompareTab(*parts, tokens, figure, rows, sums, explained)
    _wire_questions(services, tab)
    for buttons, offered in chosen:
        _wire_examples(services, tab, buttons, offered)
    pair_file_part(services, first, second, scale)
    return tab


def _sentence(place: int, value: str) -> gr.Textbox:
    # no max_length: the browser would cut off what is pasted without a word
    return gr.Textbox(
        value,
        label=f"Sentence {place}",
        lines=1,
        max_lines=5,
        elem_id=f"sentence{place}",
        elem_classes="compare-sentence",
    )


def _example_buttons(label: int) -> gr.Dataset:
    """A button for every example of a label; which one was pressed is told by its number alone."""
    return gr.Dataset(
        label=f"Examples that mean {'the same' if label else 'something different'}",
        components=[gr.Textbox(render=False)],
        samples=[[example.words] for example in examples(label)],
        sample_labels=[example.words for example in examples(label)],
        samples_per_page=16,
        type="index",
        elem_classes="compare-examples",
    )


def _models(services: Services) -> tuple[gr.Dropdown, gr.Dropdown, gr.Slider]:
    choices = second_choices(services)
    with gr.Row():
        first = gr.Dropdown(
            first_choices(choices), value=BASE, label="First", scale=2, min_width=210, elem_id="compare-first"
        )
        second = gr.Dropdown(
            choices,
            value=choices[0][1] if choices else None,
            label="Second",
            scale=3,
            min_width=320,
            elem_id="compare-second",
        )
    scale = gr.Slider(
        0, MAX_SCALE, value=1, step=0.05, label="Scale of the second one's adapter", info=SCALE_HELP, buttons=["reset"]
    )
    return first, second, scale


def _tokens() -> tuple[gr.Column, gr.Plot, gr.Dataframe, gr.Markdown]:
    with gr.Column(visible=False) as tokens:
        gr.Markdown(f"### Which tokens mattered\n\n{token_view.LEGEND}", elem_classes="pair-legend")
        figure = gr.Plot(label="Which tokens mattered", show_label=False, elem_classes="results-figure")
        with gr.Accordion("The same as a table", open=False):
            sums = gr.Markdown(latex_delimiters=[])
            rows = gr.Dataframe(
                headers=token_view.TOKEN_HEADERS,
                datatype=token_view.TOKEN_TYPES,
                interactive=False,
                max_height=360,
                label="Score of every token",
                show_label=False,
                elem_classes="results-table",
                buttons=["copy"],
            )
    return tokens, figure, rows, sums


def answered(services: Services, tab: CompareTab, question: tuple[object, ...], progress: gr.Progress) -> Updates:
    """Both models' answers, or in plain words why there are none; what was typed stays."""
    try:
        first, second, sentence1, sentence2, scale = question
        sides = check_sides(services, first, second, scale)
        pair = check_pair(sentence1, sentence2)
        progress((0, 1), desc=LOADING, unit="model")  # seen only if it takes a while
        asked = view.compare(services, sides, [pair])
    except QLoRAError as error:
        return {tab.message: f"**That cannot be compared.** {plain(error, 600)}", tab.answer: NOT_YET, tab.asked: None}
    return {tab.message: "", tab.answer: view.answer_markdown(asked), tab.asked: view.address(sides, pair)}


def explained(services: Services, tab: CompareTab, question: tuple[object, ...], known: object) -> Updates:
    """The tokens behind an answer; nothing where they are shown already, and none where there is no answer."""
    try:
        first, second, sentence1, sentence2, scale = question
        sides = check_sides(services, first, second, scale)
        pair = check_pair(sentence1, sentence2)
        key = (first, second, view.reloaded(services, sides.second).step, *pair)
        if key == known:
            return {tab.tokens: gr.skip()}
        found = token_view.explain(services, sides, pair)
    except QLoRAError:  # the answer said it already
        return {tab.tokens: gr.update(visible=False), tab.explained: None}
    return {
        tab.tokens: gr.update(visible=True),
        tab.figure: token_view.token_figure(found),
        tab.rows: token_view.token_rows(found),
        tab.sums: plain(token_view.sums_words(found), 600),
        tab.explained: key,
    }


def opened(services: Services, tab: CompareTab, first: object, second: object) -> Updates:
    """The runs there are now; those that are chosen stay chosen while they exist."""
    choices = second_choices(services)
    ids = [run_id for _, run_id in choices]
    chosen = second if second in ids else next(iter(ids), None)
    return {
        tab.first: gr.update(choices=first_choices(choices), value=first if first in ids else BASE),
        tab.second: gr.update(choices=choices, value=chosen),
    }


def from_address(services: Services, tab: CompareTab, tabs: gr.Tabs, parameters: dict[str, str]) -> Updates:
    """The boxes as a link fills them; a link with sentences opens the tab, which answers them."""
    updates = opened(services, tab, parameters.get("first", BASE), parameters.get("run"))
    # one character more than may be asked, so that what is too long is refused rather than cut off unnoticed
    sentences = [parameters.get(name, "")[: MAX_SENTENCE_CHARACTERS + 1] for name in ("a", "b")]
    if any(sentences):
        filled = dict(zip((tab.sentence1, tab.sentence2), sentences, strict=True))
        updates |= filled | {tab.note: "", tabs: gr.Tabs(selected="compare")}
    return updates


def _wire_questions(services: Services, tab: CompareTab) -> None:
    """Answer when the button is pressed, a run is chosen or the scale moves."""
    gr.on([tab.sentence1.input, tab.sentence2.input], None, None, tab.note, js=CLEAR_NOTE, **PRIVATE)
    pressed = gr.on([tab.button.click, tab.sentence1.submit, tab.sentence2.submit], **_answering(services, tab, "once"))
    chosen = gr.on([tab.first.input, tab.second.input], **_answering(services, tab, "always_last"))
    scaled = tab.scale.change(**_answering(services, tab, "always_last", show_progress="hidden"))
    pressed.then(None, None, None, js=SHOW_ANSWER, **PRIVATE)
    for event in (pressed, chosen, scaled):
        then_explain(services, tab, event)


def _answering(services: Services, tab: CompareTab, trigger_mode: str, **options: Any) -> dict[str, Any]:
    """What an event takes that has both models answer."""

    def answer(
        first: object, second: object, sentence1: object, sentence2: object, scale: object, progress: Any = PROGRESS
    ) -> Updates:
        """Ask both models."""
        return answered(services, tab, (first, second, sentence1, sentence2, scale), progress)

    shared: dict[str, Any] = {
        "show_progress": "minimal",
        "show_progress_on": tab.answer,
        "concurrency_id": "compare",
        "concurrency_limit": 8,
        "trigger_mode": trigger_mode,
        **PRIVATE,
    }
    outputs = [tab.message, tab.answer, tab.asked]
    return {"fn": answer, "inputs": tab.question, "outputs": outputs, **shared, **options}


def then_explain(services: Services, tab: CompareTab, event: Dependency) -> None:
    """After an answer: its link into the page's address, and the tokens behind it, one visitor at a time."""

    def explain(known: object, *question: object) -> Updates:
        """Find out which tokens mattered."""
        return explained(services, tab, question, known)

    event.then(None, tab.asked, None, js=KEEP_ADDRESS, **PRIVATE)
    event.then(
        explain,
        [tab.explained, *tab.question],
        tab.token_outputs,
        show_progress="minimal",
        show_progress_on=tab.figure,
        concurrency_id="explain",
        concurrency_limit=1,
        **PRIVATE,
    )


def _wire_examples(services: Services, tab: CompareTab, buttons: gr.Dataset, offered: list[Example]) -> None:
    def fill(index: object) -> Updates:
        """The example's sentences."""
        if not isinstance(index, int) or not 0 <= index < len(offered):
            return {tab.note: "There is no such example."}
        example = offered[index]
        return {tab.sentence1: example.sentence1, tab.sentence2: example.sentence2, tab.note: example.note}

    filled = buttons.click(
        fill, buttons, [tab.sentence1, tab.sentence2, tab.note], show_progress="hidden", queue=False, **PRIVATE
    )
    answered_event = filled.then(**_answering(services, tab, "once"))
    answered_event.then(None, None, None, js=SHOW_ANSWER, **PRIVATE)
    then_explain(services, tab, answered_event)


def wire_opening(services: Services, tab: CompareTab, place: gr.Tab, tabs: gr.Tabs, page: gr.Blocks) -> None:
    """Fill the tab from the page's address, and answer whatever is in its boxes whenever it is opened.

    Has to be called inside the page's ``gr.Blocks`` and outside its tabs.
    """

    def load(request: gr.Request) -> Updates:
        """What the page's address asks for."""
        return from_address(services, tab, tabs, dict(request.query_params))

    def open_tab(first: object, second: object) -> Updates:
        """The runs there are now."""
        return opened(services, tab, first, second)

    quietly: dict[str, Any] = {"show_progress": "hidden", "queue": False, **PRIVATE}
    filled = [tab.first, tab.second, tab.sentence1, tab.sentence2, tab.note, tabs]
    page.load(load, None, filled, **quietly)
    event = place.select(open_tab, [tab.first, tab.second], [tab.first, tab.second], **quietly)
    then_explain(services, tab, event.then(**_answering(services, tab, "once")))


def wire_taken_pair(
    services: Services, tab: CompareTab, event: Dependency, taken: Sequence[gr.components.Component], tabs: gr.Tabs
) -> None:
    """Show a pair that was taken elsewhere: ``taken`` holds its two sentences and the dropdown of its runs."""

    def show(sentence1: object, sentence2: object, runs: object) -> Updates:
        """Put the pair and its run into this tab, and open it."""
        run_id = runs[0] if isinstance(runs, list) and runs else None
        updates = opened(services, tab, BASE, run_id)
        return updates | {
            tab.sentence1: str(sentence1),
            tab.sentence2: str(sentence2),
            tab.note: "From the tab Results.",
            tabs: gr.Tabs(selected="compare"),
        }

    outputs = [tab.first, tab.second, tab.sentence1, tab.sentence2, tab.note, tabs]
    event.success(show, taken, outputs, show_progress="hidden", queue=False, **PRIVATE)
