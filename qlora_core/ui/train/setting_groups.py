"""The settings under "Advanced", in groups of which one is open: those that matter first, then others by purpose."""

from dataclasses import dataclass

import gradio as gr

from qlora_core.config import SETTINGS
from qlora_core.language import N_, translated
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.train.form import FIELD_NAMES, control


@translated("heading")
@dataclass(frozen=True)
class Group:
    """Settings that answer one question."""

    heading: str
    names: tuple[str, ...]


#: The first is open when the settings are.
GROUPS = (
    Group(
        N_("The five that matter first"),
        ("quantization", "r", "lora_alpha", "learning_rate", "num_train_epochs"),
    ),
    Group(N_("Where the adapter sits"), ("target_modules", "modules_to_save", "use_rslora")),
    Group(
        N_("How it takes its steps"),
        ("train_batch_size", "lr_scheduler_type", "warmup_ratio", "max_grad_norm"),
    ),
    Group(
        N_("Against learning by heart"),
        ("lora_dropout", "hidden_dropout_prob", "label_smoothing_factor", "weight_decay"),
    ),
    Group(
        N_("Which pairs it sees, and chance"),
        ("max_train_samples", "max_length", "swap_probability", "easy_pairs_steps", "seed"),
    ),
    Group(
        N_("How it is measured"),
        (
            "max_eval_samples",
            "evaluations_per_epoch",
            "eval_batch_size",
            "bootstrap_samples",
            "measure_baselines_again",
        ),
    ),
    Group(N_("How the frozen weights are unpacked"), ("bnb_4bit_use_double_quant", "bnb_4bit_compute_dtype")),
)


def setting_groups(values: dict[str, object]) -> list[gr.components.Component]:
    """The control of every setting, holding its value; in the order of ``FIELD_NAMES``, whatever that on the page."""
    made: dict[str, gr.components.Component] = {}
    accordions = []
    for group in GROUPS:
        is_first = group is GROUPS[0]
        with gr.Accordion(group.heading, open=is_first, elem_classes="setting-group") as accordion:
            made |= {name: control(SETTINGS[name], values[name]) for name in group.names}
        accordions.append(accordion)
    for accordion in accordions:
        others = [other for other in accordions if other is not accordion]
        accordion.expand(None, None, others, js=_closing(len(others)), show_progress="hidden", queue=False, **PRIVATE)
    return [made[name] for name in FIELD_NAMES]


def _closing(accordions: int) -> str:
    """JavaScript that closes so many, without a request."""
    return f"() => Array.from({{ length: {accordions} }}, () => ({{ open: false, __type__: 'update' }}))"
