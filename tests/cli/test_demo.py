"""`mlflow-mcp demo` as a new user starts it: a process, a folder, a screen."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.cli.demo.layout import laid_out
from mlflow_mcp.cli.demo.store import store_in
from mlflow_mcp.cli.demo.story import QUESTIONS, run_demo
from mlflow_mcp.installation import start_command
from tests.support.servers import server_environment

# Processes of their own, and one folder that they share.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "a new folder"


@pytest.fixture(scope="module")
def first(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlflow_mcp", "demo", "--folder", str(folder)]
    # Another server of the user's must not matter.
    environment = server_environment() | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_MCP_MAX_TOKENS": "500"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120)


def screen_of(demo: subprocess.CompletedProcess[str]) -> str:
    """Its words, wherever its lines were broken."""
    return " ".join(demo.stdout.split())


def test_the_first_start_makes_a_store_where_it_says(first, folder):
    assert (first.returncode, first.stderr) == (0, "")
    assert f"Making a small MLflow store in {folder}" in screen_of(first)
    assert {each.name for each in folder.iterdir()} == {"mlflow.db", "artifacts", "seeded.json"}


def test_every_question_is_shown_with_its_call_its_answer_and_its_price(first):
    parts = re.split(r"\n\d\. ", first.stdout)[1:]
    assert len(parts) == len(QUESTIONS) == 8
    for part, (question, tool, _) in zip(parts, QUESTIONS, strict=True):
        assert part.startswith(question)
        assert f"→ {tool}(" in part
        assert re.search(r"This cost the agent [\d,]+ characters, about [\d,]+\stokens; answered in", part)
    facts = [
        "0.512301",
        "-0.0511137",
        "12723",
        "237, 9.75",
        "p95 latency 1.9 s",
        "search_orders",
        "@production",
        "a4e91cd8603f2b7e",
    ]
    answers = [
        "In words: meta/llama-3.1-8b-instruct ran 4 tasks: aime_2025 6.66667, gpqa_diamond 0.328283,",
        "In words: Not in all: it improved in ifeval and regressed in mmlu-pro; what aime_2025 and gpqa_diamond show is",
        "In words: 15 times. The last is in line 11,920: 2026-10-12 07:33:12.797 WARNING client: request 1215 HTTP 429",
        "In words: Yes: it rose to 9.75 at step 237.",
        "In words: Not yet: its validation failed: p95 latency 1.9 s, limit 1.2 s. It is better in helpfulness 0.803",
        "In words: Its tool search_orders failed after 30 s: TimeoutError: no answer from orders-db-1 after 30.0 s",
        "In words: One rule more: Never promise a date that you did not read. Production still has version 1.",
        "In words: Nothing is guessed:",
    ]
    for part, fact, answer in zip(parts, facts, answers, strict=True):
        assert fact in part
        assert answer in " ".join(part.split())


def test_the_second_start_uses_the_same_store_and_loses_nothing_at_80_columns(first, folder, forked_python):
    """On a real terminal of the usual width: every column, the part of a log line that was asked for, no line too long."""
    made = (folder / "seeded.json").stat().st_mtime_ns
    screen = at_a_terminal(forked_python, folder, columns=80)
    assert " ".join(screen.split()).startswith(f"Using the MLflow store in {folder}, made by an earlier demo.")
    assert (folder / "seeded.json").stat().st_mtime_ns == made
    assert "0.512301" in screen
    assert "(A-B)/|B|" in screen
    assert "HTTP 500" in screen
    assert "Too wide" not in screen
    answers = screen[screen.index("1. ") : screen.index("Go on by yourself")]
    # A path is left whole, so that it can be copied.
    assert max(len(line) for line in answers.splitlines() if " " in line.strip()) <= 80


def at_a_terminal(python: str, folder: Path, *, columns: int) -> str:
    command = [python, "-m", "mlflow_mcp", "demo", "--folder", str(folder)]
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = server_environment() | {"NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        written = b""
        with suppress(OSError):  # what a terminal gives at its end
            while piece := os.read(keyboard, 65536):
                written += piece
        assert process.wait(timeout=60) == 0
    os.close(keyboard)
    return written.decode().replace("\r\n", "\n")


def test_the_screen_of_a_pipe_has_no_colours_and_no_secret(first):
    assert "\x1b" not in first.stdout
    assert Seeded.secret not in first.stdout


def test_its_last_lines_can_be_pasted_into_hosts(first, folder):
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    pasted = next(line for line in first.stdout.splitlines() if line.startswith("claude mcp add"))
    before, after = shlex.split(pasted)[:8], tuple(shlex.split(pasted)[9:])
    assert before == ["claude", "mcp", "add", "--env", f"MLFLOW_TRACKING_URI={uri}", "--transport", "stdio", "mlflow"]
    assert after == start_command()
    cursor, _ = json.JSONDecoder().raw_decode(first.stdout[first.stdout.index('{\n  "mcpServers"') :])
    assert cursor["mcpServers"]["mlflow"]["env"] == {"MLFLOW_TRACKING_URI": uri}


def test_a_store_that_was_broken_off_is_made_anew_and_nothing_else_is_touched(tmp_path):
    (tmp_path / "seeded.json").write_text(json.dumps({"made_by": "mlflow-mcp demo", "complete": False}))
    (tmp_path / "mlflow.db").write_text("half")
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "half").touch()
    (tmp_path / "mine.txt").write_text("mine")
    uri = store_in(tmp_path, lambda: None)
    assert uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert json.loads((tmp_path / "seeded.json").read_text())["complete"] is True
    assert not (tmp_path / "artifacts" / "half").exists()
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["thesis.tex", "mlflow.db"])
def test_a_folder_with_other_things_is_left_alone(tmp_path, name, capsys):
    (tmp_path / name).write_text("mine")
    assert run_demo(str(tmp_path)) == 1
    assert capsys.readouterr().err == (
        f"mlflow-mcp demo: The folder {tmp_path} already holds other things ('{name}'), so no store is made there. "
        "Name another one with --folder.\n"
    )
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_marker_of_another_program_is_not_believed(tmp_path, capsys):
    (tmp_path / "seeded.json").write_text("[]")
    assert run_demo(str(tmp_path)) == 1
    assert capsys.readouterr().err == (
        f"mlflow-mcp demo: The file {tmp_path / 'seeded.json'} is not one that this demo writes. "
        "Name another folder with --folder.\n"
    )


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run_demo(str(tmp_path / "file" / "inside")) == 1
    assert capsys.readouterr().err == (
        f"mlflow-mcp demo: The folder {tmp_path / 'file' / 'inside'} cannot be written: Not a directory. "
        "Name another one with --folder.\n"
    )


def test_a_store_without_the_demos_runs_ends_in_a_next_step(empty_store, tmp_path, capsys):
    folder = tmp_path / "store"
    folder.mkdir()
    Path(empty_store.removeprefix("sqlite:///")).rename(folder / "mlflow.db")
    (folder / "seeded.json").write_text(json.dumps({"made_by": "mlflow-mcp demo", "complete": True}))
    assert run_demo(str(folder)) == 1
    out, complaint = capsys.readouterr()
    assert complaint.endswith("is not as the demo makes it. Remove that folder and start again.\n")
    assert "claude mcp add" not in out


# --- how an answer is laid out


def test_a_table_is_aligned_and_no_wider_than_the_screen():
    long = {
        "columns": ["run_id", "a", "b", "metrics"],
        "rows": [["1" * 32, "x" * 40, "y" * 40, {"acc": 0.5, "loss": 2}]],
    }
    assert laid_out({"runs": long}, 70) == [
        f"run_id     {'a':<22}  {'b':<22}  metrics",
        f"---------  {'-' * 22}  {'-' * 22}  ---------",
        f"11111111…  {'x' * 10}…{'x' * 11}  {'y' * 10}…{'y' * 11}  acc   0.5",
        f"{'':59}loss  2",
    ]


def test_columns_that_do_not_fit_follow_in_a_table_of_their_own():
    columns = ["task", "metric", *"abcde", "best"]
    rows = [["gpqa", "macro", *(letter * 14 for letter in "vwxyz"), "A"], ["gpqa", "micro", *["1"] * 5, "B"]]
    lines = laid_out({"metrics": {"columns": columns, "rows": rows, "common": {"run": "r"}}}, 60)
    assert [line.split() for line in lines if line.startswith("task")] == [
        ["task", "metric", "a", "b", "best"],
        ["task", "metric", "c", "d", "e"],
    ]
    assert lines[-1] == "In every row: run: r"
    assert max(map(len, lines)) <= 60
    assert all(letter * 14 in "\n".join(lines) for letter in "vwxyz")


def test_a_sentence_in_a_cell_is_broken_and_not_cut_in_its_middle():
    words = "2026-10-12 ERROR client: request 8036 HTTP 500 Internal Server Error, retry in 4.0 s"
    assert laid_out({"matches": {"columns": ["line", "text"], "rows": [[1, words]]}}, 60) == [
        "line  text",
        "----  ------------------------------------------",
        "1     2026-10-12 ERROR client: request 8036 HTTP",
        "      500 Internal Server Error, retry in 4.0 s",
    ]


def test_a_list_of_records_has_a_line_for_each_field():
    assert laid_out({"axis": "step", "curves": [{"run": "a", "first": [0, 2.5]}]}, 40) == [
        "axis  step",
        "",
        "run    a",
        "first  0, 2.5",
    ]


def test_control_characters_of_strangers_do_not_reach_the_terminal():
    lines = laid_out({"name": "a\x1b[2Jb", "text": "one\x07\ntwo", "notes": ["c\rd"]}, 80)
    assert lines == ["name  a [2Jb", "", "one ", "two", "", "Note: c d"]


def test_a_text_inside_of_a_small_object_keeps_its_lines():
    assert laid_out({"changes": {"since": "1", "template": "-a\n+b"}}, 40) == ["-a", "+b", "", "changes: since: 1"]


def test_a_long_text_is_shown_by_its_beginning():
    lines = laid_out({"text": "\n".join(map(str, range(50)))}, 80)
    assert lines[:2] == ["0", "1"]
    assert lines[-1] == "… and 30 more lines of `text`, which are in the answer too"
