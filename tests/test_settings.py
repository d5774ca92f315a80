"""What the environment may set: read in one place, checked, and described in docs/deploying.md word for word."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qlora_core.errors import ConfigError
from qlora_core.settings import VARIABLES, Settings, check_trackers, read_settings

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([ROOT / "app.py", *ROOT.glob("qlora_core/**/*.py")])
READERS = ("environ", "getenv", "parse_flag_from_env")
#: What passes the environment on to a process of our own, or sets something in it for a library.
PASSING_ON = {
    "apart.py": set(),  # its process is told where its temporary files go, and forgets the owner's tokens
    "child_process.py": {"PYTHONPATH"},
    "commands.py": {"TOKENIZERS_PARALLELISM"},
    "first.py": set(),  # whether this is ZeroGPU has to be known before anything else is imported
}


def readers(source: str) -> Iterator[ast.AST]:
    """Where a program looks into the environment."""
    for node in ast.walk(ast.parse(source)):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in READERS:
            yield node


def rows() -> dict[str, list[str]]:
    """The table in docs/deploying.md: variables to default and meaning, without the links."""
    text = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    table = text.partition("## Settings")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {
        name.strip(): [re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", cell).strip() for cell in rest] for name, *rest in lines
    }


def test_places_that_look_into_the_environment_are_found() -> None:
    source = "import os; os.environ.get('A'); os.environ['B']; os.getenv('C'); x.get('D'); parse_flag_from_env('E')"
    assert len(list(readers(source))) == 4


def test_the_environment_is_read_in_one_place() -> None:
    found = {path.name for path in SOURCES if list(readers(path.read_text(encoding="utf-8")))}
    assert found == {"settings.py", *PASSING_ON}
    for name, variables in PASSING_ON.items():
        (path,) = (path for path in SOURCES if path.name == name and list(readers(path.read_text(encoding="utf-8"))))
        assert variables == set(re.findall(r"environ\.\w+\(\"(\w+)\"", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("setting", VARIABLES)
def test_the_documents_say_of_every_setting_what_the_program_does(setting: str) -> None:
    variable = VARIABLES[setting]
    assert rows()[", ".join(f"`{name}`" for name in variable.names)] == [variable.default, variable.help]


def test_variables_that_are_passed_on_are_described() -> None:
    text = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for names in PASSING_ON.values() for name in names)


def test_nothing_is_required() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.server_name, settings.server_port, settings.owner_key) == ("127.0.0.1", 7860, "")
    assert (settings.runs_dir, settings.data_dir, settings.hub_is_off, settings.rank) == (None, None, False, 0)


@pytest.mark.parametrize(
    ("variable", "text", "setting", "value"),
    [
        ("GRADIO_SERVER_NAME", "0.0.0.0", "server_name", "0.0.0.0"),
        ("GRADIO_SERVER_PORT", "80", "server_port", 80),
        ("QLORA_OWNER_KEY", "sixteen letters!", "owner_key", "sixteen letters!"),
        ("GRADIO_ROOT_PATH", "/qlora", "root_path", "/qlora"),
        (
            "QLORA_ALLOWED_HOSTS",
            "Example.org, [fe80::1],teacher.local",
            "allowed_hosts",
            ("example.org", "[fe80::1]", "teacher.local"),
        ),
        ("SPACE_HOST", "user-space.hf.space", "space_host", ("user-space.hf.space",)),
        ("QLORA_RUNS_DIR", "/data/runs", "runs_dir", Path("/data/runs")),
        ("QLORA_DATA_DIR", "glue", "data_dir", Path("glue")),
        ("HF_HUB_OFFLINE", "1", "hub_is_off", True),
        ("TRANSFORMERS_OFFLINE", "yes", "hub_is_off", True),
        ("HF_HUB_OFFLINE", "0", "hub_is_off", False),
        ("HF_ENDPOINT", "https://mirror.example", "hub_endpoint", "https://mirror.example"),
        ("QLORA_REPORT_TO", "tensorboard, trackio,", "report_to", ("tensorboard", "trackio")),
        ("QLORA_ARCHIVE_DIR", "/bucket", "archive_dir", Path("/bucket")),
        ("RANK", "3", "rank", 3),
        ("WORLD_SIZE", "2", "world_size", 2),
        ("ACCELERATE_USE_CPU", "True", "use_cpu", True),
        ("ACCELERATE_USE_CPU", "False", "use_cpu", False),
    ],
)
def test_what_is_set_is_read(variable: str, text: str, setting: str, value: Any) -> None:
    assert getattr(read_settings({variable: text}), setting) == value


@pytest.mark.parametrize("setting", VARIABLES)
def test_an_empty_variable_is_none(setting: str) -> None:
    assert read_settings(dict.fromkeys(VARIABLES[setting].names, "")) == Settings()


@pytest.mark.parametrize("variable", ["GRADIO_SERVER_PORT", "RANK"])
@pytest.mark.parametrize("text", ["http", "1.5"])
def test_what_cannot_be_meant_is_refused_with_what_the_variable_is_for(variable: str, text: str) -> None:
    with pytest.raises(ConfigError, match=rf"^The variable {variable} cannot be '{text}': .+\.$"):
        read_settings({variable: text})


@pytest.mark.parametrize("text", ["https://example.org", "example.org:80", "a b", "*", "\u0435xample.org", "x" * 254])
def test_what_is_no_name_of_a_machine_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="names by which visitors reach this server"):
        read_settings({"QLORA_ALLOWED_HOSTS": text})


@pytest.mark.parametrize("text", ["0", "65536", "-1"])
def test_a_number_that_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="port to listen on"):
        read_settings({"GRADIO_SERVER_PORT": text})


@pytest.mark.parametrize("key", ["k", "fifteen letters", "x" * 201])
def test_a_key_that_can_be_guessed_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^The variable QLORA_OWNER_KEY cannot be what it is set to: .+\.$"
    ) as refusal:
        read_settings({"QLORA_OWNER_KEY": key})
    assert f"'{key}'" not in str(refusal.value)
    assert "16" in str(refusal.value)


def test_settings_are_read_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLORA_DATA_DIR", "first")
    assert read_settings().data_dir == Path("first")
    monkeypatch.setenv("QLORA_DATA_DIR", "second")
    assert read_settings().data_dir == Path("second")


def test_a_tracker_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="trackio, tensorboard, wandb"):
        read_settings({"QLORA_REPORT_TO": "mlflow"})


def test_a_tracker_that_is_not_installed_is_refused_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)
    with pytest.raises(ConfigError, match=r"^Weights & Biases is not installed\. Install it: pip install 'wandb"):
        check_trackers(["wandb"])
