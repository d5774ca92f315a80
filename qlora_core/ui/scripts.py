"""The page's scripts: what the page loads before anything is shown, and where this server has it."""

import hashlib
from pathlib import Path

import plotly
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from qlora_core.assets import ASSETS

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PAGE = ASSETS / "page.js"
DAY, YEAR = 86_400, 365 * 86_400


class Modules:
    """Scripts of one folder of ``assets/`` that import each other by name, and the records that they read."""

    def __init__(self, folder: str) -> None:
        self.files = {path.name: path for path in sorted((ASSETS / folder).glob("*.js*"))}
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in self.files.values())).hexdigest()[:16]
        #: Where they are, so that a browser may keep them: another version of them is elsewhere.
        self.address = f"{folder}/{digest}"

    def route(self) -> Route:
        """Where the server has them."""
        return Route(f"/{self.address}/{{name}}", self._module)

    def _module(self, request: Request) -> Response:
        path = self.files.get(request.path_params["name"])
        return Response(status_code=404) if path is None else _script(path, YEAR)


LIVE, INSIDE = Modules("live"), Modules("inside")
NOT_LOADED = "This part of the page could not be loaded. Reload the page."


def head() -> str:
    """HTML for the page's head. Every address is relative, because a proxy may have put the page into a folder."""
    modules = "\n".join(f'<link rel="modulepreload" href="{LIVE.address}/{name}">' for name in LIVE.files)
    page = PAGE.read_text(encoding="utf-8")
    return f'<script defer src="plotly.min.js"></script>\n{modules}\n<script>{page}</script>'


def start_live_view() -> str:
    """JavaScript that starts the live view in the element of a ``gr.HTML`` that has it as its ``js_on_load``."""
    return _start(LIVE)


def start_inside() -> str:
    """The same for the tab "Inside", once it is first seen: until then not even its scripts are loaded."""
    return f"""
        const observer = new IntersectionObserver((entries) => {{
            if (!entries.some((entry) => entry.isIntersecting)) return;
            observer.disconnect();
            {_start(INSIDE)}
        }});
        observer.observe(element);
    """


def _start(modules: Modules) -> str:
    return f"""
        import(new URL("{modules.address}/main.js", document.baseURI)).then(
            (part) => part.start(element, server, props.tables),
            () => {{ element.querySelector("h2").textContent = "{NOT_LOADED}"; }},
        );
    """


def show_results_sign() -> str:
    """JavaScript of the element on Results that says by which sign a run went wrong, by the rules of the live view."""
    return f"""
        const show = () => import(new URL("{LIVE.address}/results_sign.js", document.baseURI)).then(
            (part) => part.show(element, props.value),
        );
        watch("value", show);
        show();
    """


def routes() -> list[Route]:
    """plotly.js as it comes with the plotly package, and the page's modules."""
    return [Route("/plotly.min.js", _plotly), LIVE.route(), INSIDE.route()]


def _plotly(request: Request) -> Response:
    del request
    return _script(PLOTLY, DAY)


def _script(path: Path, seconds: int) -> Response:
    kind = "application/json" if path.suffix == ".json" else "text/javascript"
    return FileResponse(path, media_type=kind, headers={"Cache-Control": f"max-age={seconds}"})
