"""A worksheet: one HTML file without scripts or links that it needs, made of records alone, in the language of whoever
asks for it.

Its text is ``assets/worksheet/``. Whatever comes from a run or from a file of pairs is escaped there, because both may
have been brought by anybody.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from qlora_core.assets import ASSETS
from qlora_core.export.file_to_write import check_is_no_folder
from qlora_core.export.worksheet.classwork import guessed, judged
from qlora_core.export.worksheet.material import Material
from qlora_core.export.worksheet.measured import charts, found, how_it_was_done
from qlora_core.export.worksheet.together import is_recorded, together
from qlora_core.language import LANGUAGES, current, date, gettext, ngettext, number
from qlora_core.store.files import replace_text
from qlora_core.store.packed.mark import brought
from qlora_core.store.run import Run

TEMPLATE = "sheet.html"


def export_worksheet(run: Run, path: Path, material: Material) -> Path:
    """Write the worksheet of a run to ``path``.

    Raises:
        RunError: the run has no result yet, or a damaged one, or ``path`` is a folder.
        StorageError: the file cannot be written.
    """
    page = worksheet_of(run, material)
    check_is_no_folder(path, run.id, ".html")
    replace_text(path, page)
    return path


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(ASSETS / "worksheet"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"_": gettext, "ngettext": ngettext, "number": number}
    return environment.get_template(TEMPLATE)


def worksheet_of(run: Run, material: Material) -> str:
    """The worksheet of a run, as HTML.

    Raises:
        RunError: the run has no result yet, or a damaged one.
    """
    result = run.require_result()
    with run.explaining_damage():
        return _template().render(
            language=LANGUAGES[current()].tag,
            run_id=run.id,
            made=date(datetime.now(tz=UTC)),
            trained=date(datetime.fromtimestamp(run.status.created, tz=UTC)),
            origin=_origin(run),
            guessed=guessed(material.guesses, material.course),
            judged=judged(material.room),
            together=together(run, material.runs),
            **found(result),
            **charts(material.feed, result),
            **how_it_was_done(run.config, result),
        )


def _origin(run: Run) -> dict[str, str]:
    """Where a run comes from that was not carried out here: ``kind`` is "recorded", "brought" or ""."""
    mark = brought(run)
    if mark is not None:
        return {"kind": "brought", "device": mark.device_name}
    return {"kind": "recorded" if is_recorded(run) else "", "device": ""}
