"""The baselines' classifiers, kept beside an adapter: they answer as the baselines did."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from qlora_core.models.heads import (
    LINEAR_PROBE,
    UNTRAINED_HEAD,
    Baselines,
    heads_of,
    load_head,
    read_baselines,
    read_heads,
    save_baselines,
)
from qlora_core.store.shared.baselines import Provenance
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
    heads = heads_of(base.model, probe, pooler_is_new=not pooler)
    measured = Baselines("key", Provenance("a-run", 1.5), heads, {UNTRAINED_HEAD: untrained})
    save_baselines(measured, tmp_path / "heads.safetensors")
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


def test_answers_and_where_they_come_from_are_read_again_by_those_who_know_the_key(tmp_path: Path) -> None:
    heads = {f"{head}.{part}": torch.ones(2) for head in (UNTRAINED_HEAD, LINEAR_PROBE) for part in ("weight", "bias")}
    rows = np.random.default_rng(0).random((3, 2), np.float32)
    path = tmp_path / "heads.safetensors"
    save_baselines(Baselines("key", Provenance("a-run", 1.5), heads, {LINEAR_PROBE: rows}), path)
    found = read_baselines(path, "key", [LINEAR_PROBE], 3)
    assert found is not None
    assert found.provenance == Provenance("a-run", 1.5)
    assert np.array_equal(found.logits[LINEAR_PROBE], rows)
    assert found.heads.keys() == heads.keys()
    for key, answerers, n in (("other", [LINEAR_PROBE], 3), ("key", [UNTRAINED_HEAD], 3), ("key", [LINEAR_PROBE], 4)):
        assert read_baselines(path, key, answerers, n) is None
