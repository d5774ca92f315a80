"""What the handlers of every tab have in common."""

from typing import Any

import gradio as gr
from starlette.requests import Request

#: Not in the API that programs see; docs/api.md describes the named endpoints, which are.
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def address_of(request: gr.Request | Request | None) -> str:
    """The network address that a request came from, as far as that is known; a proxy has to pass it on."""
    client = getattr(request, "client", None)
    return client.host if client is not None else ""
