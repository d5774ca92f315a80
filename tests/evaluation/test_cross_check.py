"""The second computation of the final scores: what it finds, and how little it needs."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlora_core.errors import RunFailure
from qlora_core.evaluation.cross_check import cross_check
from qlora_core.evaluation.scores import measure

#: HOME and the hub's folder cannot be made (not even by root), and no connection can be opened.
ALONE = """
import os, socket
os.environ |= {"HOME": "/dev/null/home", "HF_HOME": "/dev/null/hub", "XDG_CACHE_HOME": "/dev/null/cache"}
def refuse(*arguments):
    raise AssertionError(f"a connection was opened: {arguments}")
socket.socket.connect = socket.getaddrinfo = refuse
import numpy as np
from qlora_core.evaluation.cross_check import cross_check
from qlora_core.evaluation.scores import measure
logits, labels = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), np.array([1, 1, 0])
cross_check({"probe": measure(logits, labels).as_dict()}, {"probe": logits}, labels)
print("the same")
"""


def logits_of(answers: list[int]) -> np.ndarray:
    return np.array([[1.0 - answer, answer] for answer in answers])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60))
def test_the_scores_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    answers, labels = map(list, zip(*pairs, strict=True))
    logits, truth = logits_of(answers), np.array(labels)
    cross_check({"a": measure(logits, truth, bootstrap_samples=2).as_dict()}, {"a": logits}, truth)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "matthews_correlation"])
@pytest.mark.parametrize("wrong", [0.5, float("nan")])
def test_a_score_that_differs_is_an_error_in_plain_words(metric: str, wrong: float) -> None:
    logits, labels = logits_of([1, 0, 1, 1]), np.array([1, 1, 0, 1])
    scores = measure(logits, labels).as_dict()
    with pytest.raises(RunFailure, match=f"The {metric} of 'probe' was computed in two ways that disagree"):
        cross_check({"probe": scores | {metric: wrong + scores[metric]}}, {"probe": logits}, labels)


@pytest.mark.process
def test_it_needs_no_network_and_no_folder_under_home() -> None:
    run = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.returncode) == ("the same", 0), run.stderr
