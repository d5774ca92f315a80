"""The linear probe: a classifier trained on a frozen encoder, which a fine-tune has to beat."""

from collections.abc import Iterator
from contextlib import contextmanager

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


def fit_linear_probe(
    model: PreTrainedModel,
    pairs: TokenizedPairs,
    accelerator: Accelerator,
    batch_size: int,
    progress: Progress | None = None,
) -> dict[str, torch.Tensor]:
    """Train a logistic regression on what the classifier sees, the encoder left as it is (Alain & Bengio 2016).

    The penalty is the one that does best in cross-validation inside the training pairs: the probe is meant to be good.
    A good score here shows what the pretrained encoder already knows; only what a fine-tune adds to it is adaptation.

    Returns:
        The state of a classifier for ``model``: weight (2, hidden_size), bias (2,).
    """
    features = pooled_features(model.bert, pairs, accelerator, batch_size, progress)
    return probe_head(features, pairs.labels)


def probe_head(features: np.ndarray, labels: np.ndarray) -> dict[str, torch.Tensor]:
    """Weight (2, hidden_size) and bias (2,) of a classifier that answers as a logistic regression on ``features``.

    Scaling and the regression's one row are folded into a linear layer of two rows with the same softmax.
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
    return {"weight": torch.from_numpy(rows), "bias": torch.tensor([-bias / 2, bias / 2], dtype=torch.float32)}


@contextmanager
def classifier_set_to(head: dict[str, torch.Tensor], model: PreTrainedModel) -> Iterator[None]:
    """Let the model answer through another classifier for a while, in the number type of its own."""
    own = {name: tensor.clone() for name, tensor in model.classifier.state_dict().items()}
    model.classifier.load_state_dict(head)
    yield
    model.classifier.load_state_dict(own)
