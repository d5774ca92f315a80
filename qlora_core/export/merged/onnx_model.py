"""A merged model as ONNX, by torch's own exporter; ONNX Runtime's answers of it."""

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from qlora_core.data.batching import TokenizedPairs, evaluation_batches, pad_batch
from qlora_core.errors import NotInstalled
from qlora_core.language import N_
from qlora_core.models.inference import Progress, in_order

#: Where optimum and transformers.js look for it in a model's folder.
ONNX_FILE = Path("onnx") / "model.onnx"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
#: Pairs that the exporter traces the model with, and their tokens.
EXAMPLE_SHAPE = (2, 8)


class _Logits(nn.Module):
    """The model as a function of three tensors."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        logits: torch.Tensor = self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).logits
        return logits


def check_onnx_installed() -> None:
    """Raise NotInstalled where a package lacks that writing and asking ONNX needs."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise NotInstalled(
            N_("ONNX needs what is not installed here: {packages}. Run: pip install -r requirements-onnx.txt."),
            packages=", ".join(missing),
        )


def write_onnx(model: PreTrainedModel, path: Path) -> None:
    """Write ``model``, which is on the CPU; any number of pairs of any length it reads may be asked at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.ones(EXAMPLE_SHAPE, dtype=torch.long)
    mask = example.clone()
    mask[0, -1] = 0  # of pairs without padding, transformers would leave the mask out, and so would the exporter
    pairs, tokens = torch.export.Dim("pairs"), torch.export.Dim("tokens", max=model.config.max_position_embeddings)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # what lacks of torchvision is not needed
    with warnings.catch_warnings(action="ignore"):  # of torch's and onnxscript's own insides
        torch.onnx.export(
            _Logits(model).eval(),
            (example, mask, torch.zeros_like(example)),
            str(path),
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_shapes=({0: pairs, 1: tokens},) * len(INPUTS),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def onnx_logits(path: Path, pairs: TokenizedPairs, batch_size: int, progress: Progress | None = None) -> np.ndarray:
    """ONNX Runtime's logits for every pair, shape (n, 2), on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    answered, done = [], 0
    for indices in evaluation_batches(pairs, batch_size):
        batch = pad_batch(pairs, indices)
        (logits,) = session.run(["logits"], {name: batch[name].numpy() for name in INPUTS})
        answered.append((indices, np.asarray(logits, dtype=np.float32)))
        done += len(indices)
        if progress is not None:
            progress(done, len(pairs))
    return in_order(answered)
