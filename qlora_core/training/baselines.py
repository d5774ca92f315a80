"""The linear probe: a classifier trained on a frozen encoder, which a fine-tune has to beat."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from transformers import PreTrainedModel

from qlora_core.data.batching import TokenizedPairs
from qlora_core.models.inference import Progress, pooled_features

#: Inverse strengths of the L2 penalty that are tried.
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
#: Parts of the training pairs that they are tried on.
FOLDS = 4
#: Training pairs that the probe sees: docs/recipes.md has what more of them add.
MAX_PROBE_PAIRS = 4000
#: Training pairs that it sees first; the others only where these tell it something of the labels.
FIRST_PROBE_PAIRS = 1000
#: With fewer of a label among them, the probe would suffer: it then sees every training pair.
MIN_PROBE_PAIRS_OF_A_LABEL = 200


def draw_probe_pairs(labels: np.ndarray, bundles: np.ndarray, count: int, seed: int) -> list[int]:
    """Which training pairs the probe sees: ``count`` at random, bundle after bundle, so that one is cut at most.

    Args:
        labels, bundles: of every training pair, shape (n,).
    """
    place = np.random.default_rng(seed).permutation(bundles.max(initial=0) + 1)  # of each bundle
    chosen = np.sort(np.argsort(place[bundles], kind="stable")[:count])
    if min(np.bincount(labels[chosen], minlength=2)) < MIN_PROBE_PAIRS_OF_A_LABEL:
        return list(range(len(labels)))
    return chosen.tolist()


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe."""

    head: dict[str, torch.Tensor]  #: the state of a classifier: weight (2, hidden_size), bias (2,)
    pairs: int  #: training pairs that it was fitted to


def fit_linear_probe(
    model: PreTrainedModel,
    train: TokenizedPairs,
    accelerator: Accelerator,
    batch_size: int,
    seed: int,
    progress: Progress | None = None,
) -> LinearProbe:
    """Train a logistic regression on what the classifier sees, the encoder left as it is (Alain & Bengio 2016).

    The penalty is the one that does best in cross-validation inside the training pairs: the probe is meant to be good.
    A good score here shows what the pretrained encoder already knows; only what a fine-tune adds to it is adaptation.
    Encoding is what it costs: a probe that is no better than the labels' shares on ``FIRST_PROBE_PAIRS`` sees no more.
    """
    first, most = (
        draw_probe_pairs(train.labels, train.bundles, count, seed) for count in (FIRST_PROBE_PAIRS, MAX_PROBE_PAIRS)
    )
    first = min(first, most, key=len)  # where a label is too rare in few pairs, these are all there are

    def features_of(rows: list[int], earlier: int) -> np.ndarray:
        def report(done: int, _: int) -> None:
            if progress is not None:
                progress(earlier + done, len(most))

        return pooled_features(model.bert, train.select(rows), accelerator, batch_size, report)

    features = features_of(first, 0)
    head, loss = probe_head(features, train.labels[first])
    if len(first) >= len(most) or loss >= entropy(train.labels[first]):
        return LinearProbe(head, len(first))
    further = sorted(set(most).difference(first))
    features = np.concatenate([features, features_of(further, len(first))])[np.argsort([*first, *further])]
    return LinearProbe(probe_head(features, train.labels[most])[0], len(most))


def entropy(labels: np.ndarray) -> float:
    """The loss, in nats, of one who knows only how often each label comes."""
    shares = np.bincount(labels, minlength=2) / len(labels)
    return float(-sum(share * np.log(share) for share in shares if share))


def probe_head(features: np.ndarray, labels: np.ndarray) -> tuple[dict[str, torch.Tensor], float]:
    """A classifier that answers as a logistic regression on ``features``, and the latter's loss in cross-validation.

    Scaling and the regression's one row are folded into a linear layer of two rows with the same softmax: weight
    (2, hidden_size), bias (2,).
    """
    from sklearn.linear_model import LogisticRegressionCV  # a second's work that verifying needs not do
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    regression = LogisticRegressionCV(
        Cs=PENALTIES, cv=FOLDS, scoring="neg_log_loss", max_iter=1000, l1_ratios=(0,), use_legacy_attributes=False
    ).fit(scaler.transform(features), labels)
    weight = regression.coef_[0] / scaler.scale_
    bias = regression.intercept_[0] - weight @ scaler.mean_
    rows = np.stack([-weight / 2, weight / 2]).astype(np.float32)
    head = {"weight": torch.from_numpy(rows), "bias": torch.tensor([-bias / 2, bias / 2], dtype=torch.float32)}
    return head, -float(regression.scores_.mean(axis=0).max())


@contextmanager
def classifier_set_to(head: dict[str, torch.Tensor], model: PreTrainedModel) -> Iterator[None]:
    """Let the model answer through another classifier for a while, in the number type of its own."""
    own = {name: tensor.clone() for name, tensor in model.classifier.state_dict().items()}
    model.classifier.load_state_dict(head)
    yield
    model.classifier.load_state_dict(own)
