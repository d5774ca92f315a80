"""The style sheet is whole, and in its order."""

from qlora_core.assets import ASSETS
from qlora_core.ui.theme import SHEETS, style_sheet


def test_every_sheet_is_part_of_it_in_the_order_that_is_given() -> None:
    whole = style_sheet()
    sheets = {path.stem: path.read_text(encoding="utf-8") for path in (ASSETS / "css").glob("*.css")}
    assert sheets.keys() == set(SHEETS)
    places = [whole.index(sheets[name]) for name in SHEETS]
    assert places == sorted(places)
    assert whole.index((ASSETS / "app.css").read_text(encoding="utf-8")) < places[0]
