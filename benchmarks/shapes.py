"""A model of bert-base's shape for machines without the hub: random weights, the packaged model's tokenizer."""

from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.utils import logging

from qlora_core.models.catalog import find_base_model


def write_bert_base(folder: Path) -> Path:
    """Write the model (12 layers, 768 wide, 110 million parameters, 440 MB) to ``folder``, and return it."""
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(find_base_model("minilm").folder)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    return folder
