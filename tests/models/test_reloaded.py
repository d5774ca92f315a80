"""A saved run, loaded with plain transformers and PEFT: the weights of its adapter, or those of its checkpoint."""

from qlora_core.models.device import start_accelerator
from qlora_core.models.factory import ModelFactory
from qlora_core.models.reloaded import reload_finetuned
from qlora_core.store.run import Run


def test_a_reloaded_model_is_in_evaluation_mode(finished_run: Run) -> None:
    compute, _ = start_accelerator(finished_run.config)
    model = reload_finetuned(finished_run, ModelFactory.find(finished_run.config, compute))
    assert [name for name, module in model.named_modules() if module.training] == []
