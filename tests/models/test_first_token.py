"""A last layer that computes the first token alone trains as BERT does: same loss, same gradients, less work."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertForSequenceClassification

from qlora_core.models.fast_cpu.first_token import train_on_first_token

Gradients = dict[str, torch.Tensor]


def load(folder: Path, attention: str, *, first_token: bool) -> BertForSequenceClassification:
    """The model in training, without dropout so that two of them can be compared."""
    torch.manual_seed(0)
    model = BertForSequenceClassification.from_pretrained(folder, attn_implementation=attention)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if first_token:
        train_on_first_token(model)
    return model.train()


def batch(*, padded: bool) -> dict[str, torch.Tensor]:
    """Three pairs of up to twelve tokens."""
    ids = torch.randint(5, 40, (3, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    if padded:
        mask[1, 7:] = mask[2, 4:] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1, 1])}


def step(model: BertForSequenceClassification, *, padded: bool = True) -> tuple[torch.Tensor, Gradients]:
    """Loss and gradients of one batch."""
    loss = model(**batch(padded=padded)).loss
    loss.backward()
    return loss.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_loss_and_gradients_are_berts(tiny_bert: Path, attention: str, padded: bool) -> None:
    (expected, wanted), (got, found) = (
        step(load(tiny_bert, attention, first_token=first_token), padded=padded) for first_token in (False, True)
    )
    torch.testing.assert_close(got, expected)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, msg=name)


def test_outside_training_it_is_berts_to_the_last_bit(tiny_bert: Path) -> None:
    plain, quick = (load(tiny_bert, "eager", first_token=first_token).eval() for first_token in (False, True))
    with torch.no_grad():
        expected, got = (model.bert(**inputs()) for model in (plain, quick))
    assert torch.equal(got.last_hidden_state, expected.last_hidden_state)


def inputs() -> dict[str, torch.Tensor]:
    """A batch without its labels."""
    return {name: tensor for name, tensor in batch(padded=True).items() if name != "labels"}


def test_in_training_it_takes_fewer_products(tiny_bert: Path) -> None:
    counts = []
    for first_token in (False, True):
        model = load(tiny_bert, "eager", first_token=first_token)
        with FlopCounterMode(display=False) as counter:
            step(model)
        counts.append(counter.get_total_flops())
    layers = model.config.num_hidden_layers
    assert counts[1] < counts[0] * (1 - 0.6 / layers)


def test_names_of_tensors_stay(tiny_bert: Path) -> None:
    plain, quick = (load(tiny_bert, "eager", first_token=first_token) for first_token in (False, True))
    assert list(quick.state_dict()) == list(plain.state_dict())
