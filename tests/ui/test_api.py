"""What the endpoints say of themselves to gradio_client's users, and that they refuse names that no table has."""

import gc
import re
import warnings
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import gradio as gr
import pytest

from qlora_core.choices import INIT_CLASSIFIERS, either
from qlora_core.data.catalog import DATASETS, OWN_FILE
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.presets import FIRST_PRESET, PRESETS
from qlora_core.server.services import make_services
from qlora_core.ui.api import ACTIONS, add_api

SECRET = "nobodys-business"


def make_page(folder: Path, owners_choice: dict[str, str]) -> gr.Blocks:
    """A page with nothing but the endpoints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops open
        with gr.Blocks() as made:
            services = make_services(folder / "runs", folder / "recorded", "the-owner", owners_choice=owners_choice)
            add_api(services)
        gc.collect()
    return made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> gr.Blocks:
    """The endpoints of a server whose owner chose nothing."""
    return make_page(tmp_path_factory.mktemp("api"), {})


def function(page: gr.Blocks, endpoint: str) -> Callable[..., object]:
    """What answers an endpoint."""
    (found,) = (handler.fn for handler in page.fns.values() if handler.fn and handler.api_name == endpoint)
    return found


def description(page: gr.Blocks, endpoint: str) -> str:
    """An endpoint's docstring."""
    return function(page, endpoint).__doc__ or ""


def test_starting_a_run_names_every_choice(page: gr.Blocks) -> None:
    text = description(page, "start_run")
    for argument, names in (("base_model", BASE_MODELS), ("dataset", DATASETS), ("preset", PRESETS)):
        assert f"{argument}: {either(names)}." in text
    assert f"init_classifier: {either(INIT_CLASSIFIERS)}, of that run." in text


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ({}, ("minilm", "pairs", FIRST_PRESET)),
        ({"dataset": "mrpc", "preset": "standard"}, ("minilm", "mrpc", "standard")),
    ],
    ids=["documented", "owner's"],
)
def test_what_is_not_named_is_the_owners_choice_else_as_documented(
    owners: dict[str, str], expected: tuple[str, str, str], tmp_path: Path
) -> None:
    arguments = signature(function(make_page(tmp_path, owners), "start_run")).parameters
    assert tuple(arguments[name].default for name in ("base_model", "dataset", "preset")) == expected


def test_controlling_a_run_names_every_action(page: gr.Blocks) -> None:
    assert either(ACTIONS).capitalize() in description(page, "control_run")


@pytest.mark.parametrize(
    "endpoint",
    [
        *("start_run", "run_status", "run_results", "control_run", "compare", "quantized_block", "adapter_spectrum"),
        *("guess", "guesses", "judge_next", "judge", "room"),
    ],
)
def test_no_placeholder_is_left_in_a_description(page: gr.Blocks, endpoint: str) -> None:
    assert description(page, endpoint)
    assert not re.search(r"\$\w", description(page, endpoint))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("minilm-2", "pairs", FIRST_PRESET), f"Choose one of: {', '.join(BASE_MODELS)}"),
        (("minilm", "paws", FIRST_PRESET), f"Choose one of: {', '.join(DATASETS)}, {OWN_FILE.name}"),
        (("minilm", OWN_FILE.name, FIRST_PRESET), f"Choose {either(DATASETS)}"),
        (("minilm", "pairs", FIRST_PRESET, None, SECRET, "no-such-run"), "There is no run 'no-such-run'"),
        (("minilm", "pairs", FIRST_PRESET, None, SECRET, "../runs"), "There is no run '../runs'"),
        (("minilm", "pairs", "fast"), f"Choose one of: {', '.join(PRESETS)}"),
    ],
)
def test_another_name_is_refused_with_those_there_are(
    page: gr.Blocks, arguments: tuple[str, str, str], reason: str
) -> None:
    with pytest.raises(gr.Error, match=re.escape(reason)):
        function(page, "start_run")(*arguments)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "words"),
    [
        ("run_status", (7,), "run_id should be a valid string"),
        ("run_status", ({"a": SECRET},), "run_id should be a valid string"),
        ("run_results", (None,), "run_id should be a valid string"),
        ("control_run", ("a-run", ["stop"], None), "action should be a valid string; secret should be a valid string"),
        ("compare", ("", "a", "b", SECRET), "scale should be a valid number"),
        ("compare", ("", 5, "b", 1), "sentence1 should be a valid string"),
        ("quantized_block", ("", "0", 5, 0), "layer should be a valid integer; role should be a valid string"),
        ("start_run", ([], "pairs", FIRST_PRESET, [SECRET], ""), "settings should be a valid dictionary"),
        ("guess", ("a-run", "0.5", SECRET), "before should be a valid number; after should be a valid number"),
        ("judge", ("a-run", "1", 1, SECRET), "pair should be a valid integer; answer should be a valid string"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_and_not_repeated(
    page: gr.Blocks, endpoint: str, arguments: tuple[object, ...], words: str
) -> None:
    asked = (*arguments, None) if endpoint == "control_run" else arguments
    with pytest.raises(gr.Error) as refusal:
        function(page, endpoint)(*asked)
    assert words in str(refusal.value)
    assert SECRET not in str(refusal.value)
    assert not refusal.value.print_exception
