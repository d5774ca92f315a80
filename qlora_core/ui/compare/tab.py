"""The tab "Compare": two sentences, two models side by side, and which tokens moved each."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.events import Dependency

from qlora_core.data.typed_pairs import MAX_SCALE
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.compare.examples import Example, examples
from qlora_core.ui.compare.handlers import CompareTab, Updates, answered, explained, from_address, opened
from qlora_core.ui.compare.pair_file import pair_file_part
from qlora_core.ui.compare.sides import BASE, first_choices, second_choices
from qlora_core.ui.compare.tokens import TOKEN_TYPES
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.words import compare as words

FIRST_EXAMPLE = "role-swap"
KEEP_ADDRESS = "(question) => { if (question) qlora.address(question); }"
#: On a phone the answer may be below what was pressed.
SHOW_ANSWER = "() => { document.querySelector('#pair-result').scrollIntoView({ block: 'nearest' }); }"
CLEAR_NOTE = "() => ''"
PROGRESS = gr.Progress()  #: as a handler's default, it makes Gradio hand it one of its own


def compare_tab(services: Services) -> CompareTab:
    """Build the tab inside the current ``gr.Tab``; ``wire_opening`` fills it when it is opened."""
    with gr.Row(equal_height=False, elem_classes="compare-row"):
        with gr.Column(scale=2, min_width=300, elem_classes="compare-form"):
            example = next(one for one in examples(0) if one.phenomenon == FIRST_EXAMPLE)
            sentence1 = _sentence(1, example.sentence1)
            sentence2 = _sentence(2, example.sentence2)
            button = gr.Button(_(words.COMPARE), variant="primary", elem_id="compare-button")
            message = gr.Markdown(elem_classes="form-message", elem_id="compare-message", latex_delimiters=[])
            note = gr.Markdown(example.note, elem_classes="form-message", latex_delimiters=[])
            chosen = [(_example_buttons(label), examples(label)) for label in (1, 0)]
        with gr.Column(scale=3, min_width=320):
            first, second, scale = _models(services)
            answer = gr.Markdown(
                _(words.NOT_YET), elem_classes="pair-result", elem_id="pair-result", latex_delimiters=[]
            )
            tokens, text, rows, sums = _tokens()
    asked, explained = gr.JSON(visible=False), gr.State(None)
    parts = (sentence1, sentence2, first, second, scale, button, note, message, answer, asked)
    tab = CompareTab(*parts, tokens, text, rows, sums, explained)
    _wire_questions(services, tab)
    for buttons, offered in chosen:
        _wire_examples(services, tab, buttons, offered)
    pair_file_part(services, first, second, scale)
    return tab


def _sentence(place: int, value: str) -> gr.Textbox:
    # no max_length: the browser would cut off what is pasted without a word
    return gr.Textbox(
        value,
        label=words.sentence(place),
        lines=1,
        max_lines=5,
        elem_id=f"sentence{place}",
        elem_classes="compare-sentence",
    )


def _example_buttons(label: int) -> gr.Dataset:
    """A button for every example of a label; which one was pressed is told by its number alone."""
    return gr.Dataset(
        label=_(words.EXAMPLES[label]),
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
            first_choices(choices), value=BASE, label=_(words.FIRST), scale=2, min_width=210, elem_id="compare-first"
        )
        second = gr.Dropdown(
            choices,
            value=choices[0][1] if choices else None,
            label=_(words.SECOND),
            scale=3,
            min_width=320,
            elem_id="compare-second",
        )
    scale = gr.Slider(
        0, MAX_SCALE, value=1, step=0.05, label=_(words.SCALE), info=_(words.SCALE_HELP), buttons=["reset"]
    )
    return first, second, scale


def _tokens() -> tuple[gr.Column, gr.Markdown, gr.Dataframe, gr.Markdown]:
    with gr.Column(visible=False) as tokens:
        gr.Markdown(f"### {_(words.TOKENS)}\n\n{_(words.TOKENS_HELP)}", elem_classes="pair-legend")
        text = gr.Markdown(elem_classes="push-text", latex_delimiters=[])
        with gr.Accordion(_(words.AS_TABLE), open=False):
            sums = gr.Markdown(latex_delimiters=[])
            rows = gr.Dataframe(
                headers=[_(header) for header in words.TOKEN_HEADERS],
                datatype=TOKEN_TYPES,
                interactive=False,
                max_height=360,
                label=_(words.TOKEN_TABLE),
                show_label=False,
                elem_classes="results-table",
                buttons=["copy"],
            )
    return tokens, text, rows, sums


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
        show_progress_on=tab.text,
        concurrency_id="explain",
        concurrency_limit=1,
        **PRIVATE,
    )


def _wire_examples(services: Services, tab: CompareTab, buttons: gr.Dataset, offered: list[Example]) -> None:
    def fill(index: object) -> Updates:
        """The example's sentences."""
        if not isinstance(index, int) or not 0 <= index < len(offered):
            return {tab.note: _(words.NO_SUCH_EXAMPLE)}
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
            tab.note: _(words.FROM_RESULTS),
            tabs: gr.Tabs(selected="compare"),
        }

    outputs = [tab.first, tab.second, tab.sentence1, tab.sentence2, tab.note, tabs]
    event.success(show, taken, outputs, show_progress="hidden", queue=False, **PRIVATE)
