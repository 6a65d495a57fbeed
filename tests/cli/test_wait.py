"""`mlflow-mcp wait` as a host starts it: a process that is silent until the event, one report, an exit code for each outcome."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_mcp.cli.wait import EXIT_CODES, seconds_of
from tests.support.servers import fail, faulty_proxy, refused_uri, server_environment
from tests.support.training import HOUR, Training, logged, losses, training

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
LONGEST = 60


@pytest.fixture
def started(forked_python: str) -> Callable[..., subprocess.Popen[str]]:
    def start(uri: str, *arguments: str, python: str = forked_python) -> subprocess.Popen[str]:
        command = [python, "-m", "mlflow_mcp", "wait", *arguments]
        environment = server_environment() | {"MLFLOW_TRACKING_URI": uri}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture
def ended(started: Callable[..., subprocess.Popen[str]]) -> Callable[..., tuple[int, str, str]]:
    """The exit code, stdout and stderr of a wait that ends by itself."""

    def end(uri: str, *arguments: str) -> tuple[int, str, str]:
        process = started(uri, *arguments)
        said, complained = process.communicate(timeout=LONGEST)
        return process.returncode, said, complained

    return end


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Returns once it holds; fails when the process ends before, or after a minute."""
    end = time.monotonic() + LONGEST
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def set_status(uri: str, run_id: str, status: str) -> None:
    with redirect_stdout(StringIO()):
        MlflowClient(uri).set_terminated(run_id, status)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "arguments", "code", "report"),
    [
        (Training("done", {"loss": losses(50)}, status="FINISHED"), [], 0, r"MLflow says FINISHED\n  state: finished\n"),
        (Training("dead", {"loss": losses(50)}, status="FAILED"), [], 1, r"MLflow says FAILED\n  state: failed\n"),
        (Training("on", {"loss": losses(50)}), ["--until", "step >= 40"], 0, r"\): step 49\n  state: alive\n"),
        (Training("short", {"loss": losses(50)}, status="FINISHED"), ["--until", "loss < 0.1"], 6, r"before loss < 0.1\n"),
        (Training("nan", {"loss": losses(50) + [float("nan")] * 5}), [], 3, r"loss is NaN since step 50 \(5 points\)"),
        (Training("gone", {"loss": losses(50)}, ago=5 * HOUR), [], 3, r"MLflow says RUNNING; last point 5 h ago, usual gap 10 s"),
        (
            Training("sick", {"loss": losses(50) + [float("nan")] * 5}, status="FINISHED"), [], 3,
            r"state: finished, diverged",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Training) else None,
)  # fmt: skip
def test_what_is_so_already_is_reported_at_once(run, arguments, code, report, empty_store, ended):
    with training(empty_store) as add:
        run_id = add(run)

    ended_with, said, complained = ended(empty_store, run.name, *arguments)

    assert (ended_with, complained) == (code, "")
    assert re.match(rf"After .* s:\n{run.name} \({run_id}\): ", said)
    assert re.search(report, said), said
    assert len(said) < 1_200


@pytest.mark.slow
def test_it_is_silent_until_the_run_ends_and_waits_out_failures_of_the_server(scratch_server, started):
    run_id = logged(scratch_server.uri, Training("watched", {"loss": losses(50)}))
    with faulty_proxy(scratch_server.uri) as proxy:
        process = started(proxy.uri, run_id, "--until", "end", "--every", "0.1")
        until(lambda: proxy.count("runs/get") >= 3, process)
        proxy.faults[:] = [fail(503, "runs/get"), fail(500, "get-history")]
        seen = proxy.count("runs/get")
        until(lambda: proxy.count("runs/get") >= seen + 3, process)
        set_status(scratch_server.uri, run_id, "KILLED")
        proxy.faults[:] = []
        said, complained = process.communicate(timeout=LONGEST)

    assert (process.returncode, complained) == (1, "")
    assert f"watched ({run_id}): MLflow says KILLED\n  state: killed\n" in said


@pytest.mark.slow
def test_a_value_that_is_logged_while_it_waits_ends_the_wait(scratch_server, started):
    run_id = logged(scratch_server.uri, Training("learning", {"val/loss": losses(50)}))
    with faulty_proxy(scratch_server.uri) as proxy:
        process = started(proxy.uri, run_id, "--until", "val/loss < 0.3", "--every", "0.1")
        until(lambda: proxy.count("runs/get") >= 3, process)
        MlflowClient(scratch_server.uri).log_metric(run_id, "val/loss", 0.25, step=50)
        said, _ = process.communicate(timeout=LONGEST)

    assert process.returncode == 0
    assert f"learning ({run_id}): val/loss = 0.25 at step 50\n" in said


@pytest.mark.slow
def test_a_run_that_breaks_while_it_is_watched_is_reported_unless_problems_are_ignored(scratch_server, started):
    for ignore, code in (([], 3), (["--ignore-problems", "--timeout", "2"], 4)):
        run_id = logged(scratch_server.uri, Training("breaking", {"loss": losses(50)}))
        with faulty_proxy(scratch_server.uri) as proxy:
            process = started(proxy.uri, run_id, "--every", "0.1", *ignore)
            until(lambda proxy=proxy: proxy.count("runs/get") >= 3, process)
            for step in range(50, 54):
                MlflowClient(scratch_server.uri).log_metric(run_id, "loss", float("nan"), step=step)
            said, _ = process.communicate(timeout=LONGEST)

        assert process.returncode == code
        assert ("loss is NaN since step 50" in said) is (not ignore)


@pytest.mark.slow
def test_the_time_out_is_told_and_so_is_a_server_that_is_away_at_its_end(scratch_server, started, ended):
    run_id = logged(scratch_server.uri, Training("long", {"loss": losses(50)}))

    assert ended(scratch_server.uri, run_id, "--timeout", "1", "--every", "0.2") == (
        4,
        "Nothing happened in 1 s.\n",
        "",
    )

    with faulty_proxy(scratch_server.uri) as proxy:
        process = started(proxy.uri, run_id, "--timeout", "5", "--every", "0.2")
        until(lambda: proxy.count("runs/get") >= 3, process)
        proxy.faults[:] = [fail(503)]
        said, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 5
    assert said.startswith(
        "Nothing happened in 5 s that was seen; at its end there was no answer: The MLflow server at "
    )


@pytest.mark.slow
def test_ctrl_c_ends_it_at_once_without_a_word(scratch_server, started):
    run_id = logged(scratch_server.uri, Training("interrupted", {"loss": losses(50)}))
    with faulty_proxy(scratch_server.uri) as proxy:
        process = started(proxy.uri, run_id, "--every", "30", python=sys.executable)
        until(lambda: proxy.count("get-history-bulk-interval") >= 1, process)
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=10)

    assert (process.returncode, said, complained) == (130, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["no-such-run"], 2, "No run, active or deleted, has the id, name or job id 'no-such-run'."),
        (["running"], 2, "No run has status RUNNING. Name a run."),
        (
            ["x", "--until", "finished"],
            2,
            "'finished' cannot be waited for. Write 'end', 'step >= 5000' or 'val/loss < 0.3'.",
        ),
        (["x", "--timeout", "soon"], 2, "'soon' is no length of time; write 90, 30m or 12h"),
        ([], 2, "the following arguments are required: RUN"),
    ],
)
def test_what_cannot_be_waited_for_is_refused_on_stderr(arguments, code, sentence, empty_store, ended):
    ended_with, said, complained = ended(empty_store, *arguments)

    assert (ended_with, said) == (code, "")
    assert sentence in complained


@pytest.mark.slow
def test_a_server_that_is_not_there_at_the_start_is_told_at_once(ended):
    with refused_uri() as uri:
        code, said, _ = ended(uri, "x" * 12)

    assert code == 5
    assert f"The MLflow server at {uri} cannot be reached: nothing answers there." in said


def test_help_and_readme_name_every_exit_code():
    command = [sys.executable, "-m", "mlflow_mcp", "wait", "--help"]
    told = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, check=True
    ).stdout
    section = README.partition("## Waiting for a run")[2].partition("\n## ")[0]

    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"  {code} +{re.escape(meaning)}\n", told)
        assert re.search(rf"\b{code} \w", section)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), ("30m", 1_800), ("30min", 1_800), ("12h", 43_200), ("2d", 172_800)]
)
def test_lengths_of_time_have_units(text, seconds):
    assert seconds_of(text) == seconds
