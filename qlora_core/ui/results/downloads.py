"""Buttons that make a file when they are pressed, and hand it to the browser."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from qlora_core.errors import QLoRAError
from qlora_core.export.archive import export_run
from qlora_core.export.merged.kept import MergedModels
from qlora_core.export.numbers import numbers_table
from qlora_core.export.spreadsheet import csv_text
from qlora_core.export.worksheet.material import Material, material_of
from qlora_core.export.worksheet.sheet import export_worksheet
from qlora_core.language import ENGLISH, Message, speaking
from qlora_core.language import gettext as _
from qlora_core.server.processes.apart import Listener
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.results.run_choice import checked_runs
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.words import finished as words

Write = Callable[[Run, Path], object]
PROGRESS = gr.Progress()  #: as a handler's default, it makes Gradio hand it one of its own
PRESS = "() => qlora.download('%s')"


def download_button(
    services: Services, label: str, suffix: str, write: Write, runs: gr.Dropdown, message: gr.Markdown, **looks: Any
) -> gr.Button:
    """A button that has ``write`` make a file of the first of the chosen ``runs``; its name is the run's id."""
    elem_id = f"file-{suffix.strip('.')}"
    button = gr.Button(label, **looks)
    ready = gr.DownloadButton("", elem_id=elem_id, elem_classes="results-file")  # the style sheet hides it

    def make(run_ids: object) -> dict[Any, Any]:
        """Write the file to where the server may hand it out from."""
        try:
            path = written(checked_runs(services, run_ids)[0], suffix, write, ready.GRADIO_CACHE)
        except QLoRAError as error:
            return {message: words.no_file(plain(error, MAX_MESSAGE)), ready: None}
        return {message: words.downloading(plain(Path(path).name)), ready: path}

    button.click(make, runs, [message, ready], show_progress_on=message, concurrency_limit=2, **PRIVATE).then(
        None, None, None, js=PRESS % elem_id, **PRIVATE
    )
    return button


def merged_button(
    services: Services, models: MergedModels, runs: gr.Dropdown, message: gr.Markdown, **looks: Any
) -> gr.Button:
    """A button that hands out base model and adapter of the first of the chosen ``runs`` as one."""
    button = gr.Button(_(words.MERGED), **looks)
    ready = gr.DownloadButton("", elem_id="file-merged", elem_classes="results-file")

    def make(run_ids: object, progress: gr.Progress = PROGRESS) -> dict[Any, Any]:
        """Have the file made, or take it from those that were."""
        try:
            path = models.zip_of(checked_runs(services, run_ids)[0], told(progress))
        except QLoRAError as error:
            return {message: words.no_file(plain(error, MAX_MESSAGE)), ready: None}
        return {message: words.downloading(plain(path.name)), ready: str(path)}

    button.click(make, runs, [message, ready], show_progress_on=message, concurrency_limit=2, **PRIVATE).then(
        None, None, None, js=PRESS % "file-merged", **PRIVATE
    )
    return button


def told(progress: gr.Progress) -> Listener:
    """A listener that shows a visitor what is done and how far it has come."""
    doing = [""]

    def tell(kind: str, fields: dict[str, Any]) -> None:
        if kind == "phase":
            message = fields["message"]
            doing[0] = message.said() if isinstance(message, Message) else _(message)
            progress((0, 1), desc=doing[0], unit=_(words.STEPS_UNIT))
        elif kind == "progress":
            progress((fields["done"], fields["total"]), desc=doing[0], unit=_(words.PAIRS_UNIT))

    return tell


def written(run: Run, suffix: str, write: Write, cache: str) -> str:
    """Path of a new file of a run in the server's cache."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{run.id}{suffix}"
        write(run, path)
        return save_file_to_cache(path, cache)


def write_zip(run: Run, path: Path) -> None:
    """Adapter, records, and a script that loads them."""
    with run.explaining_damage():
        export_run(run, path)


def write_numbers(run: Run, path: Path) -> None:
    """The table of all numbers as CSV, in English; spreadsheets tell UTF-8 by its byte order mark."""
    with run.explaining_damage(), speaking(ENGLISH):
        path.write_text(csv_text(*numbers_table(run.require_result())), encoding="utf-8-sig", newline="")


def write_worksheet(run: Run, path: Path, services: Services) -> None:
    """What the class guessed, judged and found as a page to print, in the visitor's language."""
    export_worksheet(run, path, worksheet_material(services, run))


def worksheet_material(services: Services, run: Run) -> Material:
    """What this server knows of a run, for its worksheet."""
    return material_of(
        run,
        services.feeds.of(run.id),
        services.participation.classroom,
        services.all_runs(),
        services.asker.validation_pairs,
    )
