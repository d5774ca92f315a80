"""The groups of settings under "Advanced"."""

import gc
import warnings

import gradio as gr
import pytest

from qlora_core.config import RunConfig
from qlora_core.ui.train.form import FIELD_NAMES, control_values
from qlora_core.ui.train.setting_groups import GROUPS, setting_groups

VALUES = dict(zip(FIELD_NAMES, control_values(RunConfig()), strict=True))


class Page:
    """The groups on a page of their own."""

    def __init__(self) -> None:
        with gr.Blocks() as self.blocks:
            self.controls = setting_groups(VALUES)


@pytest.fixture(scope="module")
def page() -> Page:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Gradio leaves event loops open
        made = Page()
        gc.collect()
    return made


def test_every_setting_stands_in_one_group() -> None:
    assert sorted(name for group in GROUPS for name in group.names) == sorted(FIELD_NAMES)


def test_the_controls_come_in_the_order_of_the_fields_with_their_values(page: Page) -> None:
    assert [str(one.label).rpartition("(")[2] for one in page.controls] == [f"{name})" for name in FIELD_NAMES]
    assert [one.value for one in page.controls] == list(VALUES.values())


def test_the_first_group_is_open_and_opening_one_closes_all_others(page: Page) -> None:
    accordions = [block for block in page.blocks.blocks.values() if isinstance(block, gr.Accordion)]
    assert [accordion.open for accordion in accordions] == [True] + [False] * (len(GROUPS) - 1)
    closed = {event.targets[0][0]: {block._id for block in event.outputs} for event in page.blocks.fns.values()}
    ids = {accordion._id for accordion in accordions}
    assert closed == {one: ids - {one} for one in ids}
