"""The encoder's matrices of a reloaded run: which there are, as they were before quantisation, and as they are now."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors import safe_open

from qlora_core.errors import UserError
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.questions import ROLES
from qlora_core.language import N_
from qlora_core.models.base.folder import weight_files


@dataclass(frozen=True)
class MatrixName:
    """One matrix of the encoder."""

    layer: int  #: 0 is the layer next to the embeddings
    role: str  #: of ``ROLES``

    @property
    def path(self) -> str:
        """The layer's path below ``bert``."""
        return f"encoder.layer.{self.layer}.{self.role}"


def matrix_names(model: PeftModel) -> Iterator[MatrixName]:
    """Every matrix of the encoder, from the embeddings on."""
    for layer in range(len(model.base_model.model.bert.encoder.layer)):
        for role in ROLES:
            yield MatrixName(layer, role)


def find_matrix(model: PeftModel, layer: int, role: str) -> MatrixName:
    """The matrix of that place.

    Raises:
        UserError: the model has none there.
    """
    name = MatrixName(layer, role)
    if name not in set(matrix_names(model)):
        raise UserError(
            N_("This model has no matrix {role} in a layer {layer}. Choose one from the map."),
            role=repr(role),
            layer=layer,
        )
    return name


def linear_layer(model: PeftModel, name: MatrixName) -> Any:
    """The frozen linear layer itself, of torch or bitsandbytes, without the adapter around it."""
    layer = model.base_model.model.bert.get_submodule(name.path)
    return layer.base_layer if isinstance(layer, LoraLayer) else layer


def adapted_layer(model: PeftModel, name: MatrixName) -> LoraLayer | None:
    """The adapter around a matrix; None where that one is not adapted."""
    layer = model.base_model.model.bert.get_submodule(name.path)
    return layer if isinstance(layer, LoraLayer) else None


def original_weight(predictor: Predictor, name: MatrixName) -> torch.Tensor:
    """The matrix as it stands in the base model's file, in the number type that was quantised; float32, on the CPU.

    Shape (out_features, in_features).
    """
    suffix = f"{name.path}.weight"
    for path in weight_files(predictor.models.base.folder):
        with safe_open(path, framework="pt") as file:
            for key in (suffix, f"bert.{suffix}"):
                if key in file.keys():  # noqa: SIM118 (not a dict)
                    return file.get_tensor(key).to(predictor.models.compute.dtype).float()
    raise UserError(N_("The base model's files hold no {tensor}."), tensor=suffix)
