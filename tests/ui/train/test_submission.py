"""Every check between what a visitor chose and a run in the queue."""

import json
import os
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import torch

from qlora_core.config import make_config
from qlora_core.data.catalog import OWN_FILE
from qlora_core.errors import ConfigError, DataError, QueueError, UserError
from qlora_core.models.heads import Baselines, save_baselines
from qlora_core.server import estimates
from qlora_core.server.services import Services, make_services
from qlora_core.server.zerogpu.lender import News
from qlora_core.server.zerogpu.loans import Loans
from qlora_core.server.zerogpu.pace import Pace
from qlora_core.store.shared.baselines import Provenance
from qlora_core.ui.train import submission
from qlora_core.ui.train.form import preset_values
from qlora_core.ui.train.submission import (
    NO_FILES,
    OwnFile,
    chosen_config,
    expectation,
    started_words,
    submit_run,
)
from qlora_core.ui.words import train as words
from tests.conftest import make_rows


def lend_nothing(run_directory: str, seconds: float) -> News:
    """No GPU is ever asked for."""
    raise AssertionError(run_directory, seconds)


VALUES = preset_values("quick")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A visitor's file of pairs, with a name that must not be used."""
    path = tmp_path / "..$(rm) <b>.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in make_rows(24)), encoding="utf-8")
    return path


def test_a_preset_goes_through(services: Services) -> None:
    assert chosen_config(services, "minilm", "pairs", NO_FILES, VALUES) == make_config("quick")


@pytest.mark.parametrize(
    ("base_model", "dataset"), [("/etc", "pairs"), ("../x", "pairs"), ("minilm", "/etc/passwd"), ("minilm", "")]
)
def test_only_names_are_taken_and_never_a_path(base_model: str, dataset: str, services: Services) -> None:
    with pytest.raises(ConfigError, match="of that name"):
        chosen_config(services, base_model, dataset, NO_FILES, VALUES)


def test_a_file_of_ones_own_is_kept_under_its_digest_when_a_run_starts(services: Services, upload: Path) -> None:
    config = chosen_config(services, "minilm", OWN_FILE.name, OwnFile(str(upload)), VALUES)
    assert config.dataset == str(upload)
    assert not services.store.uploads.folder.exists()
    kept = Path(submit_run(services, config, "mine").config.dataset)
    assert kept.parent == services.store.uploads.folder
    assert kept.name.startswith("pairs-")
    assert kept.read_bytes() == upload.read_bytes()
    assert submit_run(services, config, "theirs").config.dataset == str(kept)


def test_columns_and_a_file_to_validate_on_are_kept_with_the_run(
    services: Services, upload: Path, tmp_path: Path
) -> None:
    validation = tmp_path / "validation.csv"
    rows = [f"ours {number},theirs {number},{number % 2}" for number in range(8)]
    validation.write_text("\n".join(["First,Second,same", *rows]), encoding="utf-8")
    renamed = upload.with_name("mine.jsonl")
    text = upload.read_text(encoding="utf-8")
    for old, new in (("sentence1", "first"), ("sentence2", "second"), ("label", "same")):
        text = text.replace(f'"{old}"', f'"{new}"')
    renamed.write_text(text, encoding="utf-8")
    own = OwnFile(str(renamed), str(validation), "first, second, same")
    config = submit_run(services, chosen_config(services, "minilm", OWN_FILE.name, own, VALUES), "mine").config
    assert config.columns == ("first", "second", "same")
    assert config.validation_file is not None
    assert Path(config.validation_file).parent == services.store.uploads.folder
    look = services.files.look(config)
    assert (look.train.pairs, look.validation.pairs) == (24, 8)


def test_what_belongs_to_a_file_is_no_part_of_a_run_on_other_pairs(services: Services, upload: Path) -> None:
    own = OwnFile(str(upload), str(upload), "a, b, c")
    assert chosen_config(services, "minilm", "pairs", own, VALUES) == make_config("quick")


@pytest.mark.parametrize("columns", ["first", "a, b", "a, a, b", "a,,b", '"'])
def test_columns_that_are_not_three_names_are_refused(columns: str, services: Services, upload: Path) -> None:
    with pytest.raises(ConfigError, match="columns"):
        chosen_config(services, "minilm", OWN_FILE.name, OwnFile(str(upload), None, columns), VALUES)


def test_what_was_measured_with_an_upload_is_known_of_its_copy(
    services: Services, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = chosen_config(services, "minilm", OWN_FILE.name, OwnFile(str(upload)), VALUES)
    estimate = {"device_name": "a CPU", "seconds": [1, 2], "memory_bytes": [1e9, 2e9], "memory_kind": "memory"}
    monkeypatch.setattr(estimates, "measure_cost", lambda *_, **__: estimate)
    services.estimates.measure(config)
    assert submit_run(services, config, "mine").estimate == estimate


def test_own_file_without_a_file_is_refused(services: Services) -> None:
    with pytest.raises(ConfigError, match="Choose your file"):
        chosen_config(services, "minilm", OWN_FILE.name, NO_FILES, VALUES)


@pytest.mark.parametrize("name", ["pairs.exe", "pairs.pkl", "pairs"])
def test_files_of_another_kind_are_refused(name: str, services: Services, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(DataError, match="ends in one of"):
        chosen_config(services, "minilm", OWN_FILE.name, OwnFile(str(tmp_path / name)), VALUES)


def test_a_file_that_holds_no_pairs_starts_nothing_and_is_not_kept(services: Services, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    config = chosen_config(services, "minilm", OWN_FILE.name, OwnFile(str(tmp_path / "bad.csv")), VALUES)
    with pytest.raises(UserError, match="has no column"):
        submit_run(services, config, "mine")
    assert not services.store.uploads.folder.exists()
    assert services.store.runs() == []


def test_uploads_that_no_run_needs_make_room_when_a_run_starts(services: Services, upload: Path) -> None:
    services.store.uploads.folder.mkdir(parents=True)
    forgotten = services.store.uploads.folder / "pairs-0000.csv"
    forgotten.touch()
    os.utime(forgotten, (0, 0))
    submit_run(services, chosen_config(services, "minilm", OWN_FILE.name, OwnFile(str(upload)), VALUES), "mine")
    assert not forgotten.exists()


def test_whoever_sends_no_secret_is_told_apart_by_address(services: Services) -> None:
    submit_run(services, make_config(seed=1), "made up", "10.0.0.1")
    with pytest.raises(QueueError, match="from your address"):
        submit_run(services, make_config(seed=2), "made up again", "10.0.0.1")


def test_a_submitted_run_waits_and_a_second_one_is_refused(services: Services) -> None:
    run = submit_run(services, make_config(seed=1), "mine")
    assert services.queue.place(run.id) == 1
    assert "Started" in started_words(services, run.id)
    with pytest.raises(QueueError):
        submit_run(services, make_config(seed=2), "mine")
    other = submit_run(services, make_config(seed=2), "theirs")
    assert "place 2" in started_words(services, other.id)


@pytest.mark.parametrize("secret", ["x" * 10_000, None, 5, "\ud800"])
def test_a_secret_that_is_none_is_refused(secret: str, services: Services) -> None:
    with pytest.raises(ConfigError, match="no usable key"):
        submit_run(services, make_config(), secret)
    assert services.store.runs() == []


def test_what_will_be_trained_is_said_without_measuring(services: Services) -> None:
    words = expectation(services, make_config())
    assert "812,162" in words
    assert "3.2 MB" in words or "3.3 MB" in words
    assert "Expected" not in words


def test_where_gpus_are_lent_it_is_said_what_either_takes_or_that_it_is_not_known(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = replace(services, loans=Loans(services.store, lend_nothing))
    assert expectation(services, make_config()).endswith(f"{words.cpu_not_measured()} {words.loan_not_known()}")
    paces = iter([Pace("borrowed: a GPU, <half>", 300.0, 60.0), Pace("borrowed: a GPU", 300.0, None)])
    monkeypatch.setattr(submission, "known_pace", lambda *_: next(paces))
    said = expectation(services, make_config())
    assert words.expected_on_loan("a GPU, <half>", 300.0, 60.0, 2) in unescape(said)
    assert expectation(services, make_config()).endswith("**300 pairs a second** of a run like it (a GPU).")


def test_baselines_that_are_known_are_said_to_be(services: Services, tmp_path: Path) -> None:
    provenance = Provenance("20261129-minilm-pairs-abcd", 1_795_910_400.0)
    heads = {
        f"{head}.{part}": torch.ones(2) for head in ("untrained_head", "linear_probe") for part in ("weight", "bias")
    }
    save_baselines(Baselines("key", provenance, heads, {}), tmp_path / "measured")
    services.store.folder.mkdir(exist_ok=True)
    services.store.baselines.keep(make_config(), "key", tmp_path / "measured")
    words = unescape(expectation(services, make_config()))
    assert words.startswith("The baselines were measured on 29 November 2026 in run 20261129-minilm-pairs-abcd.")
    again = expectation(services, make_config(measure_baselines_again=True))
    assert again.startswith("The baselines will be measured again.")
    assert "20261129" not in again
    assert "baselines" not in expectation(services, make_config(seed=1))
