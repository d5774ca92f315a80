"""Push a run to an account of the visitor's own: laid out only where visitors can sign in with Hugging Face."""

import gradio as gr

from qlora_core.errors import QLoRAError
from qlora_core.export.hub.pushing import push
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.events import PRIVATE
from qlora_core.ui.results.downloads import PROGRESS, told
from qlora_core.ui.results.run_choice import checked_runs
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.words import finished as words

MAX_NAME = 96


def push_panel(services: Services, runs: gr.Dropdown) -> None:
    """The first of the chosen ``runs`` is what is pushed."""
    with gr.Accordion(_(words.PUSH), open=False, elem_id="push"):
        gr.Markdown(_(words.PUSH_HELP))
        gr.LoginButton(_(words.SIGN_IN), _(words.SIGNED_IN), size="md")
        name = gr.Textbox(label=_(words.REPOSITORY), info=_(words.REPOSITORY_HELP), max_length=MAX_NAME)
        for_all = gr.Checkbox(label=_(words.FOR_ALL), value=False)
        button = gr.Button(_(words.PUSH_NOW))
        outcome = gr.Markdown(latex_delimiters=[])

    def push_run(
        run_ids: object,
        name: object,
        for_all: object,
        token: gr.OAuthToken | None,
        progress: gr.Progress = PROGRESS,
    ) -> str:
        """Push it with the token of whoever has signed in; Gradio puts that in, no request can."""
        return pushed(services, run_ids, name, for_all, token, progress)

    button.click(
        push_run,
        [runs, name, for_all],
        outcome,
        show_progress_on=outcome,
        trigger_mode="once",
        concurrency_limit=2,
        **PRIVATE,
    )


def pushed(
    services: Services,
    run_ids: object,
    name: object,
    for_all: object,
    token: gr.OAuthToken | None,
    progress: gr.Progress,
) -> str:
    """What came of it, as Markdown."""
    if token is None:
        return _(words.SIGN_IN_FIRST)
    try:
        run = checked_runs(services, run_ids)[0]
        address = push(run, str(name or run.id), token.token, told(progress), private=for_all is not True)
    except QLoRAError as error:
        return words.not_pushed(plain(error, MAX_MESSAGE))
    return words.pushed(address)
