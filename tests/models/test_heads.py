"""The baselines' classifiers, kept beside an adapter: they answer as the baselines did."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from qlora_core.models.heads import LINEAR_PROBE, UNTRAINED_HEAD, load_head, read_heads, save_heads
from tests.conftest import Bench, make_bert
from tests.models.test_adapter import logits, with_changed_adapter


@pytest.mark.parametrize("head", [["classifier"], ["classifier", "pooler"]])
@pytest.mark.parametrize("pooler", [True, False])
def test_kept_heads_answer_as_the_baselines_did(
    bench: Callable[..., Bench], pooler: bool, head: list[str], tmp_path: Path
) -> None:
    folder = make_bert(tmp_path / "bert", pooler=pooler)
    base = bench(folder, modules_to_save=head)
    untrained = logits(base, base.model)
    probe = {"weight": torch.ones(2, 64), "bias": torch.tensor([0.0, 3.0])}
    save_heads(base.model, probe, tmp_path / "heads.safetensors", pooler_is_new=not pooler)
    base.model.classifier.load_state_dict(probe)
    expected = {UNTRAINED_HEAD: untrained, LINEAR_PROBE: logits(base, base.model)}

    fresh = bench(folder, modules_to_save=head)
    with torch.no_grad():
        fresh.model.classifier.weight.zero_()
        if not pooler:
            fresh.model.bert.pooler.dense.weight.zero_()
    model = with_changed_adapter(fresh)
    for which, answers in expected.items():
        load_head(model, read_heads(tmp_path / "heads.safetensors"), which)
        with model.disable_adapter():
            assert np.array_equal(logits(fresh, model), answers)
