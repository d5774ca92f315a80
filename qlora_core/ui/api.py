"""The named endpoints: start a run, ask how it stands, read its results, compare two sentences, bring a run.

They are described in docs/api.md. Each checks its own input, because anybody can send anything.
"""

import secrets
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from string import Template
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio_client.utils import is_file_obj_with_meta
from pydantic import ConfigDict, ValidationError, validate_call

from qlora_core.choices import INIT_CLASSIFIERS, either
from qlora_core.config import RunConfig
from qlora_core.data.catalog import DATASETS, OWN_FILE
from qlora_core.data.typed_pairs import MAX_SCALE
from qlora_core.errors import ConfigError, QLoRAError
from qlora_core.evaluation.several.plan import MAX_SETTINGS
from qlora_core.fields import without_folders
from qlora_core.inspection.questions import ROLES, AskBlock, AskSpectrum
from qlora_core.models.catalog import offered_base_models
from qlora_core.presets import PRESETS
from qlora_core.server.grid import MAX_SEEDS
from qlora_core.server.services import Services
from qlora_core.server.together import MAX_TOGETHER
from qlora_core.server.zerogpu.loans import Loans
from qlora_core.training.start import adopted_settings
from qlora_core.ui.classroom.endpoints import class_endpoints
from qlora_core.ui.compare.answers import compare_pair
from qlora_core.ui.compare.sides import run_or_newest
from qlora_core.ui.events import address_of
from qlora_core.ui.opening import opening_everywhere
from qlora_core.ui.results.bring_panel import brought_run
from qlora_core.ui.results.several.endpoints import several_endpoints
from qlora_core.ui.safe_text import MAX_MESSAGE, one_line
from qlora_core.ui.train.borrowing import MAX_LOANS, borrowed_for
from qlora_core.ui.train.form import FIELD_NAMES, preset_values
from qlora_core.ui.train.submission import FROM_SCRATCH, NO_FILES, StartFrom, chosen_config, submit_run
from qlora_core.ui.words.train import DEVICES, OWN_CPU, no_such

P = ParamSpec("P")
R = TypeVar("R")
ACTIONS = ("pause", "resume", "stop")
#: What the endpoints' docstrings, which gradio_client's users read, say of the lists.
LISTS = {
    "datasets": either(DATASETS),
    "presets": either(PRESETS),
    "classifiers": either(INIT_CLASSIFIERS),
    "actions": either(ACTIONS).capitalize(),
    "max_scale": f"{MAX_SCALE:g}",
    "roles": either(ROLES),
    "devices": either(DEVICES),
    "max_settings": str(MAX_SETTINGS),
    "max_together": str(MAX_TOGETHER),
    "max_seeds": str(MAX_SEEDS),
}


def add_api(services: Services) -> None:
    """Add the endpoints to the current ``gr.Blocks``."""
    if services.loans is not None:
        add_borrowing(services, services.loans)
    groups = (_starting, _asking, _changing, _inside)
    named = [endpoint for group in groups for endpoint in group(services)]
    for endpoint in (*named, *map(_plainly, several_endpoints(services))):
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=4)
    for endpoint in map(_plainly, class_endpoints(services)):
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)


def _starting(services: Services) -> tuple[Callable[..., dict[str, Any]], ...]:
    """The endpoint that starts a run."""
    opening = opening_everywhere(services)

    @_plainly
    def start_run(
        base_model: str = opening.base_model,
        dataset: str = opening.dataset,
        preset: str = opening.preset,
        settings: dict[str, Any] | None = None,
        secret: str = "",
        init_from: str = FROM_SCRATCH.run,
        init_classifier: str = FROM_SCRATCH.classifier,
        device: str = OWN_CPU,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Put a run into the queue.

        Args:
            base_model: $base_models.
            dataset: $datasets.
            preset: $presets.
            settings: settings that differ from the preset, by their names, for example {"r": 8}.
            secret: what will be needed to pause, resume or stop it; empty means that one is made for you, and that one
                run at a time may wait that was started from your address so.
            init_from: the id of a finished run of the same base model to start from; empty means from scratch.
            init_classifier: $classifiers, of that run.
            device: $devices; a run for a GPU begins when you call borrow_gpu, where GPUs are lent.

        Returns:
            run_id, the secret, and its place in the queue (null once it has started).
        """
        address = "" if secret else address_of(request)
        secret = secret or secrets.token_urlsafe(24)
        start = StartFrom(init_from, init_classifier)
        config = config_of(services, base_model, dataset, preset, settings or {}, start)
        run = submit_run(services, config, secret, address, device)
        return {"run_id": run.id, "secret": secret, "place": services.queue.place(run.id)}

    return (start_run,)


def _asking(services: Services) -> tuple[Callable[..., dict[str, Any]], ...]:
    """The endpoints that say what is known of runs, and what a run says of a pair."""

    @_plainly
    def run_status(run_id: str) -> dict[str, Any]:
        """Where a run stands: state, phase, message, progress (0 to 1), step, total_steps, place in the queue."""
        run = services.run(run_id)
        names = {"state", "phase", "message", "progress", "step", "total_steps", "created", "updated"}
        return {"run_id": run.id, **run.status.model_dump(include=names), "place": services.queue.place(run.id)}

    @_plainly
    def run_results(run_id: str) -> dict[str, Any]:
        """Every number of a finished run, as in its result.json; an error while it is not finished."""
        run = services.run(run_id)
        result = run.require_result()
        with run.explaining_damage():
            return result | {"config": without_folders(result["config"])}

    @_plainly
    def compare(run_id: str, sentence1: str, sentence2: str, scale: float = 1.0) -> dict[str, Any]:
        """What base model and adapter say of a pair, in both orders: the probability that both say the same.

        Args:
            scale: how much of the adapter answers: 0 is the base model, 1 the adapter as trained, at most $max_scale.
        """
        return compare_pair(services, run_id, sentence1, sentence2, scale)

    return run_status, run_results, compare


def _changing(services: Services) -> tuple[Callable[..., dict[str, Any]], ...]:
    """The endpoints that change a run that is there, and bring another."""

    @_plainly
    def control_run(run_id: str, action: str, secret: str, request: gr.Request) -> dict[str, Any]:
        """$actions a run; ``secret`` is what start_run gave you, or the key of the server's owner."""
        if action not in ACTIONS:
            raise ConfigError(no_such("action", ACTIONS))
        run, who_may = services.store.open(run_id), services.who_may
        is_theirs = who_may.control(run, secret)
        who_may.check_control(run, secret, "" if is_theirs else who_may.owner_pass(secret, address_of(request)))
        getattr(services.queue, action)(run.id)
        return {"run_id": run.id, "state": run.status.state}

    @_plainly
    def bring_run(file: dict[str, Any], secret: str = "") -> dict[str, Any]:
        """Take in a run that was taken home as a zip, from this server or another.

        Args:
            file: the zip, as ``handle_file("run.zip")``.
            secret: what will be needed to delete it; empty means that one is made for you.

        Returns:
            run_id and the secret.
        """
        # With these marks, and only then, Gradio has made sure that the path is that of a file which was uploaded.
        path = file["path"] if is_file_obj_with_meta(file) else None
        secret = secret or secrets.token_urlsafe(24)
        return {"run_id": brought_run(services, path, secret).id, "secret": secret}

    return control_run, bring_run


def _inside(services: Services) -> tuple[Callable[..., dict[str, Any]], ...]:
    """The endpoints that look into a run."""

    @_plainly
    def quantized_block(
        run_id: str, layer: int = 0, role: str = "attention.self.query", block: int = 0
    ) -> dict[str, Any]:
        """64 weights of a run's base model as they were, their 4-bit codes, scale and bytes, and what comes back.

        Args:
            layer: of the encoder, from 0.
            role: $roles.
            block: which 64 weights of the matrix, from 0.
        """
        question = AskBlock(what="block", layer=layer, role=role, block=block)
        return dict(services.asker.inside(run_or_newest(services, run_id), question))

    @_plainly
    def adapter_spectrum(run_id: str) -> dict[str, Any]:
        """What the adapter changed of each matrix: singular values, size against the matrix, directions used."""
        return dict(services.asker.inside(run_or_newest(services, run_id), AskSpectrum(what="spectrum")))

    return quantized_block, adapter_spectrum


def add_borrowing(services: Services, loans: Loans) -> None:
    """Add the endpoint that borrows a GPU to the current ``gr.Blocks``."""

    def borrow_gpu(run_id: str, secret: str) -> Iterator[dict[str, Any]]:
        """Carry a run forward on a borrowed GPU until it or the loan ends; cancelling gives the GPU back.

        Args:
            secret: what start_run gave you.

        Returns:
            run_id, state, step and message, about once a second.
        """
        names = {"state", "step", "message"}
        try:
            run = borrowed_for(services, run_id, secret)
            for _ in loans.borrow(run):
                yield {"run_id": run.id, **run.status.model_dump(include=names)}
            yield {"run_id": run.id, **run.status.model_dump(include=names)}
        except QLoRAError as error:
            raise gr.Error(one_line(error, MAX_MESSAGE), print_exception=False) from error

    gr.api(borrow_gpu, api_name="borrow_gpu", concurrency_limit=MAX_LOANS)


def _plainly(endpoint: Callable[P, R]) -> Callable[P, R]:
    """Check the types of what was sent, and show this package's own errors in words; all else stays in the log."""
    endpoint.__doc__ = Template(endpoint.__doc__ or "").substitute(LISTS, base_models=either(offered_base_models()))
    names = list(signature(endpoint).parameters)
    valid = validate_call(config=ConfigDict(strict=True, arbitrary_types_allowed=True))(endpoint)

    @wraps(endpoint)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return valid(*args, **kwargs)
        except ValidationError as error:
            raise gr.Error(_wrong_types(error, names), print_exception=False) from error
        except QLoRAError as error:
            raise gr.Error(one_line(error, MAX_MESSAGE), print_exception=False) from error

    return checked


def _wrong_types(error: ValidationError, names: list[str]) -> str:
    """Which values are of the wrong type; they are not repeated, because anybody may have sent them."""
    wrong = {}
    for item in error.errors(include_input=False, include_url=False):
        place = item["loc"][0]
        wrong[names[place] if isinstance(place, int) else place] = item["msg"].removeprefix("Input ")
    return "; ".join(f"{name} {message}" for name, message in wrong.items()) + "."


def config_of(
    services: Services, base_model: str, dataset: str, preset: str, settings: dict[str, Any], start: StartFrom
) -> RunConfig:
    """A preset with some settings changed, through the same checks as the page's form.

    The settings ``ADOPTED`` are those of the run that it starts from, unless they are among ``settings``.

    Raises:
        ConfigError: a name is unknown, or a value of the wrong type or out of range.
        RunError: there is no such run to start from.
    """
    if preset not in PRESETS:
        raise ConfigError(no_such("preset", PRESETS))
    if not isinstance(settings, dict) or not settings.keys() <= set(FIELD_NAMES):
        raise ConfigError(f"Settings are an object with some of these names: {', '.join(FIELD_NAMES)}.")
    if dataset == OWN_FILE.name:
        raise ConfigError(f"A file of your own can be used on the page only. Choose {either(DATASETS)}.")
    adopted = adopted_settings(services.run(start.run)) if start.run else {}
    values = {**dict(zip(FIELD_NAMES, preset_values(preset, dataset), strict=True)), **adopted, **settings}
    return chosen_config(services, base_model, dataset, NO_FILES, list(values.values()), start)
