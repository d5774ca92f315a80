"""A finished run whose folder holds hostile text wherever a run has text, and a file of pairs of the same kind."""

import json
import shutil
from pathlib import Path
from typing import Any

from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import make_rows

MARK = "zzhostile"  #: by which the text is found again in an answer
NAME = f"![{MARK}](http:evil.example)<img src=x onerror=hacked=1>[y](javascript:hacked=1)\u202e`|*_"
TEXT = (
    f"{NAME}\u2066 ![{MARK}](http://evil.example/x.png) <script>hacked=1</script><img src=http://evil.example/y.png "
    f"onerror=hacked=1> <a href='http://evil.example'>x</a>\n\n# {MARK}\n$$x^2$$\x00" + "W" * 4096
)
#: What the program itself decides by, or checks a file against: these stay as they are.
KEPT = ("outcome", "sha256", "fingerprint", "config", "quantization", "attn_implementation")


def hostile(value: Any) -> Any:
    """A JSON value with hostile text in place of every text."""
    if isinstance(value, dict):
        return {name: part if name in KEPT else hostile(part) for name, part in value.items()}
    if isinstance(value, list):
        return [hostile(part) for part in value]
    return TEXT if isinstance(value, str) else value


def hostile_pairs(path: Path) -> Path:
    """A file of pairs whose sentences and phenomena are hostile, with more phenomena than can be told apart."""
    rows = [
        {
            "sentence1": f"{row['sentence1']} {TEXT}",
            "sentence2": f"{row['sentence2']} {TEXT}",
            "label": row["label"],
            "phenomenon": f"{number % 40} {NAME}",
        }
        for number, row in enumerate(make_rows(80))
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def make_hostile(run: Run, store: RunStore) -> Run:
    """Copy a finished run into ``store``, with hostile text in its status, its events and its result."""
    folder = store.folder / f"{run.id}-x"
    shutil.copytree(run.path, folder)
    result = hostile(json.loads((folder / "result.json").read_text(encoding="utf-8")))
    result["environment"]["versions"][TEXT] = TEXT
    result["reload"]["missing_tensors"] = [TEXT] * 100
    result["metrics"][TEXT] = result["metrics"]["finetuned"]
    status = json.loads((folder / "status.json").read_text(encoding="utf-8")) | {"message": TEXT}
    environment = hostile(json.loads((folder / "environment.json").read_text(encoding="utf-8")))
    for name, content in (("result", result), ("status", status), ("environment", environment)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return store.open(folder.name)
