"""One run from its configuration to a verified result.

Phases: loading, baselines, training, saving, verifying, done. What a run finds out goes through its reporter into the
store; the result is put together at the end from what the pieces of work left behind.
"""

from collections.abc import Callable

import numpy as np
from peft import PeftModel
from torch import nn

from qlora_core.errors import ConfigError, ModelError
from qlora_core.evaluation.comparison import recorded_comparisons
from qlora_core.evaluation.metrics import majority_logits
from qlora_core.language import N_
from qlora_core.models.adapter import missing_tensors, read_saved, renew_classifier, save_adapter, start_from
from qlora_core.models.heads import Baselines, heads_of
from qlora_core.models.inference import pooled_features
from qlora_core.models.quantization import LoadedBase
from qlora_core.store.run import Run
from qlora_core.store.shared.baselines import Provenance
from qlora_core.training import verify
from qlora_core.training.baselines import classifier_set_to, fit_linear_probe
from qlora_core.training.known_baselines import answered_before, find_baselines, keep_answers, record_baselines
from qlora_core.training.loop.events import Resumed, Step
from qlora_core.training.loop.trainer import TrainingSummary
from qlora_core.training.passes import (
    PairSet,
    WorkName,
    pairs_before_training,
    plan_run,
    steps_between_looks,
    total_steps,
)
from qlora_core.training.reports.model_card import write_model_card
from qlora_core.training.reports.reporter import Reporter
from qlora_core.training.reports.result import build_result, prediction_columns, train_sample
from qlora_core.training.setup import Setup
from qlora_core.training.start import WEIGHTS, Start, lora_scaling, read_start


def execute(run: Run, reporter: Reporter) -> None:
    """Carry out ``run`` in this process (or in this one of several), from its configuration to its result.

    Raises:
        UserError: the configuration cannot be carried out here.
        RunFailure: training failed, or the saved adapter could not be reloaded.
        StopRequested: a stop was asked for before training had begun.
        Suspended: the loan of the GPU is over.
    """
    reporter.phase("loading", "Loading the base model and the pairs")
    setup = Setup.load(run.config, loan=reporter.loan)
    start = read_start(run, setup.models.base)
    reporter.environment(
        {**setup.environment(), "seed": run.config.seed, "dataset_fingerprint": setup.data.fingerprint}
    )
    reporter.total_steps(total_steps(run.config, len(setup.data.train)))
    reporter.watched_pairs(setup.watched.rows)
    reporter.truncation(setup.truncation)
    reporter.in_both(setup.data.in_both, len(setup.data.validation))
    pipeline = Pipeline(run, setup, reporter, find_baselines(run, setup), start)
    for work in pipeline.plan:
        pipeline.work[work.name]()
    if setup.accelerator.is_main_process:
        pipeline.finish()
    setup.accelerator.wait_for_everyone()


class Pipeline:
    """The pieces of a run's work, and what each leaves for those after it."""

    loaded: LoadedBase
    features: np.ndarray  #: what the base model's classifiers see of the validation pairs, shape (n, hidden_size)
    provenance: Provenance  #: of the baselines
    model: PeftModel
    summary: TrainingSummary
    train_logits: np.ndarray  #: of the fine-tuned model, for ``Setup.train_sample``

    def __init__(
        self, run: Run, setup: Setup, reporter: Reporter, known: Baselines | None, start: Start | None = None
    ) -> None:
        self.run, self.setup, self.reporter, self.start = run, setup, reporter, start
        self.known = known  #: baselines that need not be measured
        self.plan = list(plan_run(run.config, len(setup.data.train), baselines_known=known is not None))
        self.logits: dict[str, np.ndarray] = {}  # for the validation pairs, by who answered
        self.work: dict[WorkName, Callable[[], None]] = {
            "majority": self.answer_by_majority,
            "untrained_head_unquantized": self.answer_unquantized,
            "untrained_head": self.answer_untrained,
            "linear_probe": self.probe,
            "started_from": self.answer_start,
            "training": self.train,
            "finetuned": self.answer_finetuned,
            "reloaded": self.answer_reloaded,
        }

    def answer_by_majority(self) -> None:
        """The commoner label of the training pairs, whatever is asked."""
        sizes: dict[PairSet, int] = {name: len(getattr(self.setup, name)) for name in ("probe", "validation")}
        pairs = pairs_before_training(self.plan, sizes)
        if self.known is not None:
            self.provenance = self.known.provenance
            self.reporter.phase("baselines", "Taking over what was measured of the base model before", pairs)
            self.reporter.baselines_known(self.provenance)
        else:
            self.reporter.phase("baselines", "Measuring what the base model can do before it is trained", pairs)
        self._baseline("majority", majority_logits(self.setup.train.labels, len(self.setup.validation)))

    def answer_unquantized(self) -> None:
        """What quantisation costs; this model is gone again before the next is loaded."""
        name: WorkName = "untrained_head_unquantized"
        if self._take_over(name):
            return
        setup = self.setup
        logits = answered_before(self.run, setup).get(name)
        if logits is None:
            logits = setup.answer(setup.models.unquantized().model, progress=self.reporter.progress)
        self._baseline(name, logits)
        if setup.accelerator.is_main_process:
            keep_answers(self.run, setup, {name: logits})

    def answer_untrained(self) -> None:
        """The base model as the run stores it, with the classifier that training starts from.

        Raises:
            ConfigError: it has no pooler, and the adapter would not carry the one drawn for it.
        """
        self.loaded = self.setup.models.quantized()
        if self.loaded.pooler_is_new and "pooler" not in self.setup.config.modules_to_save:
            raise ConfigError(
                N_(
                    "modules_to_save: the base model '{base}' has no pooler, so that a new one is drawn, and an "
                    "adapter without it could not be loaded by others. Name the pooler as well: classifier,pooler."
                ),
                base=self.setup.models.base.id,
            )
        if self.start is None:
            self._look_before_training(self.loaded.model)
        if self._take_over("untrained_head"):
            return
        setup, model = self.setup, self.loaded.model
        batch_size = setup.config.eval_batch_size
        self.features = pooled_features(
            model.bert, setup.validation, setup.accelerator, batch_size, self.reporter.progress
        )
        self._baseline("untrained_head", setup.classify(model, self.features))

    def probe(self) -> None:
        """A classifier trained on the frozen encoder; what was measured is kept for the runs to come."""
        if self._take_over("linear_probe"):
            return
        setup, model = self.setup, self.loaded.model
        batch_size = setup.config.eval_batch_size
        probe = fit_linear_probe(
            model, setup.train, setup.accelerator, batch_size, setup.config.seed, self.reporter.progress
        )
        with classifier_set_to(probe.head, model):
            self._baseline("linear_probe", setup.classify(model, self.features))
        if setup.accelerator.is_main_process:
            heads = heads_of(model, probe.head, pooler_is_new=self.loaded.pooler_is_new)
            self.provenance = record_baselines(self.run, setup, heads, self.logits, probe.pairs)

    def answer_start(self) -> None:
        """The run that this one starts from, with the classifier it had; training then begins there."""
        assert self.start is not None, "a run from scratch has no start"
        self.model = self.setup.models.with_lora(self.loaded.model)
        saved = read_saved(self.run.start_dir / WEIGHTS, self.model)
        start_from(self.model, saved, self.start.scaling / lora_scaling(self.setup.config))
        self._baseline("started_from", self.setup.answer(self.model, progress=self.reporter.progress))
        if self.setup.config.init_classifier == "fresh":
            renew_classifier(self.model)
        self._look_before_training(self.model)

    def train(self) -> None:
        """Train LoRA, fresh or as it was started from a run; the model then has the best epoch's weights."""
        setup, reporter = self.setup, self.reporter
        reporter.phase("training", "Training the adapter")
        model = self.model if self.start else setup.models.with_lora(self.loaded.model)
        trainer = setup.trainer(model, self.run.checkpoint_path, reporter.command, reporter.progress)
        if not self.run.has_checkpoint and any(event["kind"] == "step" for event in self.run.events()):
            reporter.training_event(Resumed(0))  # an earlier try ended before its first checkpoint
        for event in trainer.train():
            reporter.training_event(event)
            if isinstance(event, Step) and event.step % steps_between_looks(event.total_steps) == 0:
                reporter.watched(event.step, setup.watched.look(model, setup.accelerator))
        self.model = setup.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        self.summary = trainer.summary()

    def answer_finetuned(self) -> None:
        """The trained model's answers, which its best evaluation gave, and those to some training pairs; then the
        adapter is saved."""
        logits = self.summary.best_logits  # none where a checkpoint was written by an earlier version, or elsewhere
        if logits is None:
            logits = self.setup.answer(self.model, progress=self.reporter.progress)
        self.logits["finetuned"] = logits
        self.train_logits = self.setup.answer(self.model, "train_sample", self.reporter.progress)
        self.reporter.phase("saving", "Saving the adapter")
        if self.setup.accelerator.is_main_process:
            save_adapter(self.model, self.setup.tokenizer, self.run.adapter_dir)

    def answer_reloaded(self) -> None:
        """The answers of what was saved; of several processes the main one asks for them."""
        if self.setup.accelerator.is_main_process:
            self.logits["reloaded"] = self._answer_from_files()

    def finish(self) -> None:
        """Write the result, the model card and every answer."""
        missing = missing_tensors(self.model, self.run.adapter_dir)
        result = build_result(
            self.run, self.setup, self.model, self.summary, self.logits, missing, self.start, self.provenance
        )
        result["train_sample"] = train_sample(self.setup, self.train_logits)
        write_model_card(self.run.adapter_dir, result)
        self.run.write_predictions(prediction_columns(self.setup, self.logits))
        strongest, *_ = recorded_comparisons(result).values()
        self.reporter.finish(result, stopped=self.summary.stopped_early, verdict=strongest["verdict"])

    def _answer_from_files(self) -> np.ndarray:
        """A fresh process would have no part in a borrowed GPU: there, the files are loaded in this one."""
        if self.reporter.loan is not None:
            self.reporter.phase("verifying", "Reloading the adapter from its files")
            return verify.answer_from_files(self.run, self.reporter.progress)
        self.reporter.phase("verifying", "Reloading the adapter in a fresh process")
        return verify.answer_in_fresh_process(self.run, self.reporter.progress)

    def _look_before_training(self, model: nn.Module) -> None:
        """What a model says of the watched pairs before the first step; a resumed run has looked already."""
        if not self.run.has_checkpoint:
            self.reporter.watched(0, self.setup.watched.look(model, self.setup.accelerator))

    def _take_over(self, name: WorkName) -> bool:
        """Report a baseline as an earlier run has measured it; False where none has."""
        if self.known is not None:
            self._baseline(name, self.known.logits[name])
        return self.known is not None

    def _baseline(self, name: str, logits: np.ndarray) -> None:
        if not np.isfinite(logits).all():
            raise ModelError(
                N_("The base model '{base}' answers with NaN or infinity. Its weights are damaged."),
                base=self.setup.models.base.id,
            )
        self.logits[name] = logits
        self.reporter.baseline(name, logits, self.setup.validation.labels)
