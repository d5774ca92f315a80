"""A whole run on the tiny BERT, in this process."""

from collections.abc import Callable

from qlora_core.config import RunConfig
from qlora_core.run_store import RunStore
from qlora_core.session import start_run


def test_a_run_ends_with_a_verified_result(tiny_config: Callable[..., RunConfig], store: RunStore) -> None:
    run = start_run(tiny_config(), store, lambda kind, fields: None)
    result = run.result
    assert result is not None
    assert run.status.state == "finished"
    assert result["reload"] == {
        "verified": True,
        "max_abs_logit_difference": 0.0,
        "tolerance": 1e-3,
        "missing_tensors": [],
    }
