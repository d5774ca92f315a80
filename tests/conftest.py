"""Shared fixtures: no test may reach a network, and a tiny random BERT stands in for a real one."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run two at a time; their processes have a core each

import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from datasets import Dataset
from huggingface_hub import constants
from hypothesis import settings
from playwright.sync_api import Browser, Playwright, sync_playwright
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForPreTraining,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from qlora_core.config import RunConfig, make_config
from qlora_core.data.batching import TokenizedPairs
from qlora_core.data.sources import PairData
from qlora_core.language import Message
from qlora_core.server.answering import asker
from qlora_core.server.answering.answering_process import Answering
from qlora_core.server.processes import apart
from qlora_core.settings import DATA_DIR_VARIABLE
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training import verify
from qlora_core.training.run_process import start_run
from qlora_core.training.setup import Setup
from tests.small_hub import SmallHub, serving

os.nice(10 - os.nice(0))  # as patient as the runs that are started: otherwise those wait for the other tests
settings.register_profile("searching", deadline=None)  # with --hypothesis-profile=searching: other examples each time
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
torch.set_num_threads(1)  # matrices this small are multiplied faster by one thread, above all on a busy machine

CHROMIUM = "/usr/bin/chromium"
SUBJECTS = ("the ferry", "a baker", "our school", "the old bridge", "one farmer", "that museum")
SAME = (("opened early", "opened ahead of time"), ("was sold quickly", "found a buyer fast"))
OTHER = (("opened early", "closed early"), ("was sold quickly", "was never sold"))


def make_bert(folder: Path, *, lowercase: bool = True, pooler: bool = True, **shape: int) -> Path:
    """Write a BERT with random weights and a tokenizer for the sentences below; returns its folder."""
    words = sorted({word for row in make_rows(24) for word in f"{row['sentence1']} {row['sentence2']}".split()})
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        *words,
    ]
    if not lowercase:
        vocabulary += [letter.upper() for letter in letters]
    numbers = {token: number for number, token in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"]))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    # 0.02, BERT's own, is so little in 64 dimensions that nothing is learned in a few dozen steps
    spread = {"initializer_range": 0.3}
    size = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    torch.manual_seed(0)
    model = BertForPreTraining(BertConfig(vocab_size=len(numbers), **spread, **(size | shape)))
    state = {name: tensor for name, tensor in model.state_dict().items() if pooler or "pooler" not in name}
    model.save_pretrained(folder, state_dict=state)
    return folder


def make_rows(count: int) -> list[dict[str, Any]]:
    """Pairs whose label follows from their words, so that even a tiny model can learn them."""
    rows = []
    for number in range(count):
        label = number % 2
        first, second = (SAME if label else OTHER)[number // 2 % 2]
        subject = SUBJECTS[number // 4 % len(SUBJECTS)]
        detail = f"on day {number}"
        rows.append(
            {"sentence1": f"{subject} {first} {detail}", "sentence2": f"{subject} {second} {detail}", "label": label}
        )
    return rows


def ignore(kind: str, fields: dict[str, Any]) -> None:
    """A run's listener that is not interested."""


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file that this process writes may grow beyond ``size`` bytes: a write then fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Look again and again until ``condition`` holds; fail if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.005)


SetClock = Callable[[float], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets this process's wall clock some seconds ahead or back, and with it what psutil says of a process's start."""
    now, started = time.time, psutil.Process.create_time

    def set_it(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + seconds)
        monkeypatch.setattr(psutil.Process, "create_time", lambda process: started(process) + seconds)

    return set_it


#: A test that uses one of these fixtures is marked with the name beside it.
MARKER_BY_FIXTURE = {
    "browser": "browser",
    "make_server": "process",
    "environment": "process",
    "fresh_process": "process",
}
ASK_APART = apart.ask
ANSWER_IN_FRESH_PROCESS = verify.answer_in_fresh_process
START_PROCESS = asker.start_process


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Tests run two at a time; those of files that are named in the command, one after the other in one process."""
    return 0 if all(".py" in argument for argument in config.args) else 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test whose fixtures say what it needs; keep together those that share a server or need quiet."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, marker in MARKER_BY_FIXTURE.items():
            if fixture in fixtures:
                item.add_marker(marker)
        if "make_server" in fixtures:
            item.add_marker(pytest.mark.xdist_group("page"))
        elif item.get_closest_marker("timing"):
            item.add_marker(pytest.mark.xdist_group("timing"))


@pytest.fixture(scope="session", autouse=True)
def _verify_in_this_process() -> Iterator[None]:
    """Runs verify their adapter here: a fresh process, which imports torch first, costs more than all else of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "answer_in_fresh_process", verify.answer_from_files)
        yield


def work_in_this_process(
    program: str,
    request: dict[str, Any],
    listener: apart.Listener = apart.unheard,
    *,
    ends: apart.Ends = apart.USUAL_ENDS,
    **_: object,
) -> Any:
    """What a process of its own would answer, which imports the libraries first."""
    try:
        return json.loads(json.dumps(import_module(program).work(request, listener)))
    except MemoryError as error:
        raise ends.kind(ends.no_memory) from error


@pytest.fixture(scope="session", autouse=True)
def _work_in_this_process() -> Iterator[None]:
    """Visitors' files are read, models merged and runs pushed here, for the same reason."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "ask", work_in_this_process)
        yield


@pytest.fixture
def working_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is done by processes of their own, as it really is."""
    monkeypatch.setattr(apart, "ask", ASK_APART)


class InThisProcess:
    """What answers, in a thread of this process."""

    pid = os.getpid()

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel.dup()
        self.thread = threading.Thread(target=Answering(self.channel).serve, daemon=True)
        self.thread.start()

    def kill(self) -> None:
        """Answer nobody any more."""
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)

    def wait(self) -> int:
        """Nobody is answered by now."""
        self.thread.join()
        self.channel.close()
        return 0


@pytest.fixture(scope="session", autouse=True)
def _answer_in_this_process() -> Iterator[None]:
    """Reloaded runs are asked here, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asker, "start_process", lambda channel, _: InThisProcess(channel))
        yield


@pytest.fixture
def answering_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reloaded runs are asked in a process of their own, as they really are."""
    monkeypatch.setattr(asker, "start_process", START_PROCESS)


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs verify their adapter in a fresh process, as they really do."""
    monkeypatch.setattr(verify, "answer_in_fresh_process", ANSWER_IN_FRESH_PROCESS)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer, 64-wide BERT with random weights."""
    return make_bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JSONL file of 80 learnable pairs."""
    path = tmp_path_factory.mktemp("pairs") / "tiny.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in make_rows(80)), encoding="utf-8")
    return path


@pytest.fixture
def pairs() -> Dataset:
    """A dozen pairs."""
    return Dataset.from_list([{"idx": number, **row} for number, row in enumerate(make_rows(12))])


@pytest.fixture(scope="session")
def tiny_config(tiny_bert: Path, pairs_file: Path) -> Callable[..., RunConfig]:
    """Makes configurations of a run on the tiny BERT that takes a second or two."""

    def make(**changes: Any) -> RunConfig:
        settings: dict[str, Any] = {
            "base_model": str(tiny_bert),
            "dataset": str(pairs_file),
            "num_train_epochs": 2,
            "learning_rate": 5e-3,
            "swap_probability": 0.0,
            "bootstrap_samples": 100,
        }
        return make_config(**(settings | changes))

    return make


@pytest.fixture(scope="session")
def finished_run(tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on the tiny BERT that has finished; tests read it and leave it as it is."""
    return start_run(tiny_config(), RunStore(tmp_path_factory.mktemp("finished") / "runs"), ignore)


class Bench(Setup):
    """Two dozen pairs, to learn from and to be measured on, and the base model with an untrained classifier."""

    @cached_property
    def model(self) -> PreTrainedModel:
        """Loaded once: what a test does to it, it finds."""
        return self.models.quantized().model

    @property
    def pairs(self) -> TokenizedPairs:
        """In both orders where training may swap their sentences."""
        return self.train


@pytest.fixture
def bench(tiny_bert: Path, tiny_config: Callable[..., RunConfig]) -> Callable[..., Bench]:
    """Sets up the tiny BERT, or another folder's, for a configuration with these changes; float32 unless it says."""

    def load(folder: Path = tiny_bert, **changes: object) -> Bench:
        small = {"bnb_4bit_compute_dtype": "float32", "train_batch_size": 4, "eval_batch_size": 8}
        pairs = Dataset.from_list(make_rows(24))
        return Bench.load(
            tiny_config(base_model=str(folder), **(small | changes)), PairData("rows", Message(""), pairs, pairs)
        )

    return load


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Variables for a new process that is to find this package from whichever folder it runs in."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty store."""
    return RunStore(tmp_path / "runs")


@pytest.fixture
def mrpc_dir() -> Path:
    """The folder with MRPC's parquet files; the test is skipped where there is none."""
    folder = os.environ.get(DATA_DIR_VARIABLE)
    if not folder or not (Path(folder) / "mrpc").is_dir():
        pytest.skip(f"{DATA_DIR_VARIABLE} names no folder with MRPC's parquet files, which may not be shipped")
    return Path(folder)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """A hub on loopback, which this process takes for the real one."""
    with serving() as small:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", small.address)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # files go by LFS
        yield small


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    """Playwright, once in a process: two do not go together."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    """Chromium; tests that need it are skipped where Debian's is not installed."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing; install Debian's chromium to test the page")
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()
