"""Start the page: python app.py. What can be set is in qlora_core/settings.py and docs/deploying.md."""

import atexit
import logging
import secrets
import signal
import sys
from pathlib import Path
from urllib.parse import quote

from qlora_core.errors import ConfigError, QLoRAError
from qlora_core.server.services import make_services
from qlora_core.settings import Settings, read_settings
from qlora_core.ui.build import build_app, launch_options

HERE = Path(__file__).resolve().parent
ALL_NETWORKS = ("0.0.0.0", "::", "[::]")


def main() -> None:
    """Serve the page until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = read_settings()
    except ConfigError as error:
        sys.exit(f"error: {error}")
    owner_key = settings.owner_key or secrets.token_urlsafe(16)
    services = make_services(
        settings.runs_dir or HERE / "runs",
        HERE / "assets" / "recorded_run",
        owner_key,
        max_store_bytes=settings.max_store_gb * 1e9,
        max_waiting=settings.max_waiting,
    )
    try:
        services.open()
    except QLoRAError as error:
        sys.exit(f"error: {error}")
    atexit.register(services.close)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, as after Ctrl-C
    print(owner_words(settings, owner_key))
    page = build_app(services)
    page.queue(default_concurrency_limit=8, max_size=200)
    page.launch(
        server_name=settings.server_name,
        server_port=settings.server_port,
        prevent_thread_lock=True,
        **launch_options(settings),
    )
    services.start()  # no run begins before the port is this server's
    page.block_thread()


def owner_words(settings: Settings, owner_key: str) -> str:
    """How to become the server's owner; a key that was chosen is not repeated, because logs are kept."""
    name = "localhost" if settings.server_name in ALL_NETWORKS else settings.server_name
    page = f"http://{name}:{settings.server_port}/#owner="
    if settings.owner_key:
        return f"As the owner of this server, open the page once as {page}KEY with the key of QLORA_OWNER_KEY."
    return f"As the owner of this server, open the page once as {page}{quote(owner_key, safe='')}"


if __name__ == "__main__":
    main()
