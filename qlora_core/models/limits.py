"""What a base model leaves of the settings: layers, and the tokens it reads at once. Imports no torch."""

from collections.abc import Iterable

from qlora_core.errors import ConfigError
from qlora_core.language import N_

#: Kept in floating point: they are trained. A name matches the end of a module's path in whole parts, so it has
#: to be "bert.pooler" ("pooler" alone would leave bert.pooler.dense to be quantised).
NOT_QUANTIZED = ["classifier", "bert.pooler"]


def is_target(layer: str, targets: Iterable[str]) -> bool:
    """Whether PEFT gives ``layer`` an adapter: a name fits a layer's path from its end, in whole parts."""
    return any(layer == target or layer.endswith(f".{target}") for target in targets)


def check_target_modules(targets: Iterable[str], encoder_layers: Iterable[str]) -> None:
    """Refuse a target that is none of an encoder's linear layers, which are named as in ``layer.0.output.dense``.

    Raises:
        ConfigError: a name in ``target_modules`` fits no layer of this encoder.
    """
    layers = list(encoder_layers)
    for target in targets:
        if not any(is_target(layer, [target]) for layer in layers):
            names = sorted({layer.split(".", 2)[2] for layer in layers})
            raise ConfigError(
                N_("target_modules: no linear layer of this encoder is called '{layer}'. It has: {layers}."),
                layer=target,
                layers=", ".join(names),
            )


def check_max_length(max_length: int, positions: int) -> None:
    """Refuse pairs longer than a base model's table of positions (``max_position_embeddings``).

    Raises:
        ConfigError: ``max_length`` is larger than ``positions``.
    """
    if max_length > positions:
        raise ConfigError(
            N_("max_length: {n} tokens are more than this base model can read at once. Set it to {most} or less."),
            n=max_length,
            most=positions,
        )
