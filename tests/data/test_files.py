"""A user's file of pairs: read back as written, or refused once, by file, row and fault."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qlora_core.data.files import MAX_FILE_BYTES, MAX_ROWS, MAX_SENTENCE_CHARACTERS, read_file, read_pairs_file
from qlora_core.data.readers.table import Skipped, SkippedCode
from qlora_core.data.sentences import is_empty
from qlora_core.errors import DataError
from qlora_core.language import Message

Rows = list[dict[str, Any]]
GOOD: Rows = [
    {"sentence1": "A ferry, late.", "sentence2": 'It "came" late.', "label": 1},
    {"sentence1": "Été à Paris", "sentence2": "An autumn in Rome", "label": 0},
]
HEADER = "sentence1,sentence2,label\n"
HALF = f"{HEADER}\ud800,b,1\n"
OBJECT = '{{"sentence1": "a", "sentence2": {}, "label": {}}}\n'


def write_delimited(delimiter: str) -> Callable[[Path, Rows], None]:
    def write(path: Path, rows: Rows) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)

    return write


def write_jsonl(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    "csv": write_delimited(","),
    "tsv": write_delimited("\t"),
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}
#: Spaces around a sentence are cut off, so what comes back is what has none.
SENTENCES = st.text(st.characters(codec="utf-8"), max_size=40).map(str.strip).filter(lambda text: not is_empty(text))
#: A TSV file has each pair on one line.
ON_ONE_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"), max_size=40)
SENTENCES_BY_KIND = {"tsv": ON_ONE_LINE.map(str.strip).filter(lambda text: not is_empty(text))}


def rows_of(sentences: st.SearchStrategy[str]) -> st.SearchStrategy[Rows]:
    return st.lists(
        st.fixed_dictionaries({"sentence1": sentences, "sentence2": sentences, "label": st.integers(0, 1)}),
        min_size=1,
        max_size=8,
    )


def refusal(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(DataError) as caught:
        read_pairs_file(path)
    message = str(caught.value)
    assert message.startswith(path.name)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_what_was_written_is_read_back(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    rows = data.draw(rows_of(SENTENCES_BY_KIND.get(kind, SENTENCES)))
    WRITERS[kind](tmp_path / f"pairs.{kind}", rows)
    pairs = read_pairs_file(tmp_path / f"pairs.{kind}")
    assert pairs.remove_columns("idx").to_list() == rows
    assert list(pairs["idx"]) == list(range(len(rows)))


@pytest.mark.parametrize("kind", WRITERS)
def test_a_phenomenon_of_every_row_is_kept(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / f"pairs.{kind}", [{**row, "phenomenon": "negation"} for row in GOOD])
    assert list(read_pairs_file(tmp_path / f"pairs.{kind}")["phenomenon"]) == ["negation", "negation"]


def test_phenomena_of_some_rows_only_are_left_out(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "pairs.jsonl", [{**GOOD[0], "phenomenon": "negation"}, GOOD[1]])
    assert read_pairs_file(tmp_path / "pairs.jsonl").column_names == ["idx", "sentence1", "sentence2", "label"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_the_files_own_idx_is_kept(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / f"pairs.{kind}", [{**row, "idx": 70 + row["label"]} for row in GOOD])
    assert list(read_pairs_file(tmp_path / f"pairs.{kind}")["idx"]) == [71, 70]


@pytest.mark.parametrize("idx", ["7", None, 2**70, 1.5])
def test_an_idx_that_is_no_integer_gives_way_to_the_rows_number(idx: object, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "pairs.jsonl", [{**row, "idx": idx} for row in GOOD])
    assert list(read_pairs_file(tmp_path / "pairs.jsonl")["idx"]) == [0, 1]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HEADER.encode() + b"a,b,1\n",
        (HEADER + "a,b,1\n").replace("\n", "\r\n").encode(),
        (HEADER + "a,b,1").replace("\n", "\r").encode(),
        b"\n" + HEADER.encode() + b"\na,b,1\n\n",
        b"label,extra,sentence2,sentence1\n 1 ,x,b, a \n",
    ],
    ids=["byte order mark", "windows line ends", "old mac line ends", "blank lines", "other order of columns"],
)
def test_a_harmless_peculiarity_of_csv_is_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_bytes(content)
    pairs = read_pairs_file(tmp_path / "pairs.csv")
    assert pairs.to_list() == [{"idx": 0, "sentence1": "a", "sentence2": "b", "label": 1}]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    "labels",
    [(0, 1), (0.0, 1.0), (False, True), ("0", "1"), ("0.0", "1.0"), ("False", "TRUE"), ("Not_Duplicate", "duplicate")],
    ids=str,
)
def test_a_label_is_the_same_in_every_kind_of_file(kind: str, labels: tuple[object, object], tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, [{"sentence1": "a", "sentence2": "b", "label": label} for label in labels])
    contents = read_file(path)
    assert list(contents.pairs["label"]) == [0, 1]
    if labels[0] == "Not_Duplicate":
        assert contents.label_meaning == labels


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("label", ["entailment", "2.0", "10", "-0.0", "nan", ""])
def test_a_label_of_another_meaning_is_refused_by_its_name(kind: str, label: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, [{"sentence1": "a", "sentence2": "b", "label": label}])
    assert f": the label is '{label}'. Use 1" in refusal(path, path.read_bytes())


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_says_how_it_was_understood(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, [{"id": 3, " Question1 ": "a", "question2": "b", "IS_DUPLICATE": 1}])
    contents = read_file(path)
    assert contents.taken == (" Question1 ", "question2", "IS_DUPLICATE")
    assert contents.label_meaning == ("0", "1")
    assert contents.pairs.to_list() == [{"idx": 0, "sentence1": "a", "sentence2": "b", "label": 1}]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_blank_lines_are_counted(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, GOOD)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(["", *lines[:-1], "  ", "", lines[-1], ""]), encoding="utf-8")
    assert read_file(path).skipped == (Skipped(SkippedCode.BLANK_LINE, 3, Message("line {n}", {"n": 1})),)


def test_sentences_alone_need_no_label(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2\na,b\n", encoding="utf-8")
    assert read_pairs_file(tmp_path / "pairs.csv", labels=False).column_names == ["idx", "sentence1", "sentence2"]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_missing_column_is_named_with_those_that_are_there(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, [{"sentence1": "a", "gold": 1}])
    with pytest.raises(DataError) as caught:
        read_pairs_file(path)
    assert str(caught.value) == (
        f"{path.name} has no column sentence2, label. Its columns are: sentence1, gold; name those to take as "
        'FIRST,SECOND,LABEL under "Columns" (--columns).'
    )


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("label", 2, "the label is '2'"),
        ("label", -1, "the label is '-1'"),
        ("sentence1", "", "sentence1 is empty"),
        ("sentence2", " \u2003 ", "sentence2 is empty"),
        ("sentence2", "\u200b\u2060\ufeff\u00ad", "sentence2 is empty"),
        ("sentence2", "x" * (MAX_SENTENCE_CHARACTERS + 1), "sentence2 has 10,001 characters"),
    ],
)
def test_an_unusable_row_is_named(kind: str, field: str, value: object, fault: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    plain: Rows = [{"sentence1": "a", "sentence2": "b", "label": 1} for _ in range(4)]
    WRITERS[kind](path, [*plain, {**plain[0], field: value}, *plain])
    place = {"csv": "line 6", "tsv": "line 6", "jsonl": "line 5", "parquet": "row 5"}[kind]
    assert refusal(path, path.read_bytes()).startswith(f"pairs.{kind}, {place}: {fault}")


@pytest.mark.parametrize(
    ("rows", "line", "fault"),
    [
        ("a,b,x\n", 2, "the label is 'x'"),
        ("a,b,1\n\n\nc,d,x\n", 5, "the label is 'x'"),
        ('"a\nb\nc",d,1\ne,f,x\n', 5, "the label is 'x'"),
        ('a,b,1\n"c\nd",,1\n', 3, "sentence2 is empty"),
        ("a,b,1\na,b,c,1\n", 3, "more fields than the first line"),
        ("a,b,1\na,b\n", 3, "fewer fields than the first line"),
        ('a,b,1\n"c,d,1\ne,f,1\n', 3, "a quote opens here and is never closed"),
        ('a,b,1\n"c,d,1\n' + "e,f,1\n" * 30_000, 3, "a quote opens here and is never closed"),
        ('a,b,1\n"c,d,1\n"e",f,1\n', 3, "this is not valid CSV"),
    ],
)
def test_the_line_of_a_fault_in_csv_is_where_its_row_begins(rows: str, line: int, fault: str, tmp_path: Path) -> None:
    message = refusal(tmp_path / "pairs.csv", HEADER + rows)
    assert message.startswith(f"pairs.csv, line {line}: {fault}")


def test_a_quote_in_the_header_that_never_closes_is_line_1(tmp_path: Path) -> None:
    assert refusal(tmp_path / "pairs.csv", '"sentence1,sentence2,label\na,b,1\n').startswith(
        "pairs.csv, line 1: a quote"
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{'sentence1': 1}", "this is not JSON"),
        ('{"sentence1": "a"', "this is not JSON"),
        ("[" * 100_000, "this is nested too deeply"),
        ("[1, 2]", "this is not a JSON object"),
        (OBJECT.format('"b"', "NaN"), "the label is 'nan'"),
        (OBJECT.format('"b"', "1e999"), "the label is 'inf'"),
        (OBJECT.format('"b"', "0.5"), "the label is '0.5'"),
        (OBJECT.format('"b"', "null"), "the label is 'None'"),
        (OBJECT.format('"b"', "[1]"), "the label is '[1]'"),
        (OBJECT.format("5", "1"), "sentence2 is empty or not text"),
        (OBJECT.format("null", "1"), "sentence2 is empty or not text"),
        (OBJECT.format('"\\ud800"', "1"), "sentence2 is empty or not text"),
        ('{"sentence1": "a", "label": 1}', "sentence2 is empty or not text"),
    ],
)
def test_a_bad_line_of_jsonl_is_named(line: str, fault: str, tmp_path: Path) -> None:
    content = OBJECT.format('"b"', "1") + "\n" + line
    assert refusal(tmp_path / "pairs.jsonl", content).startswith(f"pairs.jsonl, line 3: {fault}")


def test_half_a_character_outside_the_sentences_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(
        '{"sentence1": "a", "sentence2": "b", "label": 1, "phenomenon": "\\ud800 x"}', encoding="utf-8"
    )
    assert list(read_pairs_file(tmp_path / "pairs.jsonl")["phenomenon"]) == ["? x"]


def test_a_column_name_is_repeated_on_one_line_that_utf8_can_hold(tmp_path: Path) -> None:
    message = refusal(tmp_path / "pairs.jsonl", '{"sentence1": "a", "x\\ny\\ud800": 1}')
    assert "Its columns are: sentence1, x y?; name those" in message


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_a_file_that_is_not_utf8_is_refused_at_its_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, [{"sentence1": "a", "sentence2": "b", "label": 1} for _ in range(2000)])
    lines = path.read_text(encoding="utf-8").splitlines()
    bad = lines[-1].replace("b", "é")
    message = refusal(path, "\n".join([*lines, bad]).encode("latin-1"))
    assert message.startswith(f"{path.name}, line {len(lines) + 1}: this is not UTF-8 text")


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_in_another_unicode_is_read(kind: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    WRITERS[kind](path, GOOD)
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert read_pairs_file(path).remove_columns("idx").to_list() == GOOD


@pytest.mark.parametrize("content", [b"\xff\xfea\0b", HALF.encode("utf-16", "surrogatepass"), b"\0\0\xfe\xffabcd"])
def test_damaged_unicode_is_refused(content: bytes, tmp_path: Path) -> None:
    assert ": this is not UTF-8 text. Save" in refusal(tmp_path / "pairs.csv", content)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_over_the_size_limit_is_refused_unread(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(DataError, match=rf"^pairs\.{kind} is 200 MB; at most {MAX_FILE_BYTES // 2**20} MB are read\."):
        read_pairs_file(path)


def test_more_rows_than_the_limit_are_refused(tmp_path: Path) -> None:
    assert "has more than 200,000 rows" in refusal(tmp_path / "pairs.csv", HEADER + "a,b,1\n" * (MAX_ROWS + 1))


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_rows_is_refused(kind: str, content: str, tmp_path: Path) -> None:
    assert "has no rows" in refusal(tmp_path / f"pairs.{kind}", content)


def test_a_header_alone_is_no_row(tmp_path: Path) -> None:
    assert "has no rows" in refusal(tmp_path / "pairs.csv", HEADER)


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"sentence1,sentence2,label\n"])
def test_a_damaged_parquet_file_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "cannot be read as parquet" in refusal(tmp_path / "pairs.parquet", content)


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "pairs.parquet", GOOD)
    whole = (tmp_path / "pairs.parquet").read_bytes()
    assert "cannot be read as parquet" in refusal(tmp_path / "pairs.parquet", whole[:-20])


def test_missing_values_of_parquet_are_named(tmp_path: Path) -> None:
    table = pa.table({"sentence1": ["a", "c"], "sentence2": ["b", "d"], "label": pa.array([1, None], pa.int64())})
    pq.write_table(table, tmp_path / "pairs.parquet")
    with pytest.raises(DataError, match=r"^pairs\.parquet, row 2: the label is 'None'"):
        read_pairs_file(tmp_path / "pairs.parquet")


@pytest.mark.parametrize("name", ["absent.csv", "x" * 300 + ".csv", "null\0.csv", "folder.csv"])
def test_a_path_that_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"^There is no file '"):
        read_pairs_file(tmp_path / name)


def test_a_file_of_another_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    message = refusal(tmp_path / "pairs.xlsx", b"PK")
    assert message.endswith("Use a file ending in .csv, .tsv, .jsonl, .parquet.")


def test_the_end_of_a_name_may_be_in_capitals(tmp_path: Path) -> None:
    write_delimited(",")(tmp_path / "PAIRS.CSV", GOOD)
    assert len(read_pairs_file(tmp_path / "PAIRS.CSV")) == 2


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_file_that_the_system_refuses_to_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match=r"^pairs\.csv cannot be read: "):
        read_pairs_file(tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("label.csv", "sentence1,sentence2,label\nA.,B.,1\nC.,D.,7\nE.,F.,0\n"),
        ("quote.csv", 'sentence1,sentence2,label\nA.,B.,1\nC.,"D.,0\n'),
        ("fields.tsv", "sentence1\tsentence2\tlabel\nA.\tB.\nC.\tD.\t1\n"),
        ("brace.jsonl", '{"sentence1": "A.", "sentence2": "B.", "label": 1}\n{\n{}\n'),
    ],
)
def test_a_refused_file_is_closed_at_once(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as refusal:
        read_pairs_file(path)
    assert refusal.value.__traceback__ is not None  # which keeps every frame that it passed, and their files, alive
    assert str(path) not in {file.path for file in psutil.Process().open_files()}
