"""Start the page: python app.py. What can be set is in qlora_core/settings.py and docs/deploying.md."""

import atexit
import logging
import secrets
import signal
import sys
from pathlib import Path
from urllib.parse import quote

import qlora_core.server.zerogpu.first  # noqa: F401 (first of all, see there)
from qlora_core.assets import RECORDED_RUNS
from qlora_core.errors import ConfigError, QLoRAError
from qlora_core.server.services import Services, make_services
from qlora_core.settings import Settings, check_trackers, read_settings
from qlora_core.ui.build import build_app, launch_options
from qlora_core.ui.opening import owners_choice
from qlora_core.ui.web.address import check_address, page_address
from qlora_core.ui.web.connections import limit_connections, raise_handle_limit
from qlora_core.ui.web.event_queue import open_queue
from qlora_core.ui.web.malformed import Page, keep_requests_out_of_the_log

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serve the page until the process is ended; what keeps it from being served is one sentence and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    keep_requests_out_of_the_log()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, as after Ctrl-C
    try:
        serve(read_settings())
    except QLoRAError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def serve(settings: Settings) -> None:
    """Take the folder of runs and the port, then go on with the queue: no run begins before both are this server's.

    Raises:
        ConfigError: the address cannot be used.
        QLoRAError: the folder of runs cannot, see ``Services.open``.
    """
    check_trackers(settings.report_to)
    check_address(settings.server_name, settings.server_port)
    handles = raise_handle_limit()
    owner_key = settings.owner_key or secrets.token_urlsafe(16)
    services = make_services(
        settings.runs_dir or HERE / "runs",
        RECORDED_RUNS,
        owner_key,
        max_store_bytes=settings.max_store_gb * 1e9,
        max_waiting=settings.max_waiting,
        owners_choice=owners_choice(settings),
        archive_folder=settings.archive_dir,
    )
    services.open()
    atexit.register(services.close)
    page = build_app(services)
    open_queue(page)
    launch(page, settings, services)
    limit_connections(page.server, handles)
    services.start()
    print(owner_words(settings, owner_key), flush=True)
    page.block_thread()


def launch(page: Page, settings: Settings, services: Services) -> None:
    """Serve the page from another thread.

    Raises:
        ConfigError: somebody else has taken the port since it was looked at.
    """
    options = launch_options(settings, services) | {"prevent_thread_lock": True}
    try:
        page.launch(server_name=settings.server_name, server_port=settings.server_port, **options)
    except OSError as error:
        raise ConfigError(f"The page cannot be served at {settings.server_name}: {error}") from error


def owner_words(settings: Settings, owner_key: str) -> str:
    """How to become the server's owner; a key that was chosen is not repeated, because logs are kept."""
    page = f"{page_address(settings.server_name, settings.server_port)}#owner="
    if settings.owner_key:
        return f"As the owner of this server, open the page once as {page}KEY with the key of QLORA_OWNER_KEY."
    return f"As the owner of this server, open the page once as {page}{quote(owner_key, safe='')}"


if __name__ == "__main__":
    main()
