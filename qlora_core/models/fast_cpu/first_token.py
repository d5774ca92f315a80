"""While BERT trains, its last layer computes the first token alone: the classifier reads no other.

The others are still attended to, so keys and values are those of all tokens; queries, the attention's output and the
feed-forward part are one token's. Loss and gradients are BERT's own, without five sixths of a layer's products.
"""

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.models.bert.modeling_bert import BertCrossAttention, BertLayer


class FirstTokenLayer(BertLayer):
    """A last layer with BERT's own weights and names; outside training it is BERT's own."""

    def forward(
        self, hidden_states: torch.Tensor, attention_mask: torch.Tensor | None = None, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Shape (batch, tokens, hidden) to (batch, 1, hidden) in training, else to (batch, tokens, hidden)."""
        if not self.training:
            return super().forward(hidden_states, attention_mask, *args, **kwargs)
        first = hidden_states[:, :1].contiguous()
        mask = None if attention_mask is None else attention_mask[:, :, :1]
        # one token that attends to many is what cross-attention computes
        attended, _ = BertCrossAttention.forward(self.attention.self, first, hidden_states, mask)
        return self.feed_forward_chunk(self.attention.output(attended, first))


def train_on_first_token(model: PreTrainedModel) -> None:
    """Have the last layer of ``model``, a ``BertForSequenceClassification``, train so."""
    model.bert.encoder.layer[-1].__class__ = FirstTokenLayer
