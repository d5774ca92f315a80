"""One model of a run's base model and adapter, which plain transformers load.

The base model is quantised as for the run, then dequantised, and the adapter's product is added to that: the adapter
was trained on the rounded weights and corrects the error of their rounding too. ``merge_and_unload()`` on the model as
it was published, or on the 4-bit layers, which rounds the sum anew, gives another model.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from qlora_core.choices import LABELS
from qlora_core.data.sources import load_run_pairs
from qlora_core.errors import ConfigError, DataError, is_disk_full
from qlora_core.export.merged.agreement import Agreement, Compared, Form
from qlora_core.export.merged.card import write_card
from qlora_core.export.merged.onnx_model import ONNX_FILE, check_onnx_installed, onnx_logits, write_onnx
from qlora_core.language import N_
from qlora_core.models.adapter import load_adapter
from qlora_core.models.device import start_accelerator
from qlora_core.models.factory import ModelFactory
from qlora_core.models.inference import Progress
from qlora_core.models.quantization import dequantized
from qlora_core.models.reloaded import explaining_adapter_damage, models_of, reload_finetuned, reload_tokenizer
from qlora_core.server.processes.apart import Listener
from qlora_core.store.files import storage_error
from qlora_core.store.run import Run
from qlora_core.training.setup import Setup

TOKENIZER_INPUTS = ["input_ids", "token_type_ids", "attention_mask"]


@dataclass(frozen=True)
class Merged:
    """What was written to a folder."""

    folder: Path
    agreement: Agreement | None  #: None where the run's validation pairs are not on this machine
    onnx: Agreement | None  #: the same of the ONNX file; None where there is none, too

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        return {
            "bytes": size,
            "agreement": self.agreement and asdict(self.agreement),
            "onnx": self.onnx and asdict(self.onnx),
        }


def merge_run(run: Run, folder: Path, listener: Listener, *, onnx: bool = False) -> Merged:
    """Write a folder for ``AutoModelForSequenceClassification`` and ``pipeline``, which appears as a whole or not.

    Args:
        onnx: write the model as ONNX too, to ``ONNX_FILE`` in there.

    Raises:
        NotInstalled: ONNX is asked for, and a package that it needs lacks.
        ConfigError: ``folder`` is there already.
        RunError: the run has no result, or its adapter is damaged.
        ModelError, HubError: its base model is not to be had on this machine.
        StorageError: the disk is full or refuses to be written to.
    """
    result = run.require_result()
    check_is_new(folder)
    if onnx:
        check_onnx_installed()
    compute, accelerator = start_accelerator(run.config)
    models, tokenizer = models_of(run, compute), reload_tokenizer(run)
    setup = None
    with suppress(DataError):  # they may have been a visitor's file
        setup = Setup(run.config, accelerator, models, load_run_pairs(run.config), tokenizer)
    with _whole_folder(folder) as temporary:
        listener("phase", {"message": N_("Merging adapter and base model")})
        _save(merged_model(run, models), tokenizer, run.config.max_length, temporary)
        if onnx:
            listener("phase", {"message": N_("Writing ONNX")})
            write_onnx(_saved(temporary), temporary / ONNX_FILE)
        compared = _compared(setup, run, temporary, listener) if setup else {}
        write_card(temporary, result, compared, has_onnx=onnx)
    agreements = {form: found.agreement for form, found in compared.items()}
    return Merged(folder, agreements.get("safetensors"), agreements.get("onnx"))


def _compared(setup: Setup, run: Run, folder: Path, listener: Listener) -> dict[Form, Compared]:
    """The run, and each form of its saved model, asked about the validation pairs."""
    labels = setup.validation.labels
    expected = _answers(setup, reload_finetuned(run, setup.models), N_("Asking the run"), listener)
    saved = _saved(folder).to(setup.models.compute.device)
    given = _answers(setup, saved, N_("Asking the merged model"), listener)
    compared: dict[Form, Compared] = {"safetensors": Compared.of(expected, given, labels)}
    if (folder / ONNX_FILE).is_file():
        listener("phase", {"message": N_("Asking ONNX Runtime")})
        batch_size = setup.config.eval_batch_size
        given = onnx_logits(folder / ONNX_FILE, setup.validation, batch_size, _counted(listener))
        compared["onnx"] = Compared.of(expected, given, labels)
    return compared


def _saved(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    return model.eval()


def _counted(listener: Listener) -> Progress:
    return lambda done, total: listener("progress", {"done": done, "total": total})


def merged_model(run: Run, models: ModelFactory) -> PreTrainedModel:
    """The run's base model with its adapter added, in float32; no layer is quantised or PEFT's.

    Raises:
        ModelError: the base model's files are damaged.
        RunError: the adapter is missing or damaged.
    """
    base = dequantized(models.quantized().model)
    with explaining_adapter_damage(run):
        model: PreTrainedModel = load_adapter(base, run.adapter_dir).merge_and_unload()
    model.config.id2label = dict(enumerate(LABELS))
    model.config.label2id = {label: number for number, label in enumerate(LABELS)}
    model.config.problem_type = "single_label_classification"
    return model.eval()


def check_is_new(folder: Path) -> None:
    """Refuse to write where something is.

    Raises:
        ConfigError: there is something.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ConfigError(N_("'{folder}' is there already. Name a new folder."), folder=str(folder))


def _answers(setup: Setup, model: nn.Module, words: str, listener: Listener) -> np.ndarray:
    listener("phase", {"message": words})
    return setup.answer(model.eval(), progress=_counted(listener))


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_length: int, folder: Path) -> None:
    """Files with which ``pipeline`` needs to be told nothing: how long a pair may be, and which sentence is which."""
    tokenizer.model_max_length = max_length
    tokenizer.model_input_names = TOKENIZER_INPUTS  # not every tokenizer gives all of them unasked
    tokenizer.init_kwargs["model_input_names"] = TOKENIZER_INPUTS  # only what has a name here is written
    model.save_pretrained(folder, max_shard_size="100GB")
    tokenizer.save_pretrained(folder)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder`` to be filled, which then takes its place."""
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.absolute().parent, prefix=f".{folder.name}.") as temporary:
            content = Path(temporary) / folder.name
            content.mkdir()
            yield content
            content.replace(folder)
    except OSError as error:
        raise storage_error(error, folder) from error
    except SafetensorError as error:  # safetensors' own exception for a disk that is full
        if is_disk_full(error):
            raise storage_error(OSError(errno.ENOSPC, ""), folder) from error
        raise
