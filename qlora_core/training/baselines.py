"""What a fine-tune has to beat: the commoner label, an untrained head, and a trained head on a frozen encoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from sklearn.linear_model import LogisticRegressionCV
from sklearn.preprocessing import StandardScaler
from transformers import PreTrainedModel

from qlora_core.data.batching import TokenizedPairs
from qlora_core.models.inference import Progress, pooled_features, predict_logits

#: Inverse strengths of the L2 penalty that are tried.
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
#: Parts of the training pairs that they are tried on.
FOLDS = 4


@dataclass(frozen=True)
class LinearProbe:
    """A classifier trained on a frozen encoder's pooled output, and its answers for the validation pairs."""

    head: dict[str, torch.Tensor]  #: state of the model's classifier: weight (2, hidden_size), bias (2,)
    logits: np.ndarray  #: shape (n, 2)


def fit_linear_probe(
    model: PreTrainedModel,
    train_pairs: TokenizedPairs,
    validation_pairs: TokenizedPairs,
    accelerator: Accelerator,
    batch_size: int,
    progress: Progress | None = None,
) -> LinearProbe:
    """Train a logistic regression on what the classifier sees, the encoder left as it is (Alain & Bengio 2016).

    The penalty is the one that does best in cross-validation inside the training pairs: the probe is meant to be good.
    A good score here shows what the pretrained encoder already knows; only what a fine-tune adds to it is adaptation.
    """
    features = pooled_features(model.bert, train_pairs, accelerator, batch_size, progress)
    head = probe_head(features, train_pairs.labels)
    with classifier_set_to(head, model):
        return LinearProbe(head, predict_logits(model, validation_pairs, accelerator, batch_size))


def probe_head(features: np.ndarray, labels: np.ndarray) -> dict[str, torch.Tensor]:
    """Weight (2, hidden_size) and bias (2,) of a classifier that answers as a logistic regression on ``features``.

    Scaling and the regression's one row are folded into a linear layer of two rows with the same softmax.
    """
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
