"""What the tab "Compare" does: from what a visitor chose and typed to what its components show."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS, Pair, check_pair
from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.compare.answer_cards import answer_markdown
from qlora_core.ui.compare.answers import compare
from qlora_core.ui.compare.sides import BASE, Sides, check_sides, first_choices, second_choices
from qlora_core.ui.compare.token_text import token_text
from qlora_core.ui.compare.tokens import explain, sums_words, token_rows
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.values import table_value
from qlora_core.ui.words import compare as words

Updates = dict[Any, Any]
#: Bytes of a page's address that both sentences may take: every request repeats it, and servers refuse long ones.
MAX_IN_ADDRESS = 4_000


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
    text: gr.Markdown  #: both sentences, each word by its push
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
        return [self.tokens, self.text, self.rows, self.sums, self.explained]


def answered(services: Services, tab: CompareTab, question: tuple[object, ...], progress: gr.Progress) -> Updates:
    """Both models' answers, or in plain words why there are none; what was typed stays."""
    try:
        first, second, sentence1, sentence2, scale = question
        sides = check_sides(services, first, second, scale)
        pair = check_pair(sentence1, sentence2)
        progress((0, 1), desc=_(words.LOADING), unit=_(words.MODEL_UNIT))  # seen only if it takes a while
        asked = compare(services, sides, [pair])
        check = services.asker.check_base(sides.second, pair) if sides.first is None else None
    except QLoRAError as error:
        return {tab.message: words.refused(plain(error, MAX_MESSAGE)), tab.answer: _(words.NOT_YET), tab.asked: None}
    return {tab.message: "", tab.answer: answer_markdown(asked, check), tab.asked: address(sides, pair)}


def explained(services: Services, tab: CompareTab, question: tuple[object, ...], known: object) -> Updates:
    """The tokens behind an answer; nothing where they are shown already, and none where there is no answer."""
    try:
        first, second, sentence1, sentence2, scale = question
        sides = check_sides(services, first, second, scale)
        pair = check_pair(sentence1, sentence2)
        key = (first, second, sides.second.weights_version(), *pair)
        if key == known:
            return {tab.tokens: gr.skip()}
        found = explain(services, sides, pair)
    except QLoRAError:  # the answer said it already
        return {tab.tokens: gr.update(visible=False), tab.explained: None}
    return {
        tab.tokens: gr.update(visible=True),
        tab.text: token_text(found, pair),
        tab.rows: table_value(map(_, words.TOKEN_HEADERS), token_rows(found)),
        tab.sums: plain(sums_words(found), MAX_MESSAGE),
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


def address(sides: Sides, pair: Pair) -> dict[str, str]:
    """What the page's address says after a comparison; sentences that would make it too long are left out."""
    first = "" if sides.first is None else sides.first.id
    fits = sum(len(quote(sentence)) for sentence in pair) <= MAX_IN_ADDRESS
    a, b = pair if fits else ("", "")
    return {"run": sides.second.id, "first": first, "a": a, "b": b}


def from_address(services: Services, tab: CompareTab, tabs: gr.Tabs, parameters: dict[str, str]) -> Updates:
    """The boxes as a link fills them; a link with sentences opens the tab, which answers them."""
    updates = opened(services, tab, parameters.get("first", BASE), parameters.get("run"))
    # one character more than may be asked, so that what is too long is refused rather than cut off unnoticed
    sentences = [parameters.get(name, "")[: MAX_SENTENCE_CHARACTERS + 1] for name in ("a", "b")]
    if any(sentences):
        filled = dict(zip((tab.sentence1, tab.sentence2), sentences, strict=True))
        updates |= filled | {tab.note: "", tabs: gr.Tabs(selected="compare")}
    return updates
