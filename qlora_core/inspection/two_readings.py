"""One pair read twice, by the base model and by the adapted one: where the two part, and who looks at whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from peft import PeftModel

from qlora_core.data.typed_pairs import check_pair
from qlora_core.evaluation.predictor import Predictor
from qlora_core.models.inference import autocast

#: Attention is shown of pairs with at most so many word pieces: a picture of more cannot be read.
MAX_TOKENS = 96


@dataclass(frozen=True)
class TwoReadings:
    """Hidden states and attention of base and adapted model for one pair."""

    tokens: list[str]
    sentences: list[int | None]  #: 1 or 2; None for [CLS] and [SEP]
    apart: list[list[float]]  #: by layer (the embeddings first), by token: 1 - cosine of base and adapted hidden state
    base: list[list[list[float]]]  #: attention by layer, from each token to each, the mean over heads; rows sum to 1
    adapted: list[list[list[float]]]
    truncated: bool  #: the pair has more word pieces than are shown


def two_readings(predictor: Predictor, first: str, second: str) -> TwoReadings:
    """Read a pair with the base model and with the run's adapter.

    Raises:
        DataError: a sentence is empty or too long.
    """
    pair = check_pair(first, second)
    encoded = predictor.encode([pair])
    n = min(len(encoded["input_ids"][0]), MAX_TOKENS)
    device = predictor.processes.device
    inputs = {name: torch.tensor([encoded[name][0][:n]], device=device) for name in ("input_ids", "token_type_ids")}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    states, attentions = [], []
    for answerer in ("untrained_head", "finetuned"):
        with predictor.answering_as(answerer) as model, eager_attention(model), torch.inference_mode():
            with autocast(model, device):
                read = model.base_model.model.bert(**inputs, output_hidden_states=True, output_attentions=True)
            states.append(torch.stack(read.hidden_states)[:, 0].float())
            attentions.append(torch.stack(read.attentions)[:, 0].float().mean(dim=1))
    base, adapted = states
    apart = 1 - torch.nn.functional.cosine_similarity(base, adapted, dim=-1)
    sentences = [None if index is None else index + 1 for index in encoded.sequence_ids(0)[:n]]
    return TwoReadings(
        tokens=encoded.encodings[0].tokens[:n],
        sentences=sentences,
        apart=apart.clamp_min(0).tolist(),
        base=attentions[0].tolist(),
        adapted=attentions[1].tolist(),
        truncated=bool(encoded.encodings[0].overflowing) or len(encoded["input_ids"][0]) > n,
    )


@contextmanager
def eager_attention(model: PeftModel) -> Iterator[None]:
    """Let the model compute its attention written out: the fused kernels do not tell it."""
    bert = model.base_model.model
    before = bert.config._attn_implementation
    bert.set_attn_implementation("eager")
    try:
        yield
    finally:
        bert.set_attn_implementation(before)
