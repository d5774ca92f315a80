"""requirements.txt can be installed where a Space is built: together with what the hub's builder adds to it."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sysconfig.get_path("scripts")) / "uv"
#: What uv says where no package index answers.
NO_INDEX = ("error sending request", "Failed to fetch", "dns error", "Could not connect")


def header(name: str) -> str:
    """A value of the README's header, which is a Space's configuration."""
    found = re.search(rf'^{name}: "?([^"\n]+)"?$', (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"the README's header has no {name}"
    return found.group(1)


@pytest.mark.process
@pytest.mark.parametrize("extra", [(), ("torch<=2.13.0",)], ids=["CPU or GPU Space", "ZeroGPU Space"])
def test_the_requirements_resolve_with_what_the_builder_of_a_space_adds(extra: tuple[str, ...], tmp_path: Path) -> None:
    added = tmp_path / "builder.txt"
    gradio = f"gradio[oauth,mcp]=={header('sdk_version')}"
    added.write_text("\n".join([gradio, "uvicorn>=0.14.0", "websockets>=10.4", "spaces", *extra]), encoding="utf-8")
    files = [str(ROOT / "requirements.txt"), str(added)]
    target = ["--python-version", header("python_version"), "--python-platform", "x86_64-unknown-linux-gnu"]
    done = subprocess.run([str(UV), "pip", "compile", "--quiet", *target, *files], capture_output=True, text=True)
    if any(words in done.stderr for words in NO_INDEX):
        pytest.skip(f"no package index can be reached: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^spaces==", done.stdout, re.MULTILINE)
