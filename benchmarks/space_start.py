"""Whether a Space starts: a fresh environment made by its builder's own command, and the page served as a Space's is.

    python -m benchmarks.space_start [--python PYTHON] [--folder FOLDER] [--keep]

The environment is made from ``requirements.txt`` and what the builder of a Gradio Space adds to it, the variables of a
Space are set, and the page has to be there at 0.0.0.0:7860 for the Space's own name and in a frame of huggingface.co.
It takes minutes, most of them pip's. ZeroGPU's own variables are left out: without its devices the package ``spaces``
ends the program. What a real Space does besides, its router and its limits, is not seen here.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPACES = "spaces==0.51.3"
PORT = 7860
HOST = "somebody-qlora-bert.hf.space"
VARIABLES = {
    "SPACE_ID": "somebody/qlora-bert",
    "SPACE_HOST": HOST,
    "SYSTEM": "spaces",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_SERVER_PORT": str(PORT),
}
#: Of this machine's environment, what a program needs to run at all and pip to find its packages.
KEPT = re.compile(r"PATH|HOME|LANG|TMPDIR|PIP_.*|SSL_.*|.*_proxy|.*_PROXY")
SHOWN = ("torch", "gradio", "spaces", "pydantic", "transformers", "peft", "bitsandbytes")
IN_A_FRAME = {
    "Host": HOST,
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "iframe",
    "Referer": f"https://huggingface.co/spaces/{VARIABLES['SPACE_ID']}",
}
START_SECONDS = 300.0


def sdk_version() -> str:
    """Gradio's version in the README's header, which the builder installs."""
    found = re.search(r"^sdk_version: (\S+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit("The README's header has no sdk_version.")
    return found[1]


def builders_command(python: Path) -> list[str]:
    """What the builder of a ZeroGPU Space runs."""
    added = [f"gradio[oauth,mcp]=={sdk_version()}", "uvicorn>=0.14.0", "websockets>=10.4", SPACES, "torch<=2.13.0"]
    return [str(python), "-m", "pip", "install", "--quiet", "-r", str(ROOT / "requirements.txt"), *added]


def environment(**more: str) -> dict[str, str]:
    """Little of this machine's."""
    return {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)} | more


def installed(python: Path) -> dict[str, str]:
    """Versions of what matters most."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True
    )
    versions = {package["name"].lower(): package["version"] for package in json.loads(listed.stdout)}
    return {name: versions.get(name, "missing") for name in SHOWN}


def get(headers: dict[str, str]) -> int | None:
    """Status of the page; None while nobody answers."""
    connection = HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        return answer.status if b"gradio" in answer.read() else None
    except OSError:
        return None
    finally:
        connection.close()


def start(python: Path, folder: Path) -> dict[str, object]:
    """Serve the page as a Space does until it was seen; what was seen, and seconds until then."""
    log = folder / "space.log"
    shutil.copytree(
        ROOT, folder / "app", ignore=shutil.ignore_patterns(".*", "node_modules", "runs", "tests", "__pycache__")
    )
    began = time.monotonic()
    with log.open("wb") as output:
        space = subprocess.Popen(
            [str(python), "app.py"], cwd=folder / "app", env=environment(**VARIABLES), stdout=output, stderr=output
        )
    try:
        while (status := get({"Host": HOST})) is None:
            if space.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise SystemExit(f"The page was not served.\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)
        seconds = round(time.monotonic() - began, 1)
        maps = Path(f"/proc/{space.pid}/maps")
        return {
            "seconds until served": seconds,
            "status for the Space's name": status,
            "status in a frame": get(IN_A_FRAME),
            "the page's process has torch": "libtorch" in maps.read_text() if maps.exists() else None,
        }
    finally:
        space.terminate()
        space.wait()


def main() -> None:
    """Read the command line; make the environment, start the page, say what was seen, and tidy up."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.space_start", description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the Python that the environment is made with")
    parser.add_argument("--folder", type=Path, help="where to make it (a new folder of the system's)")
    parser.add_argument("--keep", action="store_true", help="leave the environment and the log where they are")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="space-", dir=options.folder))
    try:
        subprocess.run([options.python, "-m", "venv", str(folder / "environment")], check=True, env=environment())
        python = folder / "environment" / "bin" / "python"
        began = time.monotonic()
        command = builders_command(python)
        subprocess.run(command, check=True, env=environment())
        seen = {"command": " ".join(command[3:]), "seconds to install": round(time.monotonic() - began)}
        print(json.dumps(seen | {"installed": installed(python)} | start(python, folder), indent=2))
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
