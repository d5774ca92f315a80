"""The page in this process, with all of its handlers and routes, asked by a client without a connection.

What it is the page of is a test module's own fixture ``services``.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qlora_core.server.availability import Availability
from qlora_core.server.services import Services, make_services
from qlora_core.ui.build import build_app
from qlora_core.ui.train.live_news import live_news

OWNER_KEY = "the-owner-of-this-server"


def quiet_services(runs: Path, recorded: Path) -> Services:
    """Services whose queue does not start anything, and whose doctor has ended."""
    availability = Availability(["/nonexistent/doctor"])
    availability.start()
    availability.wait(30)
    return replace(make_services(runs, recorded, OWNER_KEY), availability=availability)


@pytest.fixture(scope="module")
def served(services: Services) -> tuple[gr.Blocks, FastAPI]:
    """The page, and the program that would serve it."""

    async def build() -> tuple[gr.Blocks, FastAPI]:
        page = build_app(services).queue()
        return page, gr.mount_gradio_app(FastAPI(routes=[live_news(services)]), page, path="/", show_error=False)

    # In an event loop: without one, Gradio makes some that it never closes. In a thread: this one may have a loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, build()).result()


@pytest.fixture(scope="module")
def page(served: tuple[gr.Blocks, FastAPI]) -> gr.Blocks:
    """The page with its handlers."""
    return served[0]


@pytest.fixture(scope="module")
def client(served: tuple[gr.Blocks, FastAPI]) -> Iterator[TestClient]:
    """Sends requests to the page's routes."""
    with TestClient(served[1]) as client:
        yield client
