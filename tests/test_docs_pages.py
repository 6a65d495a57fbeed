"""The pages for readers: their answers are the demo's, their commands exist, and the sentences they quote are the program's."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlflow_mcp.__main__ import _parser
from mlflow_mcp.servers import OF_ONE
from mlflow_mcp.settings import Settings
from scripts import document_answers
from scripts.document_answers import EXAMPLE, LEFT_OUT, PAGES, ROOT, abridged, stale_pages, tool_and_arguments
from tests.support.stores import copied

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "AGENTS.md",
    ROOT / "deploy/README.md",
]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md"))
LONGEST = 220  # lines of a guide


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, empty_template: str) -> str:
    """The store of `mlflow-mcp demo` with logs of their full size, which the tests' own store has not."""
    from mlflow_mcp.cli.demo.data import seed

    folder = tmp_path_factory.mktemp("demo")
    uri = copied(empty_template, folder / "mlflow.db")
    seed(uri, str(folder / "artifacts"))
    return uri


@pytest.mark.slow
def test_the_answers_in_readme_and_guides_are_what_the_server_answers(demo):
    stale = stale_pages(demo)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        for file, text in stale.items():
            file.write_text(text, encoding="utf-8")
    else:
        names = ", ".join(file.name for file in stale)
        assert not stale, f"python -m scripts.document_answers writes the new answers into {names}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_an_answer_for_each_call_and_no_error(page):
    text = page.read_text(encoding="utf-8")
    examples = list(EXAMPLE.finditer(text))
    assert len(examples) == text.count("<!-- example:begin")
    for example in examples:
        json.loads(re.fullmatch(r"```json\n(.*)\n```\n", example["shown"], re.S)[1])


@pytest.mark.parametrize("guide", PAGES[1:], ids=lambda page: page.stem)
def test_a_guide_has_five_to_seven_questions_and_can_be_read_in_one_go(guide):
    lines = guide.read_text(encoding="utf-8").splitlines()
    assert 5 <= sum(line.startswith("## ") for line in lines) <= 7
    assert len(lines) <= LONGEST


def test_what_a_page_leaves_out_is_marked():
    table = {"columns": ["a", "b", "c"], "rows": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "common": {"d": 0, "e": 0}}
    answer = {"first": 1, "table": table, "runs": [{"x": 1, "y": 2}], "last": "run 0123456789abcdef0123456789abcdef"}
    assert abridged(answer, ["first", "table: a, c, d", "table[:2]", "runs: x"]) == {
        "table": {
            "columns": ["b", LEFT_OUT],
            "rows": [[2, LEFT_OUT], [5, LEFT_OUT], f"{LEFT_OUT} 1 more"],
            "common": {"e": 0, LEFT_OUT: LEFT_OUT},
        },
        "runs": [{"y": 2, LEFT_OUT: LEFT_OUT}],
        "last": f"run 01234567{LEFT_OUT}",
        LEFT_OUT: "first",
    }


@pytest.mark.parametrize("rule", ["nothing", "table: nothing", "table[2:]"])
def test_a_rule_that_leaves_out_nothing_is_refused(rule):
    with pytest.raises(SystemExit, match=r"nothing|table"):
        abridged({"table": {"columns": ["a"], "rows": [[1]]}}, [rule])


def test_a_call_is_read_as_json():
    call = r'search_artifacts(run_ids=["a"], pattern="HTTP 5\\d\\d", last=true)'
    assert tool_and_arguments(call) == ("search_artifacts", {"run_ids": ["a"], "pattern": r"HTTP 5\d\d", "last": True})


def test_only_ids_that_a_store_makes_up_may_differ():
    def same(one: str, other: str) -> bool:
        return document_answers.without_made_up_ids(one) == document_answers.without_made_up_ids(other)

    one, other = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    assert same(f"{one} {one[:8]}…", f"{other} {other[:8]}…")
    assert not same(f"{one} {one}", f"{one} {other}")
    assert not same("71f3f3199ea5e1f0", "0c94be2d86a1f753")


def test_the_picture_of_a_conversation_has_the_numbers_of_the_guide():
    picture = (ROOT / "docs" / "conversation.svg").read_text(encoding="utf-8")
    guide = (ROOT / "docs" / "guides" / "evaluate.md").read_text(encoding="utf-8")
    numbers = re.findall(r">(-?[\d.]+(?:e-\d+)?)</text>", picture)
    assert len(numbers) == 4 * 4
    assert [number for number in numbers if not re.search(rf"[ \[]{re.escape(number)}[,\]]", guide)] == []
    calls = re.findall(r"^compare_runs.*$", guide, re.M)
    assert calls == [" ".join(re.findall(r">(compare_runs.*|baseline=.*)</text>", picture))]


# --- commands


def commands_of(file: Path) -> Iterator[list[str]]:
    """Every command of this project in a document, in blocks for a shell and in running text, as words."""
    text = file.read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    for line in [*lines, *spans]:
        if re.search(r"\bmlflow-mcp\b|\bpython3? ", line) and not re.search(r"<\w", line):
            yield from own_commands(line)


def own_commands(line: str) -> Iterator[list[str]]:
    for part in re.split(r"&&|\|", line):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:  # a piece of something else that has one quote
            continue
        while words and re.match(r"[A-Z_]+=", words[0]):
            del words[0]
        if words[:2] == ["uv", "run"]:
            del words[:2]
        if words[:1] == ["uvx"] and words[-1:] != ["uvx"]:
            del words[: words.index("mlflow-mcp", 3) if "mlflow-mcp" in words[3:] else len(words)]
        if words[:1] and words[0] in ("mlflow-mcp", "python", "python3"):
            yield words


COMMANDS = {
    (file.relative_to(ROOT).as_posix(), shlex.join(words)): words for file in DOCUMENTS for words in commands_of(file)
}


def test_commands_are_found_in_blocks_and_in_running_text():
    found = {command for _, command in COMMANDS}
    assert "mlflow-mcp doctor" in found
    assert "mlflow-mcp wait my-run --until 'val/loss < 0.3' --timeout 12h" in found
    assert "mlflow-mcp setup claude-code --uri https://mlflow.example.com" in found
    assert len(found) > 15


@pytest.mark.parametrize("command", COMMANDS, ids=": ".join)
def test_a_command_in_the_documents_has_the_arguments_that_the_program_takes(command):
    program, *arguments = COMMANDS[command]
    if program == "mlflow-mcp":
        assert exit_code_of(arguments) == 0
    elif script := script_of(arguments):
        source = "".join(file.read_text(encoding="utf-8") for file in script)
        for flag in (word for word in arguments if word.startswith("--")):
            assert f'"{flag.partition("=")[0]}"' in source, flag


def exit_code_of(arguments: list[str]) -> object:
    """What reading the arguments ends with: 0 also for --version and --help."""
    try:
        _parser(arguments).parse_args(arguments)
    except SystemExit as ended:
        return ended.code
    return 0


def script_of(arguments: list[str]) -> list[Path]:
    """The files of ours that `python …` starts; none where it starts something else."""
    module = arguments[1].replace(".", "/") + ".py" if arguments[:1] == ["-m"] else arguments[0]
    place = ROOT / module
    return sorted(place.glob("*.py")) if place.is_dir() else [place] if place.is_file() else []


def test_a_script_that_the_documents_name_is_there():
    named = {
        words[1]
        for words in COMMANDS.values()
        if words[0] != "mlflow-mcp" and words[1].startswith(("scripts/", "bench/"))
    }
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_setting_that_a_document_names_is_one():
    known = {field.alias for field in Settings.model_fields.values()}
    known.add("MLFLOW_MCP_TOKEN")  # of the reader's own shell: what a host sends
    named = {
        (file.name, name)
        for file in DOCUMENTS
        for name in re.findall(r"\bMLFLOW_MCP_[A-Z_]+[A-Z]\b", file.read_text(encoding="utf-8"))
    }
    assert {(file, name) for file, name in named if name not in known and not name.startswith(OF_ONE)} == set()


# --- sentences

QUOTING = [ROOT / "README.md", ROOT / "docs" / "troubleshooting.md"]


def quotations() -> Iterator[str]:
    """What stands in italics in the first column of the tables of what a user sees."""
    for file in QUOTING:
        _, _, rows = file.read_text(encoding="utf-8").partition("| What you see |")
        for row in rows.splitlines():
            if row.startswith("| "):
                yield from re.findall(r"\*([^*]+)\*", row.split(" | ")[0])


def texts_of_the_program() -> Iterator[str]:
    """Every text in the source, with "…" for what is filled in, and the reviewed error sentences."""
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else LEFT_OUT for part in node.values)
    for file in (ROOT / "tests" / "snapshots" / "errors").rglob("*.txt"):
        yield file.read_text(encoding="utf-8")


def test_every_sentence_that_troubleshooting_quotes_is_one_of_the_program():
    program = "\n".join(texts_of_the_program())
    parts = {part.strip(" .,") for quoted in quotations() for part in quoted.split(LEFT_OUT)} - {""}
    assert len(parts) > 40
    assert {part for part in parts if part not in program} == set()
