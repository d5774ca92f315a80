"""Start the page: python app.py. What can be set is in qlora_core/settings.py and docs/deploying.md."""

import atexit
import logging
import secrets
import signal
import sys
from pathlib import Path

from qlora_core.errors import ConfigError
from qlora_core.server.services import make_services
from qlora_core.settings import read_settings
from qlora_core.ui.build import build_app, launch_options

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serve the page until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = read_settings()
    except ConfigError as error:
        sys.exit(f"error: {error}")
    owner_key = settings.owner_key or secrets.token_urlsafe(16)
    services = make_services(settings.runs_dir or HERE / "runs", HERE / "assets" / "recorded_run", owner_key)
    atexit.register(services.close)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, as after Ctrl-C
    services.start()
    address = f"http://{settings.server_name}:{settings.server_port}/"
    print(f"Your key as the owner of this server: open the page once as {address}?owner={owner_key}")
    page = build_app(services)
    page.queue(default_concurrency_limit=8, max_size=200)
    page.launch(server_name=settings.server_name, server_port=settings.server_port, **launch_options())


if __name__ == "__main__":
    main()
