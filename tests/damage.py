"""Runs that somebody's disk, editor or curiosity damaged, one way each, and what else may lie in a store."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.recorded import recorded_run

Damage = Callable[[Path], object]
#: Steps of the recorded run that are kept; a point is drawn for every four.
STEPS = 64


def small_run(folder: Path) -> Path:
    """A copy of the recorded run with few steps and next to no weights; it is drawn, listed and looked at like it."""
    source = recorded_run("standard").path
    run = shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("*.safetensors", "README.md"))
    lines = (run / "events.jsonl").read_bytes().splitlines(keepends=True)
    steps = [line for line in lines if json.loads(line)["kind"] == "step"]
    left_out = set(steps[STEPS:])
    (run / "events.jsonl").write_bytes(b"".join(line for line in lines if line not in left_out))
    for name in ("adapter/adapter_model.safetensors", "baseline_heads.safetensors"):
        (run / name).write_bytes(bytes(2000))
    (run / "adapter" / "tokenizer.json").write_text("{}", encoding="utf-8")
    (run / "owner").write_text("0" * 64, encoding="ascii")
    (run / "estimate.json").write_text('{"seconds": [60, 90]}', encoding="utf-8")
    return run


def change(name: str, **changes: object) -> Damage:
    """Replace fields of a JSON file."""
    return lambda run: write_json(run / name, {**read_json(run / name), **changes})


def read_json(path: Path) -> dict[str, object]:
    value: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return value


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def accuracy(value: object) -> Damage:
    """Replace what the fine-tuned model scored."""

    def damage(run: Path) -> None:
        result = json.loads((run / "result.json").read_text(encoding="utf-8"))
        result["metrics"]["finetuned"]["accuracy"] = value
        write_json(run / "result.json", result)

    return damage


def holding(name: str, content: bytes) -> Damage:
    return lambda run: (run / name).write_bytes(content)


def cut(name: str, size: int) -> Damage:
    return lambda run: os.truncate(run / name, size)


def gone(name: str) -> Damage:
    return lambda run: shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()


def folder(name: str) -> Damage:
    def damage(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name / "inside").mkdir(parents=True)

    return damage


def pipe(name: str) -> Damage:
    """A pipe that nobody writes to: opening it waits for ever."""

    def damage(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)

    return damage


def link(name: str, target: str) -> Damage:
    def damage(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(target)

    return damage


def added(*lines: bytes) -> Damage:
    """Lines after the others in the events."""

    def damage(run: Path) -> None:
        with (run / "events.jsonl").open("ab") as file:
            file.writelines(line + b"\n" for line in lines)

    return damage


def broken_line(run: Path) -> None:
    path = run / "events.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[len(lines) // 2] = b"{broken"
    path.write_bytes(b"\n".join(lines))


#: Without its status or its configuration there is no run to show, and it is named among the damaged ones.
HIDING: dict[str, Damage] = {
    "status empty": holding("status.json", b""),
    "status cut": cut("status.json", 40),
    "status a list": holding("status.json", b"[]"),
    "status a folder": folder("status.json"),
    "status a pipe": pipe("status.json"),
    "status a loop": link("status.json", "status.json"),
    "created huge": change("status.json", created=1e30),
    "created no number": change("status.json", created=float("nan")),
    "created a thousand digits": holding(
        "status.json", b'{"state":"finished","created":1%s,"updated":1}' % (b"0" * 1000)
    ),
    "created negative": change("status.json", created=-1e18),
    "updated endless": change("status.json", updated=float("inf")),
    "pid huge": change("status.json", state="running", pid=10**30, pid_started=1.0),
    "step huge": change("status.json", step=10**400),
    "step negative": change("status.json", step=-1),
    "ticket huge": change("status.json", ticket=10**200),
    "message half a character": holding(
        "status.json", b'{"state":"finished","created":1,"updated":1,"message":"\\ud800"}'
    ),
    "config gone": gone("config.json"),
    "config with an unknown field": change("config.json", newfield=1),
    "config cut": cut("config.json", 10),
    "config a folder": folder("config.json"),
}
#: With these a run is listed; the words name what is wrong, "" where looking at the list does not find it.
LISTED: dict[str, tuple[Damage, str]] = {
    "pid one": (change("status.json", state="running", pid=1, pid_started=1.0), ""),
    "message endless": (change("status.json", message="m" * 10**6), ""),
    "events gone": (gone("events.jsonl"), ""),
    "events a folder": (folder("events.jsonl"), "events.jsonl cannot be read"),
    "events a pipe": (pipe("events.jsonl"), "events.jsonl cannot be read"),
    "events garbage": (added(b"\x00\xff garbage"), ""),
    "events broken line": (broken_line, ""),
    "events odd steps": (
        added(b'{"kind":"resumed","step":-5,"time":1}', b'{"kind":"step","step":0,"total_steps":0}'),
        "",
    ),
    "events words for numbers": (
        added(b'{"kind":"step","step":"x","total_steps":"y","loss":"z","time":2}', b'{"kind":"phase","time":"t"}'),
        "",
    ),
    "events endless numbers": (
        added(b'{"kind":"step","step":5,"total_steps":9,"epoch":1,"learning_rate":1,"time":1,"loss":1e999}', b"[]"),
        "",
    ),
    "result gone": (gone("result.json"), ""),
    "result cut": (cut("result.json", 3000), "result.json cannot be read: it is not JSON"),
    "result empty": (holding("result.json", b"{}"), "It has no 'metrics'"),
    "result a folder": (folder("result.json"), "result.json cannot be read"),
    "result a list": (change("result.json", metrics=[1]), "is damaged"),
    "accuracy huge": (accuracy(10**400), "result.json cannot be read"),
    "accuracy no number": (accuracy(float("nan")), "result.json cannot be read"),
    "accuracy a word": (accuracy("0.5"), "is damaged"),
    "accuracy none": (accuracy(None), "is damaged"),
    "accuracy too large": (accuracy(7), "is damaged"),
    "dataset a list": (change("result.json", dataset=[1]), ""),
    "history a word": (change("result.json", history="x"), ""),
    "predictions cut": (cut("predictions.parquet", 200), ""),
    "predictions gone": (gone("predictions.parquet"), "predictions.parquet is missing"),
    "predictions a folder": (folder("predictions.parquet"), ""),
    "adapter cut": (cut("adapter/adapter_model.safetensors", 1000), ""),
    "adapter gone": (gone("adapter"), "adapter/adapter_config.json is missing"),
    "adapter's configuration bad": (holding("adapter/adapter_config.json", b"{"), ""),
    "heads cut": (cut("baseline_heads.safetensors", 100), ""),
    "environment bad": (holding("environment.json", b"x"), "environment.json cannot be read"),
    "environment a folder": (folder("environment.json"), "environment.json cannot be read"),
    "owner odd bytes": (holding("owner", b"\xff\xfe\x00"), "owner cannot be read"),
    "owner a folder": (folder("owner"), "owner cannot be read"),
    "control a folder": (folder("control"), "control cannot be read"),
    "control odd bytes": (holding("control", b"\xff"), "control cannot be read"),
    "estimate a list": (holding("estimate.json", b"[1]"), "estimate.json does not hold a JSON object"),
}


def add_strays(store: Path, run: Path) -> None:
    """What is no run, damaged or not."""
    (store / "stray-folder").mkdir()
    (store / "uploads").mkdir()
    (store / "stray-file").write_text("x", encoding="utf-8")
    (store / "dangling").symlink_to("nowhere")
    (store / "loop").symlink_to("loop")
    (store / "link-to-a-run").symlink_to(run)
