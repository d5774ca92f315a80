"""Configurations that name files are compared by what those hold."""

from pathlib import Path

from qlora_core.config import RunConfig
from qlora_core.store.shared.contents import by_content


def test_a_configuration_is_known_by_the_content_of_its_files(pairs_file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_bytes(pairs_file.read_bytes())
    by_name = {by_content(RunConfig(dataset=str(path))) for path in (pairs_file, tmp_path / "other.jsonl")}
    assert len(by_name) == 1
    assert by_content(RunConfig()) == RunConfig()
