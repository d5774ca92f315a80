"""One run from its configuration to a verified result.

Phases: loading, baselines, training, saving, verifying, done. What a run finds out goes through its journal into the
store; the result is put together at the end from what the phases returned.
"""

import numpy as np
import torch

from qlora_core.config import RunConfig
from qlora_core.data.batching import tokenize
from qlora_core.data.sources import load_run_pairs
from qlora_core.errors import ConfigError, ModelError
from qlora_core.evaluation.metrics import majority_logits
from qlora_core.models.adapter import attach_lora, missing_tensors, save_adapter
from qlora_core.models.catalog import find_base_model
from qlora_core.models.device import describe_environment, start_accelerator
from qlora_core.models.footprint import footprint
from qlora_core.models.heads import save_heads
from qlora_core.models.inference import predict_logits
from qlora_core.models.quantization import LoadedBase, load_quantized, quantization_config, quantized_modules
from qlora_core.models.tokenizer import load_tokenizer
from qlora_core.store.runs import Run
from qlora_core.training import verify
from qlora_core.training.baselines import fit_linear_probe
from qlora_core.training.events import Resumed, Step
from qlora_core.training.model_card import write_model_card
from qlora_core.training.reporter import Journal
from qlora_core.training.result import Finetuned, Material, Weights, build_result, prediction_columns
from qlora_core.training.trainer import Trainer
from qlora_core.training.watched_pairs import choose_watched, steps_between_looks


def execute(run: Run, journal: Journal) -> None:
    """Carry out ``run`` in this process (or in this one of several), from its configuration to its result.

    Raises:
        UserError: the configuration cannot be carried out here.
        RunFailure: training failed, or the saved adapter could not be reloaded.
        StopRequested: a stop was asked for before training had begun.
    """
    material = load_material(run.config, journal)
    logits, loaded = measure_baselines(run, material, journal)
    finetuned = finetune(run, loaded, material, journal)
    journal.phase("saving", "Saving the adapter")
    main = material.accelerator.is_main_process
    if main:
        save_adapter(finetuned.model, material.tokenizer, run.adapter_dir)
        journal.phase("verifying", "Reloading the adapter in a fresh process")
        logits |= {"finetuned": finetuned.logits, "reloaded": verify.answer_in_fresh_process(run, journal.progress)}
        missing = missing_tensors(finetuned.model, run.adapter_dir)
        result = build_result(run, material, finetuned, logits, missing)
        write_model_card(run.adapter_dir, result)
        run.write_predictions(prediction_columns(material, logits))
        journal.finish(result, stopped=finetuned.summary.stopped_early)
    material.accelerator.wait_for_everyone()


def load_material(config: RunConfig, journal: Journal) -> Material:
    """Choose device and number type, find the model, read and tokenise the pairs."""
    journal.phase("loading", "Loading the base model and the pairs")
    torch.manual_seed(config.seed)
    compute, accelerator = start_accelerator(config)
    base = find_base_model(config.base_model)
    pairs = load_run_pairs(config)
    tokenizer = load_tokenizer(base, config.max_length)
    material = Material(
        base=base,
        pairs=pairs,
        tokenizer=tokenizer,
        train=tokenize(pairs.train, tokenizer, config.max_length, swapped=config.swap_probability > 0),
        validation=tokenize(pairs.validation, tokenizer, config.max_length),
        compute=compute,
        accelerator=accelerator,
        environment=describe_environment(compute, accelerator),
    )
    journal.environment({**material.environment, "seed": config.seed, "dataset_fingerprint": pairs.fingerprint})
    return material


def measure_baselines(run: Run, material: Material, journal: Journal) -> tuple[dict[str, np.ndarray], LoadedBase]:
    """Validation logits of every baseline, and the quantised base model that the adapter will be attached to.

    Raises:
        ModelError: the base model's answers are no numbers.
        ConfigError: it has no pooler, and the adapter would not carry the one drawn for it.
    """
    journal.phase("baselines", "Measuring what the base model can do before it is trained")
    config, accelerator, validation = run.config, material.accelerator, material.validation
    logits = {"majority": majority_logits(material.train.labels, len(validation))}
    quantization = quantization_config(config, material.compute.dtype)
    if quantization is not None:
        whole = load_quantized(material.base.folder, None, material.compute, config.seed).model
        logits["untrained_head_unquantized"] = predict_logits(
            whole, validation, accelerator, config.eval_batch_size, journal.progress
        )
        del whole
    loaded = load_quantized(material.base.folder, quantization, material.compute, config.seed)
    if loaded.pooler_is_new and "pooler" not in config.modules_to_save:
        raise ConfigError(
            f"modules_to_save: the base model '{material.base.id}' has no pooler, so that a new one is drawn, and an "
            "adapter without it could not be loaded by others. Name the pooler as well: classifier,pooler."
        )
    arguments = (accelerator, config.eval_batch_size, journal.progress)
    logits["untrained_head"] = predict_logits(loaded.model, validation, *arguments)
    if not np.isfinite(logits["untrained_head"]).all():
        raise ModelError(f"The base model '{material.base.id}' answers with NaN or infinity. Its weights are damaged.")
    probe = fit_linear_probe(loaded.model, material.train, validation, *arguments)
    logits["linear_probe"] = probe.logits
    for name, answers in logits.items():
        journal.baseline(name, answers, validation.labels)
    if accelerator.is_main_process:
        save_heads(loaded.model, probe.head, run.heads_path, pooler_is_new=loaded.pooler_is_new)
    return logits, loaded


def finetune(run: Run, loaded: LoadedBase, material: Material, journal: Journal) -> Finetuned:
    """Attach LoRA, train, and measure the best epoch's weights."""
    config = run.config
    journal.phase("training", "Training the adapter")
    names = quantized_modules(loaded.model)
    model = attach_lora(loaded.model, config, material.base.hub_id or material.base.id)
    trainable, total = model.get_nb_trainable_parameters()
    weights = Weights(quantized_modules=names, bytes=footprint(model), trainable=trainable, total=total)
    trainer = Trainer(
        model,
        material.train,
        material.validation,
        config,
        material.accelerator,
        run.checkpoint_path,
        journal.command,
        journal.progress,
    )
    watched = choose_watched(material.pairs.validation, material.validation, config.seed)
    journal.watched_pairs(watched.rows)
    if not run.checkpoint_path.exists():  # a resumed run has looked already
        if any(event["kind"] == "step" for event in run.events()):
            journal.training_event(Resumed(0))  # an earlier try ended before its first checkpoint
        journal.watched(0, watched.look(model, material.accelerator))
    for event in trainer.train():
        journal.training_event(event)
        if isinstance(event, Step) and event.step % steps_between_looks(event.total_steps) == 0:
            journal.watched(event.step, watched.look(model, material.accelerator))
    model = material.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    logits = predict_logits(model, material.validation, material.accelerator, config.eval_batch_size, journal.progress)
    return Finetuned(model, weights, trainer.summary(), logits)
