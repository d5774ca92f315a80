"""The page: its tabs, what happens when it is opened, and how it is launched."""

from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.settings import Settings
from qlora_core.ui import scripts
from qlora_core.ui.api import add_api
from qlora_core.ui.classroom.questions import class_questions
from qlora_core.ui.compare import tab as compare_tab
from qlora_core.ui.inside import tab as inside_tab
from qlora_core.ui.language_choice import language_choice
from qlora_core.ui.present.view import present_view
from qlora_core.ui.results import tab as results_tab
from qlora_core.ui.theme import style_sheet, theme
from qlora_core.ui.train import tab as train_tab
from qlora_core.ui.train.live_news import live_news
from qlora_core.ui.web.hosts import OwnPagesOnly, hosts_of
from qlora_core.ui.web.kept_files import KeptFiles
from qlora_core.ui.web.kept_pages import KeptPages
from qlora_core.ui.web.languages import InLanguages, PageInLanguages
from qlora_core.ui.web.malformed import BoundedBodies, Page
from qlora_core.ui.words import page as words

MAX_UPLOAD = "20mb"
SAY_WHETHER_KEPT = "window.qlora.sayWhetherKept(element.querySelector('p'));"


def build_app(services: Services) -> Page:
    """Lay out the page, in the language of this context, and wire it to ``services``; nothing is started."""
    looks: dict[str, Any] = {"analytics_enabled": False, "fill_width": True, "delete_cache": (3600, 86400)}
    with PageInLanguages(again=partial(build_app, services), title=words.TITLE, **looks) as page:
        add_api(services)  # first: of two handlers of one name, Gradio renames the later
        with gr.Row(equal_height=False, elem_classes="page-head"):
            gr.Markdown(_(words.INTRODUCTION), elem_classes="intro")
            language_choice()
        gr.HTML(_keeps_nothing(), js_on_load=SAY_WHETHER_KEPT, elem_id="keeps-nothing", container=False, padding=False)
        present_view(services)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(_(words.TRAIN_TAB), id="train"):
                form = train_tab.train_tab(services)
            with gr.Tab(_(words.RESULTS_TAB), id="results") as results_place:
                results = results_tab.results_tab(services)
            with gr.Tab(_(words.COMPARE_TAB), id="compare") as compare_place:
                compare = compare_tab.compare_tab(services)
            with gr.Tab(_(words.INSIDE_TAB), id="inside"):
                inside_tab.inside_tab(services)
        results_tab.wire_opening(services, results, results_place, tabs)
        compare_tab.wire_opening(services, compare, compare_place, tabs, page)
        inside_tab.wire_opening(tabs)
        flipped = [results.sentence1, results.sentence2, results.runs]
        compare_tab.wire_taken_pair(services, compare, results.pair_chosen, flipped, tabs)
        train_tab.wire_opening(services, form, page)
    return page


def _keeps_nothing() -> str:
    link = f'<a href="." target="_blank" rel="noopener">{_(words.OWN_TAB)}</a>'
    return f'<p class="form-message" hidden>{_(words.KEEPS_NOTHING)} {link}</p>'


def launch_options(settings: Settings, services: Services) -> dict[str, Any]:
    """What ``Blocks.launch`` takes besides address and port: the look, the guard, all that is unneeded switched off."""
    return {
        "theme": theme(),
        "css": style_sheet(),
        "head": scripts.head(),
        "app_kwargs": {
            "routes": [live_news(services), *class_questions(services), *scripts.routes()],
            "middleware": [
                Middleware(OwnPagesOnly, hosts=hosts_of(settings)),
                Middleware(BoundedBodies),
                Middleware(KeptPages),
                Middleware(KeptFiles),
                Middleware(InLanguages),
            ],
        },
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "max_file_size": MAX_UPLOAD,
        "show_error": False,  # errors meant for visitors are shown in any case, others stay in the log
    }
