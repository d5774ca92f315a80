"""The page as it is first sent: made once for all who ask for it in the same way, and packed for the way.

Gradio makes it anew for everybody, which takes a tenth of a second of processor time, and sends its half megabyte as it
is. When a class opens the page at once, the last one would wait for seconds, and so would the run at work.
"""

from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qlora_core.ui.web.kept import Kept
from qlora_core.ui.web.languages import is_page, language_of

MOST = 24  #: pages kept: six languages, at a few addresses
#: What Gradio makes the page's addresses from.
ADDRESS = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
#: Parts of the address that have Gradio send another page.
OTHER_PAGES = frozenset({"page", "deep_link"})


class KeptPages:
    """Middleware that sends a page again which was made for an earlier visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages = Kept(MOST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on that is for no page."""
        if not is_page(scope) or OTHER_PAGES & parse_qs(_query(scope), keep_blank_values=True).keys():
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        language = language_of(headers, _query(scope))
        key = (language, scope["scheme"], scope.get("root_path", ""), *(headers.get(name, "") for name in ADDRESS))
        await self._pages.answer(key, self.app, scope, receive, send)


def _query(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return query.decode("latin-1")
