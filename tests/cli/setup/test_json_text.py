"""An entry is put into a JSON file's text, or taken out; every other character stays."""

from __future__ import annotations

import json
import random
import re

import pytest

from mlflow_mcp.cli.setup.failure import NotReadable
from mlflow_mcp.cli.setup.json_parts import COMMENT, TRAILING_COMMA
from mlflow_mcp.cli.setup.json_text import data, entries, with_entry, without_entry

KEYS = ("mcpServers",)
ENTRY = {"command": "run", "args": ["--from", "/a b", "x"], "env": {"A": "1"}}

TEXTS = {
    "two spaces": '{\n  "theme": "dark",\n  "mcpServers": {\n    "other": {"command": "x"}\n  }\n}\n',
    "four spaces": '{\n    "mcpServers": {\n        "other": {\n            "command": "x"\n        }\n    },\n    "z": 1\n}\n',
    "tabs": '{\n\t"mcpServers": {\n\t\t"other": {"command": "x"}\n\t}\n}\n',
    "crlf": '{\r\n  "mcpServers": {\r\n    "other": {"command": "x"}\r\n  }\r\n}\r\n',
    "one line": '{"a": 1, "mcpServers": {"other": {"command": "x"}}}',
    "no servers": '{\n  "b": [1, 2, {"c": null}],\n  "a": -1.5e3\n}',
    "no servers, one line": '{"b": true}',
    "nothing in servers": '{"mcpServers": {}}\n',
    "nothing": "{}",
    "white space in servers": '{\n  "mcpServers": {\n  }\n}\n',
    "comments": '// top\n{\n  // before\n  "mcpServers": { // of servers\n    "other": {"command": "x"} // of other, } and {\n'
    '    // last\n  }, /* after } */\n  "z": "// no comment /* neither */"\n}\n// end',
    "comments alone": '{\n  "mcpServers": {\n    // "mlflow": {}\n  }\n}',
    "a comment that ends in a brace": '{\n  "mcpServers": {\n    "a": [] // {\n  }\n}',
    "trailing commas": '{\n  "mcpServers": {\n    "other": {"command": "x"},\n  },\n}\n',
    "trailing comma, comment": '{\n  "mcpServers": {\n    "other": [1, 2,], // x\n    /* y */\n  }\n}\n',
    "escapes": '{"\\u006dcpServers": {"o\\"}": "\\\\"}, "ü": "\\ud83d\\ude00"}',
    "a key twice": '{"mcpServers": {"a": 1}, "mcpServers": {"b": 2}}',
}


@pytest.fixture(params=TEXTS.values(), ids=TEXTS)
def text(request) -> str:
    return request.param


def newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def test_a_new_entry_is_added_and_nothing_else_changes(text):
    written = with_entry(text, KEYS, "mlflow", ENTRY, newline(text))
    wanted = data(text)
    wanted["mcpServers"] = {**wanted.get("mcpServers", {}), "mlflow": ENTRY}
    assert data(written) == wanted
    assert list(data(written)) == list(wanted)  # the order of the keys
    assert list(entries(written, KEYS))[-1] == "mlflow"


def test_every_character_of_the_file_is_still_there_in_its_order(text):
    """Apart from white space: what was written is the old text with an insertion and at most one comma."""
    written = iter(re.sub(r"\s", "", with_entry(text, KEYS, "mlflow", ENTRY, newline(text))))
    assert all(sign in written for sign in re.sub(r"\s", "", text))


def test_lines_that_were_there_stay_as_they_are(text):
    written = with_entry(text, KEYS, "mlflow", ENTRY, newline(text)).splitlines()
    without_commas = [re.sub(r",(?=\s*(//.*|/\*.*)?$)", "", line) for line in written]
    lost = [line for line in text.splitlines() if line not in written and line not in without_commas]
    assert len(lost) <= (1 if len(text.splitlines()) > 1 else 2)  # the line of a comma's neighbour, or of an opened { }


def test_taking_it_out_again_leaves_the_same_data(text):
    written = with_entry(text, KEYS, "mlflow", ENTRY, newline(text))
    back = without_entry(written, KEYS, "mlflow")
    wanted = data(text)
    wanted.setdefault("mcpServers", {})
    assert data(back) == wanted
    assert back.count("//") == text.count("//")


@pytest.mark.parametrize("name", ["two spaces", "four spaces", "tabs", "crlf", "trailing commas", "comments"])
def test_taking_it_out_again_gives_the_same_text(name):
    text = TEXTS[name]
    assert without_entry(with_entry(text, KEYS, "mlflow", ENTRY, newline(text)), KEYS, "mlflow") == text


def test_an_entry_of_that_name_is_replaced_in_its_place(text):
    once = with_entry(text, KEYS, "mlflow", {"command": "old"}, newline(text))
    more = with_entry(once, KEYS, "later", {"command": "y"}, newline(text))
    replaced = with_entry(more, KEYS, "mlflow", ENTRY, newline(text))
    assert entries(replaced, KEYS)["mlflow"] == ENTRY
    assert list(entries(replaced, KEYS))[-2:] == ["mlflow", "later"]
    assert with_entry(replaced, KEYS, "mlflow", {"command": "old"}, newline(text)) == more


@pytest.mark.parametrize("at", range(3))
def test_any_one_of_three_entries_can_be_taken_out(at):
    text = ""
    for name in "abc":
        text = with_entry(text, KEYS, name, ENTRY)
    left = without_entry(text, KEYS, "abc"[at])
    assert json.loads(left) == {"mcpServers": {name: ENTRY for name in "abc" if name != "abc"[at]}}
    assert left == with_entry(with_entry("", KEYS, *pair(at, 0)), KEYS, *pair(at, 1))


def pair(without: int, which: int) -> tuple[str, dict]:
    return [name for name in "abc" if name != "abc"[without]][which], ENTRY


def test_the_files_own_indentation_and_line_ends_are_used():
    written = with_entry(TEXTS["tabs"], KEYS, "mlflow", ENTRY)
    assert '\t\t"mlflow": {\n\t\t\t"command": "run",\n' in written
    written = with_entry(TEXTS["crlf"], KEYS, "mlflow", ENTRY, "\r\n")
    assert "\n" not in written.replace("\r\n", "")


def test_a_comment_stays_with_the_entry_it_belongs_to():
    written = with_entry(TEXTS["comments"], KEYS, "mlflow", ENTRY)
    assert '"other": {"command": "x"}, // of other, } and {\n    // last\n    "mlflow": {' in written


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_file_becomes_a_whole_one(text):
    assert json.loads(with_entry(text, KEYS, "mlflow", ENTRY)) == {"mcpServers": {"mlflow": ENTRY}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("not json", 1),
        ("[]", 1),
        ("3", 1),
        ('{\n  "a": 1\n  "b": 2\n}', 3),
        ('{\n"a": tru\n}', 2),
        ("{\n'a': 1}", 2),
        ('{"a": 1}\n\n{', 3),
        ('{\n\n"a": "x\ny"}', 3),
        ('{"a": [1, 2}', 1),
        ('{"a": 1', 1),
        ("{\n/* open", 2),
        ('{"a": "\\x"}', 1),
        ("{,}", 1),
        ('{"a": 01}', 1),
        ('{"mcpServers":\n [1]}', 2),
        ('{"mcpServers": null}', 1),
        ('{"a":' * 500, 1),
    ],
)
def test_what_is_no_json_is_told_with_its_line(text, line):
    with pytest.raises(NotReadable) as error:
        entries(text, KEYS)
    assert error.value.line == line


def test_what_a_host_does_not_read_is_told_with_its_line():
    assert entries(TEXTS["comments"], KEYS)
    with pytest.raises(NotReadable, match="a comment stands there") as error:
        entries(TEXTS["comments"], KEYS, (COMMENT, TRAILING_COMMA))
    assert error.value.line == 1
    with pytest.raises(NotReadable, match="a comma before a closing bracket") as error:
        entries(TEXTS["trailing commas"], KEYS, (TRAILING_COMMA,))
    assert error.value.line == 3


def test_it_reads_what_the_standard_library_reads():
    value = {"a": [1, -2.5, 1e9, True, False, None, 'ü\n\\"\U0001f600', {}, []], "b": {"c": {"d": [[]]}}}
    for indent in (None, 2):
        assert data(json.dumps(value, indent=indent)) == value


# --- made up by chance


class Written:
    """JSON with comments in every place where one may stand, and commas that only some hosts read."""

    SPACES = ("", "", " ", "\n", "\n  ", "\n\t", "\r\n  ", " // c , } {\n", "/* x\n, } */", '\n  // "q\n  ')
    VALUES = ("1", "-2.5e3", "true", "null", '"a//b"', '"x\\"}{,"', "[]", "{}")

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.text = self.space() + self.object(0, has_servers=True) + self.space()

    def space(self) -> str:
        return self.chance.choice(self.SPACES)

    def value(self, depth: int) -> str:
        kind = self.chance.random()
        if depth > 3 or kind < 0.4:
            return self.chance.choice(self.VALUES)
        return self.joined("[]", [self.value(depth + 1) for _ in range(3)]) if kind < 0.6 else self.object(depth + 1)

    def object(self, depth: int, has_servers: bool = False) -> str:
        keys = [f"k{self.chance.randint(0, 5)}" for _ in range(self.chance.randint(0, 3))]
        members = [f'"{key}"{self.space()}:{self.space()}{self.value(depth + 1)}' for key in keys]
        if has_servers and self.chance.random() < 0.7:
            servers = f'"mcpServers"{self.space()}:{self.space()}{self.object(1)}'
            members.insert(self.chance.randint(0, len(members)), servers)
        return self.joined("{}", members)

    def joined(self, brackets: str, parts: list[str]) -> str:
        last = "," + self.space() if parts and self.chance.random() < 0.3 else ""
        inner = "".join(f"{',' if at else ''}{self.space()}{part}{self.space()}" for at, part in enumerate(parts))
        return f"{brackets[0]}{inner or self.space()}{last}{brackets[1]}"


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_any_text_keeps_its_data_and_its_characters(seed):
    for number in range(seed, seed + 20):
        text = Written(number).text
        wanted = data(text)
        servers = wanted.setdefault("mcpServers", {})
        servers["mlflow"] = ENTRY
        written = with_entry(text, KEYS, "mlflow", ENTRY)
        assert data(written) == wanted, text
        signs = iter(re.sub(r"\s", "", written))
        assert all(sign in signs for sign in re.sub(r"\s", "", text)), text
        del servers["mlflow"]
        assert data(without_entry(written, KEYS, "mlflow")) == wanted, text
