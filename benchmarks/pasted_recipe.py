"""What ours is compared with: the QLoRA recipe that people paste from notebooks, as pasted and at its best.

transformers' ``Trainer``, PEFT's LoRA on all linear layers, bitsandbytes' NF4, dropout as BERT and the recipe have it.
One thing is ours: ``guard_cpu_training``, without which it fails after its first evaluation on some CPUs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, TaskType, get_peft_model
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    DataCollatorWithPadding,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import logging

from qlora_core.choices import BERT_LINEAR_LAYERS
from qlora_core.config import RunConfig
from qlora_core.models.device import choose_compute, process_state
from qlora_core.models.limits import NOT_QUANTIZED
from qlora_core.models.quantization import guard_cpu_training

LORA_DROPOUT = 0.1


@dataclass(frozen=True)
class Form:
    """A way to write the recipe."""

    pad_to_max_length: bool
    group_by_length: bool
    fastest_dtype: bool  #: computed in the number type that is fastest on this machine; else in float32
    dropout: bool = True


FORMS = {
    "as pasted": Form(pad_to_max_length=True, group_by_length=False, fastest_dtype=False),
    "at its best": Form(pad_to_max_length=False, group_by_length=True, fastest_dtype=True),
    "at its best, no dropout": Form(pad_to_max_length=False, group_by_length=True, fastest_dtype=True, dropout=False),
}


def make_pasted_trainer(
    form: Form,
    config: RunConfig,
    folder: Path,
    train: Dataset,
    callback: TrainerCallback,
    output_dir: Path,
    validation: Dataset | None = None,
    **arguments: Any,
) -> Trainer:
    """A ``Trainer`` with ``config``'s batch size, rank, learning rate and epochs, for the model in ``folder``."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    dtype = choose_compute("auto", process_state().device).dtype if form.fastest_dtype else torch.float32

    def tokenize(rows: dict[str, list[str]]) -> Any:
        padding = "max_length" if form.pad_to_max_length else False
        pair = rows["sentence1"], rows["sentence2"]
        return tokenizer(*pair, truncation=True, padding=padding, max_length=config.max_length)

    def prepare(pairs: Dataset) -> Dataset:
        return pairs.select_columns(["sentence1", "sentence2", "label"]).map(
            tokenize, batched=True, remove_columns=["sentence1", "sentence2"], keep_in_memory=True
        )

    return Trainer(
        model=_model(form, dtype, config, folder),
        args=TrainingArguments(
            output_dir=str(output_dir),
            per_device_train_batch_size=config.train_batch_size,
            per_device_eval_batch_size=config.eval_batch_size,
            learning_rate=config.learning_rate,
            num_train_epochs=config.num_train_epochs,
            weight_decay=config.weight_decay,
            seed=config.seed,
            bf16=dtype is torch.bfloat16,
            fp16=dtype is torch.float16,
            train_sampling_strategy="group_by_length" if form.group_by_length else "random",
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **arguments,
        ),
        data_collator=DataCollatorWithPadding(tokenizer),
        train_dataset=prepare(train),
        eval_dataset=prepare(validation) if validation is not None else None,
        callbacks=[callback],
    )


def _model(form: Form, dtype: torch.dtype, config: RunConfig, folder: Path) -> PreTrainedModel:
    rate = {} if form.dropout else {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    torch.manual_seed(config.seed)
    base = AutoModelForSequenceClassification.from_pretrained(
        folder,
        num_labels=2,
        dtype=torch.float32,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=NOT_QUANTIZED,
        ),
        device_map={"": 0} if torch.cuda.is_available() else None,
        **rate,
    )
    guard_cpu_training(base)
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=config.r,
        lora_alpha=config.lora_alpha,
        lora_dropout=LORA_DROPOUT if form.dropout else 0.0,
        target_modules=list(BERT_LINEAR_LAYERS),
    )
    return get_peft_model(base, lora)
