"""A look at a run's pairs before it starts: read, split and tokenised as the run would, with no model loaded."""

from collections.abc import Callable

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from qlora_core.config import RunConfig
from qlora_core.data.look import PairsLook, look_at
from qlora_core.data.sources import load_run_pairs
from qlora_core.models.catalog import find_base_model
from qlora_core.models.tokenizer import load_tokenizer

PAIRS_AT_ONCE = 1000


def look_at_run_pairs(config: RunConfig, progress: Callable[[int, int], None] | None = None) -> PairsLook:
    """What a run of ``config`` would learn from and be measured on.

    Raises:
        DataError: the pairs are missing, malformed or too few.
        ModelError, HubError: the base model, whose tokenizer counts the tokens, is not to be had on this machine.
        ConfigError: ``max_length`` is more than the base model reads.
    """
    data = load_run_pairs(config)
    tokenizer = load_tokenizer(find_base_model(config.base_model, download=False), config.max_length)
    total = len(data.train) + len(data.validation)
    lengths: list[int] = []
    for split in (data.train, data.validation):
        for start in range(0, len(split), PAIRS_AT_ONCE):
            lengths += token_counts(split.select(range(start, min(start + PAIRS_AT_ONCE, len(split)))), tokenizer)
            if progress:
                progress(len(lengths), total)
    return look_at(data, lengths[: len(data.train)], lengths[len(data.train) :])


def token_counts(pairs: Dataset, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens of each whole pair, [CLS] and both [SEP] among them."""
    encoded = tokenizer(list(pairs["sentence1"]), list(pairs["sentence2"]), truncation=False, verbose=False)
    return [len(ids) for ids in encoded["input_ids"]]
