"""JSONL that is deep, long or says one thing twice."""

from pathlib import Path

import pytest

from qlora_core.data.files import read_file
from qlora_core.errors import DataError


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"sentence1":"a","sentence2":"b","label":1,"x":' + "[" * 200_000 + "]" * 200_000 + "}", "nested too deeply"),
        ('{"sentence1":"a","sentence2":"b","label":' + "9" * 5000 + "}", "the label is 'inf'"),
        ('{"sentence1":' + "9" * 5000 + ',"sentence2":"b","label":1}', "sentence1 is empty or not text"),
        ('{"sentence1":"a","sentence2":"b","label":10000000000000000000000}', "the label is '1e+22'"),
        ('{"sentence1":"a","sentence2":"b","label":1,"x":"' + "x" * 2**20 + '"}', "this row has more than 1,048,576"),
        ('{"sentence1":"a","sentence2":"b","label":1,"label":0}', "label stands there twice"),
        ('{"sentence1":"a","sentence2":"b","label":1,"\\ud800\\n":0,"\\ud800\\n":0}', "? stands there twice"),
    ],
    ids=["deep", "digits", "digits as a sentence", "a large label", "long", "twice", "half a character twice"],
)
def test_a_hostile_line_is_named(line: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"sentence1":"a","sentence2":"b","label":1}\n' + line, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / "pairs.jsonl")
    assert str(caught.value).startswith("pairs.jsonl, line 2: ")
    assert fault in str(caught.value)


def test_a_name_may_stand_twice_where_nobody_reads_it(tmp_path: Path) -> None:
    line = '{"sentence1":"a","sentence2":"b","label":1,"x":{"label":1,"label":0}}'
    (tmp_path / "pairs.jsonl").write_text(line, encoding="utf-8")
    assert len(read_file(tmp_path / "pairs.jsonl").pairs) == 1
