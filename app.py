"""Start the page: python app.py. Settings are environment variables: docs/deploying.md lists them."""

import atexit
import logging
import os
import secrets
import signal
import sys
from pathlib import Path

from qlora_core.server.services import make_services
from qlora_core.ui.build import build_app, launch_options

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serve the page until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    address, port = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    owner_key = os.environ.get("QLORA_OWNER_KEY") or secrets.token_urlsafe(16)
    runs = Path(os.environ.get("QLORA_RUNS_DIR", HERE / "runs"))
    services = make_services(runs, HERE / "assets" / "recorded_run", owner_key)
    atexit.register(services.close)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # an orderly end, as after Ctrl-C
    services.start()
    print(f"Your key as the owner of this server: open the page once as http://{address}:{port}/?owner={owner_key}")
    page = build_app(services)
    page.queue(default_concurrency_limit=8, max_size=200)
    page.launch(server_name=address, server_port=int(port), **launch_options())


if __name__ == "__main__":
    main()
