"""Names of models on the hub."""

import pytest

from qlora_core.hub_names import HubName, read_hub_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("google-bert/bert-base-cased", HubName("google-bert/bert-base-cased", "")),
        ("microsoft/MiniLM-L12-H384-uncased@refs/pr/1", HubName("microsoft/MiniLM-L12-H384-uncased", "refs/pr/1")),
        (f"a/b.c_d@{'0' * 40}", HubName("a/b.c_d", "0" * 40)),
    ],
)
def test_names(text: str, expected: HubName) -> None:
    assert read_hub_name(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "bert-base-cased",
            "/srv/bert",
            "./models/bert",
            "models/bert/base",
            "../a/b",
            "a/..",
            "a/b..c",
            "a/b@..",
        ),
        *("a/b@", "a/b@-x", "a b/c", "a/b c", "a/b\n", "a/<b>", "é/b", "a/b.git", "a/b-", "-a/b", "a--b/c", "~/bert"),
        "a/" + "b" * 97,
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert read_hub_name(text) is None
