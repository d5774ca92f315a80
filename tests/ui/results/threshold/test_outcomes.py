"""A run's answers under every threshold."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, matthews_corrcoef, precision_recall_curve

from qlora_core.ui.results.threshold.outcomes import GRID, Answers, Choices


@pytest.fixture(scope="module")
def answers() -> Answers:
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 150)
    return Answers(np.clip(random.normal(0.35 + 0.2 * labels, 0.25), 0, 1).round(3), labels)


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.83, 1.0])
def test_counts_and_scores_are_scikit_learns(answers: Answers, threshold: float) -> None:
    found, said = answers.at(threshold), (answers.probabilities > threshold).astype(int)
    assert [[found.tn, found.fp], [found.fn, found.tp]] == confusion_matrix(answers.labels, said).tolist()
    expected = {"accuracy": accuracy_score, "f1": f1_score, "matthews_correlation": matthews_corrcoef}
    assert found.scores == pytest.approx({name: score(answers.labels, said) for name, score in expected.items()})


def test_the_curve_is_scikit_learns(answers: Answers) -> None:
    precision, recall, thresholds = precision_recall_curve(answers.labels, answers.probabilities)
    # "at least a threshold" is "above" the next smaller one
    theirs = set(zip(recall.round(9).tolist(), precision.round(9).tolist(), strict=True))
    ours = [(round(one.recall, 9), round(one.precision, 9)) for one in answers.curve()]
    assert set(ours) <= theirs
    assert len(set(ours)) > 0.9 * len(thresholds)
    assert (ours[0][0], ours[-1][0]) == (0, 1)
    assert [recall for recall, _ in ours] == sorted(recall for recall, _ in ours)


def test_the_most_accurate_threshold_is_the_nearest_to_a_half(answers: Answers) -> None:
    best = answers.most_accurate()
    rights = {float(each): answers.at(float(each)).scores["accuracy"] for each in GRID}
    assert rights[best] == max(rights.values())
    assert abs(best - 0.5) == min(abs(each - 0.5) for each, right in rights.items() if right == max(rights.values()))
    assert Answers(np.array([0.1, 0.9]), np.array([0, 1])).most_accurate() == 0.5


def test_choosing_on_the_reported_pairs_never_looks_worse(answers: Answers) -> None:
    choices = Choices(answers, 0.9, 100, answers.most_accurate())
    assert choices.flattery is not None
    assert choices.flattery > 0
    assert Choices(answers, None, 0, 0.5).flattery is None
    accuracy = answers.at(choices.from_validation).scores["accuracy"]
    assert choices.noise == pytest.approx(1.96 * np.sqrt(accuracy * (1 - accuracy) / 150))


def test_answers_far_from_a_half_are_counted_to_the_last() -> None:
    extreme = Answers(np.array([1e-9, 1.0, 1.0]), np.array([1, 1, 0]))
    assert (extreme.at(0).tp, extreme.at(1).tp) == (2, 0)
    assert extreme.curve()[-1].recall == 1
