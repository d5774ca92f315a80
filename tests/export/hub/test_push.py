"""A run pushed to a hub: what is there then, and every way in which the hub may refuse it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import nbformat
import pytest
from huggingface_hub import ModelCard, ModelCardData, constants
from transformers import AutoTokenizer, pipeline

from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, HubError, HubProblem, RunError
from qlora_core.export.hub.push import Pushed, check_name, push_run
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import free_port, ignore
from tests.small_hub import ACCOUNT, READ_ONLY, TOKEN, UNKNOWN, Repository, SmallHub, uploads

pytestmark = uploads
NAME = f"{ACCOUNT}/paraphrases"
GENERAL = {"README.md", "run.ipynb", "tokenizer.json", "tokenizer_config.json"}


def push(run: Run, repository: str = "paraphrases", token: str | None = TOKEN, **options: Any) -> Pushed:
    return push_run(run, repository, token, ignore, **options)


def refused(run: Run, repository: str = "paraphrases", token: str | None = TOKEN) -> HubError:
    with pytest.raises(HubError) as caught:
        push(run, repository, token)
    said = "".join(map(str, (caught.value, caught.value.__cause__, caught.value.__context__)))
    assert not token or token not in said
    return caught.value


def download(repository: Repository, folder: Path) -> Path:
    folder.mkdir()
    for name, content in repository.files.items():
        (folder / name).write_bytes(content)
    return folder


def test_adapter_card_notebook_and_script_are_pushed(hub: SmallHub, finished_run: Run) -> None:
    pushed = push(finished_run)
    files = GENERAL | {"adapter_config.json", "adapter_model.safetensors", "load_adapter.py"}
    assert pushed == Pushed(NAME, f"{hub.address}/{NAME}", True, False, sorted(files), pushed.bytes)
    held = hub.repositories[NAME]
    assert (set(held.files), held.private, held.message) == (files | {".gitattributes"}, True, f"Run {finished_run.id}")
    weights = (finished_run.adapter_dir / "adapter_model.safetensors").read_bytes()
    assert held.files["adapter_model.safetensors"] == weights
    assert list(hub.objects.values()) == [weights]  # by LFS, as the hub asks for
    nbformat.validate(nbformat.reads(held.files["run.ipynb"].decode(), as_version=4))


def test_the_hub_reads_the_card(hub: SmallHub, finished_run: Run) -> None:
    push(finished_run)
    card = ModelCard(hub.repositories[NAME].files["README.md"].decode())
    assert isinstance(card.data, ModelCardData)
    assert (card.data.library_name, card.data.pipeline_tag) == ("peft", "text-classification")
    assert card.data.eval_results
    assert {result.metric_type for result in card.data.eval_results} >= {"accuracy", "f1"}
    assert f"hf download {NAME}" in card.text


def test_the_pushed_script_loads_the_adapter_beside_it(hub: SmallHub, finished_run: Run, tmp_path: Path) -> None:
    push(finished_run)
    folder = download(hub.repositories[NAME], tmp_path / "there")
    assert "ADAPTER = Path(__file__).resolve().parent\n" in (folder / "load_adapter.py").read_text()
    assert json.loads((folder / "adapter_config.json").read_text())["peft_type"] == "LORA"
    assert AutoTokenizer.from_pretrained(folder).tokenize("the ferry")


def test_a_merged_model_is_pushed(hub: SmallHub, finished_run: Run, tmp_path: Path) -> None:
    pushed = push(finished_run, merged=True, private=False)
    assert set(pushed.files) == GENERAL | {"config.json", "model.safetensors"}
    assert not hub.repositories[NAME].private
    folder = download(hub.repositories[NAME], tmp_path / "there")
    assert f'model="{NAME}"' in (folder / "README.md").read_text()
    (answer,) = pipeline("text-classification", model=str(folder), device="cpu")([{"text": "a", "text_pair": "b"}])
    assert answer["label"] in ("same", "different")


def test_no_path_of_this_machine_and_no_token_is_pushed(hub: SmallHub, finished_run: Run) -> None:
    push(finished_run)
    for name, content in hub.repositories[NAME].files.items():
        text = content.decode("utf-8", "replace")
        assert [word for word in (TOKEN, str(finished_run.path.parent), str(Path.home())) if word in text] == [], name


@pytest.mark.parametrize(
    ("part", "status", "problem"),
    [
        ("/api/repos/create", 403, HubProblem.FORBIDDEN),
        ("/api/repos/create", 429, HubProblem.HUB_FAULT),
        ("/api/repos/create", 503, HubProblem.HUB_FAULT),
        ("/api/repos/create", 400, HubProblem.NOT_TAKEN),
        ("/preupload/", 401, HubProblem.REFUSED_TOKEN),
        ("/objects/batch", 413, HubProblem.TOO_LARGE),
        ("/lfs/", 403, HubProblem.FORBIDDEN),
        ("/commit/", 413, HubProblem.TOO_LARGE),
    ],
)
def test_what_the_hub_refuses_is_one_plain_sentence(
    part: str, status: int, problem: HubProblem, hub: SmallHub, finished_run: Run
) -> None:
    hub.refusals[part] = (status, "what the hub says")
    error = refused(finished_run)
    assert error.problem == problem
    assert "\n" not in str(error)
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (None, HubProblem.NO_TOKEN),
        ("", HubProblem.NO_TOKEN),
        (UNKNOWN, HubProblem.REFUSED_TOKEN),
        ("hf_with\na line end", HubProblem.REFUSED_TOKEN),
        (READ_ONLY, HubProblem.FORBIDDEN),
    ],
)
def test_a_token_that_may_not_write_is_refused(
    token: str | None, problem: HubProblem, hub: SmallHub, finished_run: Run
) -> None:
    assert refused(finished_run, token=token).problem == problem
    assert hub.repositories == {}


def test_a_name_that_is_taken_is_left_as_it_is(hub: SmallHub, finished_run: Run) -> None:
    hub.repositories[NAME] = Repository(private=True, files={"mine.txt": b"mine"})
    error = refused(finished_run)
    assert error.problem == HubProblem.NAME_TAKEN
    assert str(error).startswith(f"There is a repository called {NAME} already")
    assert hub.repositories[NAME].files == {"mine.txt": b"mine"}


def test_an_upload_that_broke_off_is_gone_on_with(hub: SmallHub, finished_run: Run) -> None:
    hub.refusals["/commit/"] = (400, "broken off")
    refused(finished_run)
    assert set(hub.repositories[NAME].files) == {".gitattributes"}
    hub.refusals.clear()
    push(finished_run)
    assert "adapter_model.safetensors" in hub.repositories[NAME].files


def test_what_was_made_for_all_to_see_is_not_taken_for_something_private(hub: SmallHub, finished_run: Run) -> None:
    hub.repositories[NAME] = Repository(private=False)
    assert refused(finished_run).problem == HubProblem.NAME_TAKEN


def test_without_a_network_that_is_said_at_once(
    hub: SmallHub, finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    assert refused(finished_run).problem == HubProblem.UNREACHABLE
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refused(finished_run).problem == HubProblem.UNREACHABLE
    assert hub.asked == []


def test_a_hub_that_does_not_answer_is_given_up(
    hub: SmallHub, finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, **__: object) -> None:
        raise httpx2.ReadTimeout("timed out")

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", slow)
    assert refused(finished_run).problem == HubProblem.TIMED_OUT
    assert hub.repositories == {}


@pytest.mark.parametrize("name", ["", "a/b/c", "-a", "a--b", "ä", "a b", "x" * 97, "../up", "name.git", None, 7])
def test_what_cannot_be_a_name_is_refused_before_the_hub_is_asked(name: object, hub: SmallHub) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a repository"):
        check_name(name)
    assert hub.asked == []


def test_a_run_without_a_result_is_not_pushed(
    hub: SmallHub, tiny_config: Callable[..., RunConfig], store: RunStore
) -> None:
    with pytest.raises(RunError, match="has no result"):
        push(store.create(tiny_config()))
    assert hub.repositories == {}


def test_a_damaged_run_makes_no_repository(hub: SmallHub, finished_run: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(finished_run.path, tmp_path / "runs" / finished_run.id))
    shutil.rmtree(run.adapter_dir)
    with pytest.raises(RunError, match="is missing or damaged"):
        push(run)
    assert hub.repositories == {}
