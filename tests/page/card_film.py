"""The film at the top of the README: python -m tests.page.card_film [FILE].

The page on a server that knows nothing yet, replaying the recorded run of ``quick``; then Results, Compare
and Inside. An animated WebP, small enough for a card.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.conftest import CHROMIUM
from tests.page.screenshots import SETTLE_SECONDS, open_and_settle, open_page
from tests.page.server import REAL, ROOT, Server

WIDTH, SIZE = 1280, (960, 645)
REPLAY_FRAMES, FRAME_SECONDS = 24, 1.0
#: How long a frame stays: of the replay, and of a tab that is to be read.
REPLAY_MS, READ_MS = 500, 3500
QUALITY = 60
MAX_BYTES = 2_000_000


def frame(page: Page) -> Image.Image:
    """The page as it is now."""
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return shown.resize(SIZE, Image.Resampling.LANCZOS)


def film(page: Page) -> list[tuple[Image.Image, int]]:
    """Frames, and the milliseconds that each stays."""
    taken = []
    for _ in range(REPLAY_FRAMES):
        page.wait_for_timeout(1000 * FRAME_SECONDS)
        taken.append((frame(page), REPLAY_MS))
    page.wait_for_timeout(1000 * max(0.0, SETTLE_SECONDS["Fine-tune"] - REPLAY_FRAMES * FRAME_SECONDS))
    taken.append((frame(page), READ_MS))
    for tab in ("Results", "Compare", "Inside"):
        open_and_settle(page, tab)
        taken.append((frame(page), READ_MS))
    return taken


def save(taken: list[tuple[Image.Image, int]], target: Path) -> None:
    """Write the frames as one picture that moves, over and over."""
    (first, *others), durations = zip(*taken, strict=True)
    look = {"quality": QUALITY, "minimize_size": True}
    first.save(target, save_all=True, append_images=others, duration=list(durations), loop=0, **look)
    assert target.stat().st_size < MAX_BYTES, f"{target} has {target.stat().st_size} bytes"


def main(file: str | None = None) -> None:
    """Start a server without runs of its own, and film it."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        server = Server(Path(place) / "server" / "runs", REAL)
        server.start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        taken = film(open_page(browser, f"{server.url}?__theme=light", WIDTH))
        browser.close()
        server.stop()
    save(taken, Path(file) if file else ROOT / "docs" / "images" / "film.webp")


if __name__ == "__main__":
    main(*sys.argv[1:])
