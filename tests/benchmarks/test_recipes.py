"""The search for recipes: whole runs that are done once, and what is told of them."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from benchmarks import recipes
from benchmarks.recipes import Recipe
from qlora_core.config import RunConfig
from qlora_core.store.runs import RunStore


@pytest.fixture
def tell(tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Gives a command to the search, whose only recipes are two on the tiny BERT, and returns what it prints."""
    config = tiny_config().model_dump(exclude_defaults=True, exclude={"dataset"})
    of_tiny = {
        name: Recipe(tiny_config().dataset, "standard", config | {"r": r}) for name, r in (("one", 2), ("two", 4))
    }
    monkeypatch.setattr(recipes, "RECIPES", of_tiny)

    def command(*arguments: str) -> str:
        printed = StringIO()
        monkeypatch.setattr(sys, "argv", ["recipes", *arguments, "--runs-dir", str(tmp_path / "runs")])
        with redirect_stdout(printed):
            recipes.main()
        return printed.getvalue()

    return command


def test_a_run_is_done_once_and_tabulated(tell: Callable[..., str], tmp_path: Path) -> None:
    seeds = ["--seeds", "0", "1", "--recipes", "one"]
    assert [line.partition(":")[0] for line in tell("run", *seeds).splitlines()] == ["one, seed 0", "one, seed 1"]
    assert tell("run", *seeds) == ""
    first, second = sorted(
        run.require_result()["metrics"]["finetuned"]["accuracy"] for run in RunStore(tmp_path / "runs").runs()
    )
    head, _, row = tell("table").splitlines()
    cells = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert cells["seeds"] == "2"
    assert cells["pairs shown"] == "128"
    assert cells["best epoch: accuracy"].startswith(f"{(first + second) / 2:.4f} ± ")


def test_curves_are_drawn(tell: Callable[..., str], tmp_path: Path) -> None:
    tell("run", "--seeds", "0")
    tell("curves", "--plot", str(tmp_path / "curves.svg"))
    drawing = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert drawing.startswith("<?xml")
    with pytest.raises(SystemExit):
        tell("curves")


def test_every_recipe_is_a_configuration_of_its_own() -> None:
    configs = [recipe.config(0, None) for recipe in recipes.RECIPES.values()]
    assert len({config.model_dump_json() for config in configs}) == len(configs)
