"""The pairs of a run: bundled, MRPC, or a user's file; checked, split and fingerprinted."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from datasets import Dataset

from qlora_core.choices import either
from qlora_core.config import RunConfig
from qlora_core.data.bundles import shared_sentence_bundles
from qlora_core.data.catalog import DATASETS, PAIRS_FOLDER, CatalogDataset
from qlora_core.data.columns import Columns
from qlora_core.data.files import FileContents, read_file, read_pairs_file
from qlora_core.data.splits import SPLIT_PARTS, count_in_both, count_shared, fingerprint, limit_pairs, split_pairs
from qlora_core.errors import DataError
from qlora_core.hub import fetch
from qlora_core.language import N_, Message
from qlora_core.settings import DATA_DIR_VARIABLE, read_settings

MIN_PAIRS = 20
#: What can be done without the hub, as the end of a sentence.
ELSEWHERE = N_("name a folder that holds it with --data-dir or {variable}, or use --dataset {instead}")
ONE_LABEL_TRAINED = N_("The training pairs of {source} do not have both labels, 0 and 1. Use more or other pairs.")
ONE_LABEL_VALIDATED = N_("The validation pairs of {source} do not have both labels, 0 and 1. Use more or other pairs.")


@dataclass(frozen=True)
class PairData:
    """Pairs for training and validation; columns idx, sentence1, sentence2, label and, if known, phenomenon."""

    id: str
    origin: Message  #: where the pairs came from
    train: Dataset
    validation: Dataset
    revision: str | None = None  #: the hub's commit, where the pairs came from the hub
    contents: FileContents | None = None  #: how a user's file was understood

    @property
    def source(self) -> str:
        """Where the pairs came from, as records have it."""
        return self.origin.in_english()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every sentence and label, in order."""
        return fingerprint(self.train, self.validation)

    @property
    def validation_fingerprint(self) -> str:
        """The same of the validation pairs alone: runs that have it in common can be compared pair by pair."""
        return fingerprint(self.validation)

    @property
    def shared(self) -> int:
        """How many validation pairs have a sentence that is trained on."""
        return count_shared(self.train, self.validation)

    @property
    def in_both(self) -> int:
        """How many validation pairs are trained on."""
        return count_in_both(self.train, self.validation)


def load_pairs(
    dataset: str,
    *,
    data_dir: Path | None = None,
    columns: Columns | None = None,
    validation_file: str | None = None,
    seed: int = 0,
    max_train_samples: int | None = None,
    max_eval_samples: int | None = None,
    download: bool = True,
) -> PairData:
    """Load a dataset of ``catalog.DATASETS``, or a user's file.

    Args:
        data_dir: folder with MRPC's parquet files; without it, the one that QLORA_DATA_DIR names.
        columns: of a user's file, see ``read_file``.
        validation_file: pairs to validate on; all of a user's file is then trained on.
        seed: decides which part of a user's file is validation, and which pairs a limited training split keeps.
        download: False looks only at what is on this machine already.

    Raises:
        DataError: the pairs are missing, malformed or too few.
        HubError: MRPC is in no folder and the hub cannot be reached.
    """
    entry = DATASETS.get(dataset)
    if entry is None:
        file = load_file(dataset, columns)
        data = _whole(*file) if validation_file else _split(*file, seed)
    elif entry.hub_id:
        data = _load_glue(entry, data_dir, download)
    else:
        data = _load_bundled(entry)
    if validation_file:
        path = _path_of(validation_file)
        origin = Message(N_("{source}, validated on {file}"), {"source": data.origin, "file": path.name})
        data = replace(data, origin=origin, validation=read_pairs_file(path, columns=columns))
    elif entry is not None and columns:
        raise DataError(
            N_("The columns of {dataset} are known. Name columns of a file of pairs only."), dataset=dataset
        )
    train = limit_pairs(data.train, max_train_samples, seed)
    validation = limit_pairs(data.validation, max_eval_samples, seed)
    _check_labels(data.origin, train, validation)
    return replace(data, train=train, validation=validation)


def load_run_pairs(config: RunConfig, *, download: bool = True) -> PairData:
    """The pairs a run's configuration names; raises what ``load_pairs`` does."""
    return load_pairs(
        config.dataset,
        data_dir=Path(config.data_dir) if config.data_dir else None,
        columns=Columns(*config.columns) if config.columns else None,
        validation_file=config.validation_file,
        seed=config.seed,
        max_train_samples=config.max_train_samples,
        max_eval_samples=config.max_eval_samples,
        download=download,
    )


def load_file(name: str, columns: Columns | None = None) -> tuple[Path, FileContents]:
    """A file of pairs, whole, by a name as somebody types it, and where it is.

    Raises:
        DataError: the file is missing or malformed, or the name is none of a file.
    """
    path = _path_of(name)
    if not path.suffix:
        raise DataError(
            N_("There is no dataset '{name}'. Choose {names}, or name a file of pairs."),
            name=name[:200],
            names=either(DATASETS),
        )
    return path, read_file(path, columns=columns)


def _path_of(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # "~somebody", and nobody of that name
        return Path(name)


def _load_bundled(entry: CatalogDataset) -> PairData:
    train, validation = (read_pairs_file(PAIRS_FOLDER / f"{split}.jsonl") for split in ("train", "validation"))
    return PairData(entry.name, Message(N_("bundled pairs")), train, validation)


def _load_glue(entry: CatalogDataset, data_dir: Path | None, download: bool) -> PairData:
    name, folder = f"GLUE {entry.name.upper()}", data_dir or read_settings().data_dir
    origin, revision = Message(N_("{name}, from a folder"), {"name": name}), None
    if folder is None:
        advice = Message(ELSEWHERE, {"variable": DATA_DIR_VARIABLE, "instead": entry.instead})
        patterns = [f"{entry.name}/{split}-*" for split in ("train", "validation")]
        folder = fetch(entry.hub_id, entry.revision, patterns, repo_type="dataset", download=download, advice=advice)
        place = f"{entry.hub_id}@{entry.revision[:12]}"
        origin, revision = Message(N_("{name}, hub {place}"), {"name": name, "place": place}), entry.revision
    train, validation = (read_pairs_file(_glue_file(folder, entry, split)) for split in ("train", "validation"))
    return PairData(entry.name, origin, train, validation, revision)


def _glue_file(folder: Path, entry: CatalogDataset, split: str) -> Path:
    name = f"{split}-00000-of-00001.parquet"
    for candidate in (folder / entry.name / name, folder / name):
        if candidate.is_file():
            return candidate
    raise DataError(
        N_(
            "The folder '{folder}' has no {part}/{name}. Name the folder that holds {repository}'s parquet files "
            "with --data-dir or {variable}."
        ),
        folder=str(folder),
        part=entry.name,
        name=name,
        repository=entry.hub_id,
        variable=DATA_DIR_VARIABLE,
    )


def _whole(path: Path, contents: FileContents) -> PairData:
    """All of a file to train on, and nothing to validate on yet."""
    pairs = contents.pairs
    if len(pairs) < MIN_PAIRS:
        raise DataError(
            N_("{file} has {n} pairs. At least {least} are needed to train on."),
            file=path.name,
            n=len(pairs),
            least=MIN_PAIRS,
        )
    return PairData(path.stem, _of_file(path), pairs, pairs.select([]), contents=contents)


def _of_file(path: Path) -> Message:
    return Message(N_("file {name}"), {"name": path.name})


def _split(path: Path, contents: FileContents, seed: int) -> PairData:
    """A file in two parts."""
    pairs = contents.pairs
    labels = np.asarray(pairs["label"])
    if min(np.bincount(labels, minlength=2)) == 0:
        raise DataError(
            N_("{file}: every pair has the label {label}. Training needs both labels, 0 and 1."),
            file=path.name,
            label=int(labels[0]),
        )
    if min(np.bincount(labels, minlength=2)) < SPLIT_PARTS or len(pairs) < MIN_PAIRS:
        raise DataError(
            N_("{file} has {n} pairs, {same} of them with label 1. At least {least} are needed, {each} of each label."),
            file=path.name,
            n=len(pairs),
            same=int(labels.sum()),
            least=MIN_PAIRS,
            each=SPLIT_PARTS,
        )
    bundles = shared_sentence_bundles(list(pairs["sentence1"]), list(pairs["sentence2"]))
    if len(set(bundles.tolist())) < SPLIT_PARTS:
        raise DataError(
            N_(
                "The pairs of {file} share so many sentences that no validation part without them can be "
                "set aside. Name a file of its own to validate on (--validation-file); all of these "
                "pairs are then trained on."
            ),
            file=path.name,
        )
    return PairData(path.stem, _of_file(path), *split_pairs(pairs, bundles, seed), contents=contents)


def _check_labels(source: Message, train: Dataset, validation: Dataset) -> None:
    for words, split in ((ONE_LABEL_TRAINED, train), (ONE_LABEL_VALIDATED, validation)):
        if set(split["label"]) != {0, 1}:
            raise DataError(words, source=source)
