"""A threshold at the tab "Results": of this version's runs, of earlier ones, of any a request may name."""

import json
import re
from typing import Any

import pytest

from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.results.threshold.panel import opened_threshold, shown_threshold
from qlora_core.ui.words import threshold as words


def test_a_run_of_this_version_says_which_threshold_its_training_pairs_choose(services: Services, run: Run) -> None:
    slider, html, note = shown_threshold(services, [run.id], 0.3)
    assert slider["visible"] is True
    assert run.result is not None
    assert f"{len(run.result['train_sample']['label'])} training pairs choose 0." in note
    assert words.FROM_TRAINING in html
    assert "Above 0.30," in html


def test_at_a_half_it_shows_what_the_run_has_reported(services: Services, run: Run) -> None:
    _, html, _ = shown_threshold(services, [run.id], 0.5)
    assert run.result is not None
    cells = run.result["metrics"]["finetuned"]["confusion"]
    counts = [int(each) for each in re.findall(r">(\d+) [✓✗]<", html)]
    assert counts == [cells[name] for name in ("true_positive", "false_negative", "false_positive", "true_negative")]
    assert f"{run.result['metrics']['finetuned']['f1']:.3f}" in html


def test_an_earlier_run_lacks_it_and_says_so(services: Services, run: Run) -> None:
    result = run.result
    assert result is not None
    del result["train_sample"]
    (run.path / "result.json").write_text(json.dumps(result))
    _, html, note = shown_threshold(services, [run.id], 0.5)
    assert note == words.NOT_RECORDED
    assert words.FROM_TRAINING not in html
    assert words.FROM_VALIDATION in html


@pytest.mark.parametrize("sample", [{}, {"label": [1], "probability_finetuned": [0.1, 0.2]}, {"label": "x"}])
def test_a_damaged_one_is_said_to_be(services: Services, run: Run, sample: dict[str, Any]) -> None:
    (run.path / "result.json").write_text(json.dumps({**(run.result or {}), "train_sample": sample}))
    _, html, note = shown_threshold(services, [run.id], 0.5)
    assert html == ""
    assert "damaged" in note


@pytest.mark.parametrize("threshold", [None, True, -0.1, 1.1, "0.5", float("nan"), []])
def test_what_no_slider_gives_is_refused(services: Services, run: Run, threshold: object) -> None:
    _, html, note = shown_threshold(services, [run.id], threshold)
    assert html == ""
    assert "between 0 and 1" in note


def test_pairs_of_one_label_have_no_threshold(services: Services, run: Run) -> None:
    run.write_predictions({"idx": [0, 1], "label": [1, 1], "probability_finetuned": [0.1, 0.9]})
    assert shown_threshold(services, [run.id], 0.5)[1:] == ["", words.ONE_LABEL]


@pytest.mark.parametrize("named", ["", "2", "-0.1", "x", "nan", None, ["0.3"], "1e999"])
def test_an_address_that_names_no_threshold_leaves_the_panel_as_it_is(
    named: object, services: Services, run: Run
) -> None:
    slider, html, _, place = opened_threshold(services, [run.id], 0.5, named)
    assert "value" not in slider
    assert "open" not in place
    assert "Above 0.50" in html


def test_one_that_does_opens_the_panel_there(services: Services, run: Run) -> None:
    slider, html, _, place = opened_threshold(services, [run.id], 0.5, "0.3")
    assert (slider["value"], place["open"]) == (0.3, True)
    assert "Above 0.30" in html
