"""Which word pieces moved an answer: integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365), by captum.

What is explained is f = logit 1 - logit 0, the log of the odds of "same meaning". A word piece's score is its share of
f(pair) - f(baseline), where the baseline is the same pair with every word piece replaced by [PAD]: positive speaks for
the same meaning, negative against it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from captum.attr import LayerIntegratedGradients
from peft import PeftModel
from torch import nn
from transformers import BatchEncoding

from qlora_core.data.typed_pairs import Attribution, Pair, TokenScores, check_pair
from qlora_core.evaluation.answerers import Askable
from qlora_core.evaluation.predictor import Predictor
from qlora_core.models.inference import autocast

STEPS = 24
#: Tokens of all steps computed at once: gradients of long pairs take much memory.
TOKENS_AT_ONCE = 1024


def attribute(predictor: Predictor, first: str, second: str, n_steps: int = STEPS) -> Attribution:
    """Scores of every token of a pair, for base and adapter.

    Args:
        n_steps: points of the Gauss-Legendre rule between baseline and pair; more make ``delta`` smaller.

    Raises:
        DataError: a sentence is empty or too long.
    """
    first, second = check_pair(first, second)
    tokenizer, device = predictor.tokenizer, predictor.processes.device
    encoded = predictor.encode([(first, second)])
    sentences = [None if index is None else index + 1 for index in encoded.sequence_ids(0)]
    ids = torch.tensor(encoded["input_ids"], device=device)
    segments = torch.tensor(encoded["token_type_ids"], device=device)
    is_special = torch.tensor([[sentence is None for sentence in sentences]], device=device)
    baseline = ids.masked_fill(~is_special, tokenizer.pad_token_id or 0)

    def scores(answerer: Askable) -> TokenScores:
        with predictor.answering_as(answerer) as model:
            return _integrated_gradients(model, ids, baseline, segments, n_steps)

    return Attribution(
        tokens=_readable(encoded, (first, second), tokenizer.unk_token),
        sentences=sentences,
        spans=list(encoded.encodings[0].offsets),
        base=scores("untrained_head"),
        adapter=scores("finetuned"),
        truncated=bool(encoded.encodings[0].overflowing),
    )


def _readable(encoded: BatchEncoding, pair: Pair, unknown: str) -> list[str]:
    """Word pieces as the vocabulary has them; what it lacks, such as an emoji, as it was written."""
    encoding = encoded.encodings[0]
    return [
        pair[sentence][slice(*span)] if token == unknown and sentence is not None else token
        for token, sentence, span in zip(encoding.tokens, encoding.sequence_ids, encoding.offsets, strict=True)
    ]


def _integrated_gradients(
    model: PeftModel, ids: torch.Tensor, baseline: torch.Tensor, segments: torch.Tensor, n_steps: int
) -> TokenScores:
    """Token ids, baseline and segment ids have shape (1, length)."""

    def log_odds(input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(input_ids)
        logits = model(input_ids=input_ids, token_type_ids=token_type_ids, attention_mask=mask).logits.float()
        return logits[:, 1] - logits[:, 0]

    embeddings = model.base_model.model.bert.embeddings
    words = embeddings.word_embeddings
    with _float32(words, embeddings.LayerNorm), autocast(model, ids.device):
        gradients = LayerIntegratedGradients(log_odds, words).attribute(
            ids,
            baselines=baseline,
            additional_forward_args=segments,
            n_steps=n_steps,
            internal_batch_size=max(1, TOKENS_AT_ONCE // ids.shape[1]),
        )
        with torch.inference_mode():
            of_pair, of_baseline = log_odds(torch.cat([ids, baseline]), segments.expand(2, -1)).tolist()
    scores = gradients[0].detach().sum(dim=1).tolist()
    return TokenScores(scores, of_pair, of_baseline, delta=sum(scores) - (of_pair - of_baseline))


@contextmanager
def _float32(words: nn.Module, norm: nn.Module) -> Iterator[None]:
    """Let captum interpolate word embeddings, and add up gradients, in float32 where a model is held in bfloat16."""
    hooks = [
        words.register_forward_hook(lambda _layer, _inputs, output: output.float()),
        norm.register_forward_pre_hook(lambda layer, inputs: inputs[0].to(layer.weight.dtype)),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
