"""The tab "Fine-tune": what it says before anything is pressed."""

import json
from pathlib import Path

from qlora_core.config import make_config
from qlora_core.presets import FIRST_PRESET
from qlora_core.server.services import make_services
from qlora_core.store.shared.baselines import Provenance
from qlora_core.ui.train.tab import first_expectation


def test_baselines_can_be_measured_again_where_an_earlier_run_has_measured_them(tmp_path: Path) -> None:
    services = make_services(tmp_path / "runs", tmp_path / "recorded", "owner")
    words, button = first_expectation(services)()
    assert "Trains" in words
    assert button["visible"] is False
    header = json.dumps({"__metadata__": Provenance("a-run", 1_795_910_400.0).as_metadata()}).encode()
    (tmp_path / "measured").write_bytes(len(header).to_bytes(8, "little") + header)
    services.store.folder.mkdir(exist_ok=True)
    services.store.baselines.keep(make_config(FIRST_PRESET), "key", tmp_path / "measured")
    words, button = first_expectation(services)()
    assert "29 November 2026" in words
    assert button["visible"] is True
