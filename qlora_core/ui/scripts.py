"""The page's scripts: what the page loads before anything is shown, and where this server has it."""

import hashlib
import json
from functools import cache
from pathlib import Path

import plotly
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from qlora_core.assets import ASSETS
from qlora_core.language import LANGUAGES, N_, current, gettext, ngettext, script_texts

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PAGE, LANGUAGE = ASSETS / "page.js", ASSETS / "language.js"
DAY, YEAR = 86_400, 365 * 86_400


@cache
def version() -> str:
    """Where all modules are, so that a browser may keep them: another version of any of them is elsewhere."""
    files = [LANGUAGE, *sorted(ASSETS.glob("*/*.js*"))]
    return f"scripts/{hashlib.sha256(b''.join(path.read_bytes() for path in files)).hexdigest()[:16]}"


class Modules:
    """Scripts of one folder of ``assets/`` that import each other by name, and the records that they read."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files = {path.name: path for path in sorted((ASSETS / folder).glob("*.js*"))}
        self.address = f"{version()}/{folder}"

    def route(self) -> Route:
        """Where the server has them."""
        return Route(f"/{self.address}/{{name}}", self._module)

    def _module(self, request: Request) -> Response:
        path = self.files.get(request.path_params["name"])
        return Response(status_code=404) if path is None else _script(path, YEAR)


ALL = LIVE, FORM, INSIDE, CLASS, PRESENT = [
    Modules(folder) for folder in ("live", "form", "inside", "class", "present")
]
NOT_LOADED = N_("This part of the page could not be loaded. Reload the page.")


def head() -> str:
    """HTML for the page's head, in its language. Every address is relative, because a proxy may have put the page into
    a folder."""
    first = [f"{modules.address}/{name}" for modules in (LIVE, FORM) for name in modules.files]
    addresses = [f"{version()}/{LANGUAGE.name}", *first]
    modules = "\n".join(f'<link rel="modulepreload" href="{address}">' for address in addresses)
    page = PAGE.read_text(encoding="utf-8")
    return f'<script defer src="plotly.min.js"></script>\n{modules}\n<script>{_texts()}\n{page}</script>'


def _texts() -> str:
    """JavaScript that gives the scripts their texts, as ``assets/language.js`` takes them."""
    texts = {"tag": LANGUAGES[current()].tag, "texts": script_texts(current())}
    return f"window.qloraLanguage = {json.dumps(texts, ensure_ascii=False).replace('<', chr(92) + 'u003c')};"


def elements(path: str) -> str:
    """HTML of a file of ``assets/`` that is a template with texts, in the language of this context."""
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, extensions=["jinja2.ext.i18n"])
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(gettext, ngettext)  # type: ignore[attr-defined]
    return environment.get_template(path).render()


def calling(modules: Modules, function: str, first: str) -> str:
    """JavaScript of an event that a function of the same named module answers: what it takes ``first``, as JavaScript,
    then the event's inputs."""
    address = json.dumps(f"{modules.address}/{function}.js")
    return f"async (...values) => (await import(new URL({address}, document.baseURI))).{function}({first}, ...values)"


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


def start_class(place: str) -> str:
    """JavaScript that starts guessing and judging, beside the live view or on Results."""
    return f"""
        import(new URL("{CLASS.address}/main.js", document.baseURI)).then(
            (part) => part.{place}(element, props, watch),
            () => {{ element.querySelector("section").textContent = {json.dumps(gettext(NOT_LOADED))}; }},
        );
    """


def _start(modules: Modules) -> str:
    return f"""
        import(new URL("{modules.address}/main.js", document.baseURI)).then(
            (part) => part.start(element, server, props.tables),
            () => {{ element.querySelector("h2").textContent = {json.dumps(gettext(NOT_LOADED))}; }},
        );
    """


def start_present() -> str:
    """The same for the presenter's view, where the address or a button asks for it; and the way out of a class."""
    return f"""
        const open = () => import(new URL("{PRESENT.address}/main.js", document.baseURI)).then(
            (part) => part.start(element, server, props.tables),
            () => {{
                const note = element.querySelector('[data-part="failed"]');
                note.hidden = false;
                note.textContent = {json.dumps(gettext(NOT_LOADED))};
            }},
        );
        document.addEventListener("click", ({{ target }}) => {{
            if (target.closest?.("[data-present]")) open();
            if (target.closest?.("[data-leave-class]")) window.qlora.leaveClass();
        }});
        if (new URLSearchParams(location.search).has("present")) open();
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
    return [
        Route("/plotly.min.js", _plotly),
        Route(f"/{version()}/{LANGUAGE.name}", _language),
        *(modules.route() for modules in ALL),
    ]


def _language(request: Request) -> Response:
    del request
    return _script(LANGUAGE, YEAR)


def _plotly(request: Request) -> Response:
    del request
    return _script(PLOTLY, DAY)


def _script(path: Path, seconds: int) -> Response:
    kind = "application/json" if path.suffix == ".json" else "text/javascript"
    return FileResponse(path, media_type=kind, headers={"Cache-Control": f"max-age={seconds}"})
