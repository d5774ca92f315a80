"""Gradio's queue looks for work as often as a person notices, and not a thousand times a second."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest

from qlora_core.ui.web.event_queue import AT_MOST, LOOK_SECONDS, PROGRESS_SECONDS, open_queue


async def made() -> Any:
    """A page; Gradio wants a loop to be running."""
    return gr.Blocks()


def test_it_looks_less_often_than_gradios_own(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def look() -> None:
        page = await made()
        page.queue()
        assert 0 < page._queue.sleep_when_free < LOOK_SECONDS, "Gradio itself looks as seldom: nothing is left to do"
        assert 0 < page._queue.progress_update_sleep_when_free < PROGRESS_SECONDS
        open_queue(page)
        assert page._queue.max_size == AT_MOST

        its_own, really_sleep = asyncio.get_running_loop(), asyncio.sleep

        async def sleep(seconds: float) -> None:
            if asyncio.get_running_loop() is its_own:
                slept.append(seconds)
                page._queue.stopped = len(slept) % 3 == 0
            else:  # servers of other tests run in this process
                await really_sleep(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        await page._queue.start_processing()
        page._queue.stopped = False
        await page._queue.start_progress_updates()

    with ThreadPoolExecutor(1) as thread:  # a loop of its own, which no other test sees
        thread.submit(asyncio.run, look()).result()
    assert slept == [LOOK_SECONDS] * 3 + [PROGRESS_SECONDS] * 3
