"""The command line: python -m qlora_core COMMAND, where COMMAND is one of
train | data | evaluate | predict | compare | runs | export | worksheet | import | merge | push | class | doctor.

With --json, stdout carries one JSON object and nothing else; progress goes to stderr. Exit status: 0 worked,
2 the user's mistake (one line on stderr), 1 anything else, such as that of several runs some ``fell_short``.
"""

import argparse
import contextlib
import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from qlora_core.choices import TRACKERS, Choice
from qlora_core.cli import commands, several
from qlora_core.cli.classroom import classroom
from qlora_core.config import SETTINGS
from qlora_core.data.catalog import DATASETS
from qlora_core.data.formats import ANY_FORMAT
from qlora_core.errors import QLoRAError, UserError
from qlora_core.language import ENGLISH, LANGUAGES
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.presets import DEFAULT_PRESET, PRESETS
from qlora_core.settings import DATA_DIR_VARIABLE, read_settings
from qlora_core.training.start import ADOPTED

RUNS_DIR = "runs"
SPLITS = ("train", "validation")
COLUMNS_HELP = "columns of the file to take (default: those of well-known files, such as sentence1,sentence2,label)"
OTHER_BASE_MODELS = "a BERT on the Hugging Face hub (ORGANISATION/NAME), or a folder with one"
DATA_DIR_HELP = f"folder with MRPC's parquet files (also: {DATA_DIR_VARIABLE})"


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, without the usage that argparse puts before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. See: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a library's print must not end up beside the JSON
            report, text = options.command(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except QLoRAError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(str(interrupt) or "Interrupted.", file=sys.stderr)
        return 1
    if is_main_process():
        print(json.dumps(report, indent=2, allow_nan=False) if options.json else text)
    return 1 if report.get("fell_short") else 0


def is_main_process() -> bool:
    """False in the second and further processes that ``accelerate launch`` starts."""
    return read_settings().rank == 0


def build_parser() -> argparse.ArgumentParser:
    """Every command and option."""
    parser = Parser(prog="python -m qlora_core", description="Fine-tune BERT with QLoRA, and measure it.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(subparsers)
    _add_asking(subparsers)
    _command(subparsers, "runs", commands.runs, "list the runs, newest first")
    _add_taking_home(subparsers)
    room = _command(subparsers, "class", classroom, "show what was guessed and judged, or delete it")
    room.add_argument("run_id", nargs="?", metavar="RUN_ID", help="of this run (default: how much there is of all)")
    room.add_argument("--delete", action="store_true", help="delete every guess and every judgement")
    _command(subparsers, "doctor", commands.doctor, "show versions, device, models and data found here")
    return parser


def _add_train(subparsers: Any) -> None:
    train = _command(subparsers, "train", commands.train, "train an adapter and verify it")
    train.formatter_class, train.epilog = argparse.RawDescriptionHelpFormatter, _settings()
    train.add_argument("--base-model", help=f"{_names('base_model', BASE_MODELS)}, {OTHER_BASE_MODELS}")
    train.add_argument("--dataset", help=f"{_names('dataset', DATASETS)}, or a {ANY_FORMAT} file")
    train.add_argument("--data-dir", help=DATA_DIR_HELP)
    _file_options(train)
    train.add_argument("--preset", choices=list(PRESETS), help=_presets())
    train.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change one setting; repeatable"
    )
    train.add_argument(
        "--init-from",
        metavar="RUN_ID",
        help=f"{_option_help('init_from')}. Its {', '.join(ADOPTED)} are taken over unless --set says otherwise",
    )
    train.add_argument(
        "--measure-baselines-again",
        action="store_true",
        default=None,
        help="measure the baselines even where an earlier run has measured the same ones",
    )
    train.add_argument("--report-to", metavar="TRACKER", help=f"{', '.join(TRACKERS)}; several with commas between")
    train.add_argument(
        "--seeds", metavar="SEED,SEED", help="a run for each of these seeds; exit status 1 where any fails"
    )
    train.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="FIELD=VALUE,VALUE",
        help="a run for each combination of these values; repeatable (values of a list: parted by semicolons)",
    )
    train.add_argument("--resume", metavar="RUN_ID", help="go on with an interrupted run")


def _add_asking(subparsers: Any) -> None:
    """Commands that measure and compare."""
    data = _command(subparsers, "data", commands.data, "look at pairs before a run: balance, lengths, repetitions")
    data.add_argument("dataset", metavar="DATASET", help=f"{', '.join(DATASETS)} or a {ANY_FORMAT} file")
    data.add_argument("--data-dir", help=DATA_DIR_HELP)
    _file_options(data)
    data.add_argument("--base-model", help="whose tokens are counted")
    data.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="as for train, such as seed=1")

    evaluate = _command(subparsers, "evaluate", commands.evaluate, "measure a run on any pairs")
    evaluate.add_argument("run_id", metavar="RUN_ID")
    evaluate.add_argument("--dataset", help=f"{', '.join(DATASETS)} or a file (default: the run's own)")
    evaluate.add_argument("--data-dir", help=DATA_DIR_HELP)
    evaluate.add_argument("--columns", metavar="FIRST,SECOND,LABEL", help=COLUMNS_HELP)
    evaluate.add_argument(
        "--split", choices=SPLITS, help="of a dataset that has splits (default: validation); a file is measured whole"
    )

    predict = _command(subparsers, "predict", commands.predict, "ask base and adapter about pairs of sentences")
    predict.add_argument("run_id", metavar="RUN_ID")
    source = predict.add_mutually_exclusive_group(required=True)
    source.add_argument("--pair", nargs=2, metavar=("A", "B"), help="two sentences")
    source.add_argument("--file", type=Path, metavar="PAIRS", help=f"{ANY_FORMAT} file of pairs")
    predict.add_argument("--columns", metavar="FIRST,SECOND", help="columns of the file to take")

    compare = _command(subparsers, "compare", several.compare, "hold two runs on the same pairs against each other")
    compare.add_argument("first", metavar="RUN_A")
    compare.add_argument("second", metavar="RUN_B")


def _add_taking_home(subparsers: Any) -> None:
    """Commands that write a run into files of one's own, or to the hub, or take one in."""
    export = _command(subparsers, "export", commands.export, "write a run's adapter and records to a zip")
    export.add_argument("run_id", metavar="RUN_ID")
    export.add_argument("--to", type=Path, required=True, metavar="FILE.zip")
    worksheet = _command(
        subparsers,
        "worksheet",
        commands.worksheet,
        "write what a class guessed, judged and found as a page to print, with room for own words",
    )
    worksheet.add_argument("run_id", metavar="RUN_ID")
    worksheet.add_argument("file", type=Path, metavar="FILE.html")
    worksheet.add_argument("--lang", choices=list(LANGUAGES), default=ENGLISH, help=_languages())
    merge = _command(subparsers, "merge", commands.merge, "write base model and adapter as one, for plain transformers")
    merge.add_argument("run_id", metavar="RUN_ID")
    merge.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder")
    merge.add_argument("--onnx", action="store_true", help="as ONNX too (needs requirements-onnx.txt)")
    push = _command(subparsers, "push", commands.push, "put a run into an account of yours on the Hugging Face hub")
    push.add_argument("run_id", metavar="RUN_ID")
    push.add_argument("repository", metavar="REPO", help="a new repository: a name, or ACCOUNT/NAME")
    push.add_argument("--merged", action="store_true", help="base model and adapter as one, in place of the adapter")
    push.add_argument("--public", action="store_true", help="for everybody to see (default: for the account alone)")
    bring = _command(subparsers, "import", commands.bring, "take in a run that export or the page wrote to a zip")
    bring.add_argument("zip", type=Path, metavar="FILE.zip")


def _option_help(name: str) -> str:
    """A setting's help as the other options have theirs: no capital, no full stop."""
    words = SETTINGS[name].help
    return words[:1].lower() + words[1:].removesuffix(".")


def _file_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--columns", metavar="FIRST,SECOND,LABEL", help=COLUMNS_HELP)
    command.add_argument(
        "--validation-file", metavar="FILE", help="file of pairs to validate on, in place of a part of the dataset"
    )


def _names(setting: str, choices: Mapping[str, Choice]) -> str:
    """The names of a list, with a mark at the default."""
    default = SETTINGS[setting].default
    return ", ".join(f"{name} (default)" if name == default else name for name in choices)


def _languages() -> str:
    """What --lang may be."""
    return f"the language it is written in: {', '.join(f'{code} ({one.name})' for code, one in LANGUAGES.items())}"


def _presets() -> str:
    """What --preset may be, what each is for, and what it costs."""
    each = [f"{preset.name}: {preset.help}, {preset.cost}" for preset in PRESETS.values()]
    return f"settings to start from (default {DEFAULT_PRESET}); {'; '.join(each)}"


def _settings() -> str:
    """The fields that --set takes, each with its default and what it means."""
    indented: dict[str, Any] = {
        "initial_indent": " " * 6,
        "subsequent_indent": " " * 6,
        "break_on_hyphens": False,
    }
    lines = [f"fields for --set (with the default of the {DEFAULT_PRESET} preset):"]
    for setting in SETTINGS.values():
        default = ",".join(setting.default) if isinstance(setting.default, tuple) else setting.default
        lines.append(f"  {setting.name}={default}")
        lines.append(textwrap.fill(setting.help, 100, **indented))
    return "\n".join(lines)


def _command(subparsers: Any, name: str, function: Any, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=words, description=words.capitalize() + ".")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument(
        "--runs-dir", type=_folder, default=Path(RUNS_DIR), help=f"where runs are kept (default ./{RUNS_DIR})"
    )
    parser.set_defaults(command=function)
    return parser


def _folder(text: str) -> Path:
    if Path(text).is_file():
        raise argparse.ArgumentTypeError(f"'{text}' is a file, not a folder")
    return Path(text)
