"""The page's scripts and style sheets: packed once, and not for every visitor again.

Gradio packs each file while it sends it, two megabytes for a visitor who comes for the first time. When a class opens
the page at once, that takes seconds of processor time from everybody and from the run at work.
"""

from pathlib import PurePosixPath

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qlora_core.ui.web.kept import Kept

#: Where files are that stay as they are while the server runs, and come with the program or with Gradio.
PLACES = ("/assets/", "/static/", "/scripts/", "/plotly.min.js")
#: What packing makes smaller; pictures and fonts are packed already.
KINDS = frozenset({".js", ".css", ".svg", ".json"})
#: A browser that has some of it already asks whether that still holds, or for a part.
CONDITIONS = ("if-none-match", "if-modified-since", "range")
MOST = 1500  #: files kept: all there are, were somebody to ask for them, in two encodings


class KeptFiles:
    """Middleware that sends a file again as it was packed for an earlier visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._files = Kept(MOST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on that is for no such file."""
        if _is_for_file(scope):
            await self._files.answer((_path(scope),), self.app, scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _is_for_file(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
        return False
    path, headers = _path(scope), Headers(scope=scope)
    is_kept = path.startswith(PLACES) and PurePosixPath(path).suffix in KINDS
    return is_kept and not any(name in headers for name in CONDITIONS)


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))
