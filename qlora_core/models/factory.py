"""The models of one configuration, all made from the same base model on the same device."""

from dataclasses import dataclass

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from qlora_core.config import RunConfig
from qlora_core.models.adapter import attach_lora
from qlora_core.models.catalog import BaseModel, find_base_model
from qlora_core.models.device import Compute
from qlora_core.models.quantization import LoadedBase, load_quantized, quantization_config
from qlora_core.models.tokenizer import load_tokenizer


@dataclass(frozen=True)
class ModelFactory:
    """Makes what a configuration asks for; every call loads the base model's files anew."""

    config: RunConfig
    base: BaseModel
    compute: Compute

    @classmethod
    def find(cls, config: RunConfig, compute: Compute) -> "ModelFactory":
        """The factory for the base model that ``config`` names.

        Raises:
            ModelError, HubError: it is not to be had on this machine.
        """
        return cls(config, find_base_model(config.base_model), compute)

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base model's own.

        Raises:
            ConfigError, ModelError: it or ``max_length`` does not fit the model.
        """
        return load_tokenizer(self.base, self.config.max_length)

    def quantized(self) -> LoadedBase:
        """The base model in the run's quantisation scheme (which may be none), a fresh classifier on top.

        Raises:
            ModelError: its files are damaged.
        """
        quantization = quantization_config(self.config, self.compute.dtype)
        return load_quantized(self.base.folder, quantization, self.compute, self.config.seed)

    def unquantized(self) -> LoadedBase:
        """The same in floating point, whatever the run's scheme."""
        return load_quantized(self.base.folder, None, self.compute, self.config.seed)

    def with_lora(self, model: PreTrainedModel) -> PeftModel:
        """``model`` with fresh LoRA matrices and a trainable copy of its head.

        Raises:
            ConfigError: a name in ``target_modules`` fits no layer of this model.
        """
        return attach_lora(model, self.config, self.base.hub_id or self.base.id)
