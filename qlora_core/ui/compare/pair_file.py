"""The part of the tab "Compare" that answers many pairs at once, from a file or from pasted lines."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from qlora_core.data.formats import ANY_FORMAT, FORMATS, format_of
from qlora_core.data.typed_pairs import Pair
from qlora_core.errors import DataError, QLoRAError
from qlora_core.server.services import Services
from qlora_core.ui.compare.answers import compare
from qlora_core.ui.compare.pair_table import (
    MAX_PAIRS,
    PairRow,
    cells,
    header,
    make_rows,
    read_pairs,
    read_pasted,
    to_csv,
)
from qlora_core.ui.compare.sides import Sides, check_sides
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.reading import ColumnType
from qlora_core.ui.safe_text import plain

Updates = dict[Any, Any]
LOADING = "Loading the run's model, once"
CSV_NAME = "compared-pairs.csv"
HELP = (
    f"A {ANY_FORMAT} file with the columns sentence1 and sentence2, or lines with two sentences and a tab "
    f'or " | " between them; at most {MAX_PAIRS} pairs. The two models above answer; nothing is kept.'
)
TYPES: list[ColumnType] = ["str", "str", "number", "number", "number", "number", "number", "str"]
PROGRESS = gr.Progress()  #: as a handler's default, it makes Gradio hand it one of its own
WIDTHS: list[str | int] = [260, 260, 110, 110, 110, 110, 90, 80]


@dataclass(frozen=True)
class PairFilePart:
    """What the answers fill."""

    message: gr.Markdown
    table: gr.Dataframe
    download: gr.DownloadButton

    @property
    def outputs(self) -> list[Any]:
        """Everything that changes."""
        return [self.message, self.table, self.download]


def pair_file_part(services: Services, first: gr.Dropdown, second: gr.Dropdown, scale: gr.Slider) -> PairFilePart:
    """Lay the part out and wire it."""
    with gr.Accordion("Many pairs at once, from a file or pasted", open=False, elem_id="many-pairs"):
        gr.Markdown(HELP)
        with gr.Row(equal_height=False):
            file = gr.File(label="A file of pairs", file_types=list(FORMATS), type="filepath", height=160)
            lines = gr.Textbox(
                label="Or pasted lines",
                lines=5,
                max_lines=12,
                placeholder="A first sentence. | A second sentence.",
                elem_classes="compare-sentence",
                elem_id="pasted",
            )
        button = gr.Button("Answer these pairs")
        message = gr.Markdown(latex_delimiters=[], elem_classes="form-message", elem_id="many-message")
        table = gr.Dataframe(
            datatype=TYPES,
            interactive=False,
            wrap=True,
            max_height=460,
            label="Answers",
            show_label=False,
            column_widths=WIDTHS,
            visible=False,
            elem_classes="results-table",
            elem_id="many-answers",
        )
        download = gr.DownloadButton("Download as CSV", visible=False, size="sm")
    part = PairFilePart(message, table, download)

    def answer(
        first: object, second: object, scale: object, file: object, lines: object, progress: Any = PROGRESS
    ) -> Updates:
        """Answer every pair."""
        return answered(services, part, (first, second, scale, file, lines), progress)

    button.click(
        answer,
        [first, second, scale, file, lines],
        part.outputs,
        show_progress_on=message,
        concurrency_id="many",
        concurrency_limit=1,
        trigger_mode="once",
        **PRIVATE,
    )
    return part


def answered(services: Services, part: PairFilePart, question: tuple[object, ...], progress: gr.Progress) -> Updates:
    """The table of answers and its CSV, or in plain words why there is none."""
    try:
        first, second, scale, file, lines = question
        sides = check_sides(services, first, second, scale)
        pairs = pairs_from(file, lines)
        progress((0, 1), desc=LOADING, unit="model")
        asked = compare(
            services, sides, pairs, lambda done, total: progress((done, total), desc="Answering", unit="pairs")
        )
    except QLoRAError as error:
        hidden = gr.update(visible=False)
        return {
            part.message: f"**These cannot be answered.** {plain(error, 600)}",
            part.table: hidden,
            part.download: hidden,
        }
    rows, names = make_rows(pairs, asked.first, asked.second), short_names(sides)
    return {
        part.message: outcome(rows, sum(asked.truncated)),
        part.table: gr.update(value={"headers": header(*names), "data": cells(rows)}, visible=True),
        part.download: gr.update(value=csv_file(to_csv(rows, *names), part.download.GRADIO_CACHE), visible=True),
    }


def pairs_from(file: object, lines: object) -> list[Pair]:
    """The pairs of a file or of pasted lines; the file is only read.

    Raises:
        DataError: there is neither or both, or what there is cannot be read.
    """
    has_lines = isinstance(lines, str) and bool(lines.strip())
    if file and has_lines:
        raise DataError("There is a file and there are lines. Take one of them away.")
    if isinstance(file, str) and file:
        format_of(Path(file))
        return read_pairs(Path(file))
    if isinstance(lines, str) and has_lines:
        return read_pasted(lines)
    raise DataError("There are no pairs. Choose a file, or paste lines.")


def short_names(sides: Sides) -> tuple[str, str]:
    """What the two are called above a column."""
    if sides.first is None:
        return "Base", "Adapter"
    one, other = sides.first.id[-4:], sides.second.id[-4:]
    return f"First ({one})", f"Second ({other})"


def outcome(rows: list[PairRow], truncated: int) -> str:
    """How many answers differ, as Markdown."""
    flipped = sum(row.flipped for row in rows)
    words = f"**{flipped} of {len(rows)}** pairs are answered differently. Numbers are the probability of “same”."
    return words + (f" Of {truncated} long ones, only the beginning was read." if truncated else "")


def csv_file(content: bytes, cache: str) -> str:
    """Path of a new file in the server's cache."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CSV_NAME
        path.write_bytes(content)
        return save_file_to_cache(path, cache)
