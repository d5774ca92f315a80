"""Nothing that a visitor reads goes past the catalogue: in a language whose texts are all marked, no other is left."""

import ast
import gc
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qlora_core.assets import ASSETS, RECORDED_RUNS
from qlora_core.config import make_config
from qlora_core.language import Message, speaking
from qlora_core.server.services import Services, make_services
from qlora_core.store.run import LOST
from qlora_core.ui.build import build_app
from qlora_core.ui.results.setting_rows import environment_rows
from qlora_core.ui.results.tab import detailed, opened, results_tab, shown
from qlora_core.ui.train.live_news import Poll, view
from qlora_core.ui.values import table_value
from qlora_core.ui.words.train import expected
from tests.marked import CODE, every_text_marked, marked, marked_catalogue, unmarked
from tests.recorded import recorded_run

LOOKUP = re.compile(r"""\b(?:_|N_|ngettext)\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
#: What of a component is shown to people, and of a chart.
SHOWN = ("label", "info", "placeholder", "headers", "html_template")
TITLES = ("text", "ticktext", "name")


@pytest.fixture(scope="module")
def marking() -> Iterator[None]:
    with every_text_marked(), speaking(CODE):
        yield


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return make_services(tmp_path_factory.mktemp("store") / "runs", RECORDED_RUNS, "")


def looked_up(path: Path) -> Iterator[str]:
    """The texts that a source looks up or marks."""
    if path.suffix == ".js":
        yield from (ast.literal_eval(text) for text in LOOKUP.findall(path.read_text()))
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_", "ngettext"):
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_text_that_is_looked_up_is_collected() -> None:
    """Babel does not look into f-strings and template literals."""
    collected = {
        text for message in marked_catalogue() for text in ([message.id] if isinstance(message.id, str) else message.id)
    }
    sources = [*(ASSETS.parent / "qlora_core").rglob("*.py"), *ASSETS.rglob("*.js")]
    missing = [(path.name, text) for path in sources for text in looked_up(path) if text not in collected]
    assert not missing


def test_what_is_marked_keeps_what_is_filled_in_and_what_is_markup() -> None:
    assert marked("<b>Run</b> {n} of `r`") == "<b>Ｒｕｎ</b> {n} ｏｆ `r`"
    assert unmarked("Ｒｕｎ 3 of nf4: left") == ["left"]


def shown_props(props: dict[str, Any], kind: str) -> Iterator[str]:
    """What people read of a component."""
    yield from (str(props[name]) for name in SHOWN if props.get(name))
    yield from (str(choice[0]) for choice in props.get("choices") or [])
    if kind in ("markdown", "html", "button", "downloadbutton"):
        yield str(props.get("value") or "")


def test_no_component_shows_a_word_that_is_not_in_the_catalogue(marking: None, services: Services) -> None:
    del marking
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops open
        components = build_app(services).get_config_file()["components"]
        gc.collect()
    found = [
        (one["type"], words)
        for one in components
        if one["type"] != "api" and one["props"].get("visible") is True
        for text in shown_props(one["props"], one["type"])
        if (words := unmarked(text))
    ]
    assert not found


def texts_of(told: Any, wanted: tuple[str, ...], name: str = "") -> Iterator[str]:
    """The texts in what a handler tells, however deep, that have one of these names."""
    if isinstance(told, str):
        yield from [told] if name in wanted else []
    elif isinstance(told, dict):
        for key, value in told.items():
            yield from texts_of(value, wanted, key)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from texts_of(value, wanted, name)


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_results_say_everything_in_the_language(preset: str, marking: None, services: Services) -> None:
    del marking
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with gr.Blocks():
            tab = results_tab(services)
        gc.collect()
    run = recorded_run(preset)
    updates = {
        **opened(services, tab, run.id, [], "newest first", "", []),
        **shown(services, tab, [run.id]),
        **detailed(services, tab, [run.id]),
    }
    said = []
    for update in updates.values():
        if isinstance(update, str):
            said.append(update)
        elif hasattr(update, "to_plotly_json"):
            said += texts_of(update.to_plotly_json(), TITLES)
        elif isinstance(update, dict):
            said += [*texts_of(update, ("headers", "label")), *texts_of(update.get("value"), ("value",), "value")]
    assert len(said) > 20
    assert not [(text[:80], words) for text in said if (words := unmarked(text))]


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_the_live_view_says_everything_in_the_language(preset: str, marking: None, services: Services) -> None:
    del marking
    told = view(services, recorded_run(preset), Poll())
    said = [told[name] for name in ("verdict", "truncation", "baselines_known")]
    assert any(said)
    assert not [words for text in said if (words := unmarked(text))]


def test_a_run_that_goes_on_says_everything_in_the_language(marking: None, services: Services) -> None:
    """What its events hold is English; a run of an earlier version has no more than that."""
    del marking
    run = services.store.create(make_config())
    counts = {"max_length": 8, "train": 3, "train_truncated": 2, "validation": 1, "validation_truncated": 1}
    run.append_event("truncation", message="3 of 4 pairs are longer.", **counts)
    run.append_event("baselines_known", message="Measured before.", run_id="5", measured_at=1e9)
    run.set_status(state="interrupted", message=Message(LOST, {"step": 5}))
    told = view(services, run, Poll())
    said = [told[name] for name in ("message", "truncation", "baselines_known")]
    assert all(said)
    assert not [words for text in said if (words := unmarked(text.replace("September", "")))]


def test_what_a_run_is_expected_to_take_is_said_in_the_language(marking: None) -> None:
    del marking
    for kind in ("memory", "GPU memory"):
        assert unmarked(expected("cpu", (1.0, 2.0), (1e9, 2e9), kind)) == []


def test_rows_bring_the_headers_of_the_language_with_them(marking: None) -> None:
    """Gradio would fill in those of the page that was built first, which is the English one."""
    del marking
    rows = environment_rows(recorded_run("quick").require_result())
    assert table_value(["Ｗｈａｔ"], rows) == {"headers": ["Ｗｈａｔ"], "data": rows}
    assert any(marked("version of {name}").format(name="torch") == name for name, _value in rows)
