"""The part of the tab "Compare" that answers many pairs at once, from a file or from pasted lines."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from qlora_core.data.formats import FORMATS
from qlora_core.errors import QLoRAError
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.compare.answers import compare
from qlora_core.ui.compare.pair_input import MAX_PAIRS, pairs_from
from qlora_core.ui.compare.pair_table import cells, make_rows, to_csv
from qlora_core.ui.compare.sides import check_sides
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.safe_text import MAX_CELL, MAX_MESSAGE, one_line_cells, plain
from qlora_core.ui.values import ColumnType
from qlora_core.ui.words import compare as words

Updates = dict[Any, Any]
CSV_NAME = "compared-pairs.csv"
TYPES: list[ColumnType] = ["str", "str", "number", "number", "number", "number", "number", "str"]
WIDTHS: list[str | int] = [260, 260, 110, 110, 110, 110, 90, 80]
PROGRESS = gr.Progress()  #: as a handler's default, it makes Gradio hand it one of its own


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
    with gr.Accordion(_(words.MANY_PAIRS), open=False, elem_id="many-pairs"):
        gr.Markdown(words.many_help(MAX_PAIRS))
        with gr.Row(equal_height=False):
            file = gr.File(label=_(words.FILE), file_types=list(FORMATS), type="filepath", height=160)
            lines = gr.Textbox(
                label=_(words.PASTED),
                lines=5,
                max_lines=12,
                placeholder=_(words.PASTED_EXAMPLE),
                elem_classes="compare-sentence",
                elem_id="pasted",
            )
        button = gr.Button(_(words.ANSWER_PAIRS))
        message = gr.Markdown(latex_delimiters=[], elem_classes="form-message", elem_id="many-message")
        table = gr.Dataframe(
            datatype=TYPES,
            interactive=False,
            wrap=True,
            max_height=460,
            label=_(words.ANSWERS),
            show_label=False,
            column_widths=WIDTHS,
            visible=False,
            elem_classes="results-table",
            elem_id="many-answers",
        )
        download = gr.DownloadButton(_(words.DOWNLOAD), visible=False, size="sm")
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
        pairs = pairs_from(services.files, file, lines)
        progress((0, 1), desc=_(words.LOADING), unit=_(words.MODEL_UNIT))
        asked = compare(
            services,
            sides,
            pairs,
            lambda done, total: progress((done, total), desc=_(words.ANSWERING), unit=_(words.PAIRS_UNIT)),
        )
    except QLoRAError as error:
        hidden = gr.update(visible=False)
        return {
            part.message: words.many_refused(plain(error, MAX_MESSAGE)),
            part.table: hidden,
            part.download: hidden,
        }
    rows = make_rows(pairs, asked.first, asked.second)
    names = words.short_names(sides.first.id if sides.first else None, sides.second.id)
    flipped = sum(row.flipped for row in rows)
    return {
        part.message: words.many_answered(flipped, len(rows), sum(asked.truncated)),
        part.table: gr.update(
            value={"headers": words.columns(*names), "data": one_line_cells(cells(rows), MAX_CELL)}, visible=True
        ),
        part.download: gr.update(value=csv_file(to_csv(rows, *names), part.download.GRADIO_CACHE), visible=True),
    }


def csv_file(content: bytes, cache: str) -> str:
    """Path of a new file in the server's cache."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CSV_NAME
        path.write_bytes(content)
        return save_file_to_cache(path, cache)
