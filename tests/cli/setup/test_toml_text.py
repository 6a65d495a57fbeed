"""A table is put into a TOML file's text, or taken out; every other line stays."""

from __future__ import annotations

import pytest

from mlflow_mcp.cli.setup.failure import NotReadable
from mlflow_mcp.cli.setup.toml_text import data, entries, with_entry, without_entry

KEYS = ("mcp_servers",)
ENTRY = {"command": "run", "args": ["--from", 'C:\\a "b"', "x"], "env": {"A": "ü"}, "env_vars": ["TOKEN"]}

TEXTS = {
    "nothing": "",
    "comment": "# mine\n",
    "no end of line": 'model = "x"',
    "another server": '# mine\nmodel = "x"\n\n[mcp_servers.other] # keep\ncommand = "y"\n\n[mcp_servers.other.env]\nB = "2"\n\n# of tui\n[tui]\na = 1\n',
    "crlf": 'model = "x"\r\n\r\n[tui]\r\na = 1\r\n',
    "quoted": '[mcp_servers."a b"]\ncommand = "y"\n',
    "list of tables": "[[hooks]]\na = 1\n\n[[hooks]]\na = 2\n",
    "a text with a header": 'a = """\n[mcp_servers.mlflow]\n"""\nb = [\n  [1, 2],\n]\n',
}


@pytest.fixture(params=TEXTS.values(), ids=TEXTS)
def text(request) -> str:
    return request.param


def newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def test_a_new_table_is_added_behind_what_is_there(text):
    written = with_entry(text, KEYS, "mlflow", ENTRY, newline(text))
    assert written.startswith(text)
    wanted = data(text)
    wanted["mcp_servers"] = {**wanted.get("mcp_servers", {}), "mlflow": ENTRY}
    assert data(written) == wanted
    assert "\n" not in written.replace("\r\n", "") or newline(text) == "\n"


def test_taking_it_out_again_gives_the_same_text(text):
    written = with_entry(text, KEYS, "mlflow", ENTRY, newline(text))
    assert without_entry(written, KEYS, "mlflow").rstrip("\n") == text.rstrip("\n")


@pytest.mark.parametrize(
    "header", ["[mcp_servers.mlflow]", '[ mcp_servers . "mlflow" ]  # x', "[mcp_servers.'mlflow']"]
)
def test_a_table_of_that_name_is_replaced_with_those_below_it(header):
    text = f'a = 1\n\n{header}\ncommand = "old"\nargs = [\n  "[x]",\n]\n# inside\n\n[mcp_servers.mlflow.env]\nC = "3"\n\n# of tui\n[tui]\nb = 2\n'
    written = with_entry(text, KEYS, "mlflow", ENTRY)
    assert data(written) == {"a": 1, "mcp_servers": {"mlflow": ENTRY}, "tui": {"b": 2}}
    assert written.startswith("a = 1\n\n[mcp_servers.mlflow]\n")
    assert written.endswith("\n\n# of tui\n[tui]\nb = 2\n")


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = { mlflow = { command = "old" } }\n',
        '[mcp_servers]\nmlflow = { command = "old" }\n',
        'mcp_servers.mlflow.command = "old"\n',
    ],
)
def test_a_table_that_is_written_in_another_way_is_not_found(text):
    """The caller sees that nothing changed, and says so."""
    assert with_entry(text, KEYS, "mlflow", ENTRY) == text
    assert without_entry(text, KEYS, "mlflow") == text


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb =\n", 2), ("[x\n", 1), ("a = 1\na = 2\n", 2), ("mcp_servers = 3", 1)]
)
def test_what_is_no_toml_is_told_with_its_line(text, line):
    with pytest.raises(NotReadable) as error:
        entries(text, KEYS)
    assert error.value.line == line
