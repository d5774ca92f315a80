"""What the doctor found, in the words that scripts and people know."""

import pytest

from qlora_core.cli.doctor_report import LENT, as_json, as_text, in_words
from qlora_core.server.findings import Code, Examination, Finding

MODEL = Finding(kind="base_model", name="minilm", code=Code.FOUND, source="package x 0.1")
PAIRS = Finding(
    kind="dataset", name="mrpc", code=Code.FOUND, source="GLUE MRPC, from a folder", train=3668, validation=408
)
FAILS = Finding(kind="quantization", name="int8", code=Code.FAILS, error="no kernel")
ENVIRONMENT = {
    "versions": {"torch": "2.13"},
    "python": "3.12",
    "device": "cpu",
    "device_name": "EPYC",
    "threads": 2,
    "compute_dtype": "float32",
    "compute_dtype_reason": "fastest",
}


@pytest.mark.parametrize("code", [Code.NOT_HERE, Code.DAMAGED, Code.NOT_INSTALLED])
def test_what_is_missing_is_told_with_what_went_wrong(code: Code) -> None:
    assert in_words(Finding(kind="dataset", name="mrpc", code=code, error="No file.")) == "not found: No file."


def test_json_has_the_words_by_section_and_the_records_beside_them() -> None:
    report = as_json(Examination(ENVIRONMENT, [MODEL, PAIRS, FAILS]))
    assert report["environment"] == ENVIRONMENT
    assert report["base_models"] == {"minilm": "found: package x 0.1"}
    assert report["datasets"] == {"mrpc": "found: 3668 + 408 pairs, GLUE MRPC, from a folder"}
    assert report["quantization"] == {"int8": "does not work here: no kernel"}
    assert [(record["name"], record["code"], record["ok"]) for record in report["findings"]] == [
        ("minilm", "found", True),
        ("mrpc", "found", True),
        ("int8", "fails", False),
    ]
    assert [Finding.model_validate(record) for record in report["findings"]] == [MODEL, PAIRS, FAILS]


def test_text_has_a_line_for_the_device_for_versions_and_for_each_finding() -> None:
    works = Finding(kind="quantization", name="nf4", code=Code.WORKS)
    assert as_text(Examination(ENVIRONMENT, [MODEL, PAIRS, works, FAILS])).splitlines() == [
        "EPYC (cpu), 2 threads, computes in float32: fastest",
        "Python 3.12, torch 2.13",
        "base_models minilm: found: package x 0.1",
        "datasets mrpc: found: 3668 + 408 pairs, GLUE MRPC, from a folder",
        "quantization nf4: works",
        "quantization int8: does not work here: no kernel",
    ]


def test_where_gpus_are_lent_it_says_that_they_cannot_be_asked() -> None:
    assert LENT not in as_text(Examination(ENVIRONMENT, []))
    text = as_text(Examination(ENVIRONMENT | {"gpus_are_lent": True}, []))
    assert text.splitlines()[1] == LENT
