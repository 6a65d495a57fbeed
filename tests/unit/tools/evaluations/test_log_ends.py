"""What is quoted of the ends of logs."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.evaluations.log_ends import LogEnd, ends_told

WORKS = "[I] HTTP/1.1 200 OK latency=3.3s\n"


@pytest.mark.parametrize(
    "line",
    [
        "slurmstepd: error: *** JOB 4815162 ON node-17 CANCELLED AT 2026-03-03T12:21:00 DUE TO TIME LIMIT ***",
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=4815162.batch.",
        "Killed",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "ValueError: unknown task",
        "Segmentation fault (core dumped)",
    ],
)
def test_a_line_that_says_what_broke_off_is_quoted(line):
    assert ends_told([LogEnd.of("client-1.log", f"{WORKS}{line}\n{WORKS}")]) == [f"client-1.log '{line}'"]


def test_of_several_attempts_the_last_lines_are_quoted():
    ends = [LogEnd.of("client-1.log", f"{WORKS}Killed\n"), LogEnd.of("client-2.log", f"{WORKS}Scoring finished\n")]

    assert ends_told(ends) == ["client-1.log 'Killed'", "client-2.log 'Scoring finished'"]


def test_nothing_is_quoted_of_one_attempt_that_shows_nothing_unusual():
    ends = [LogEnd.of("client-1.log", WORKS), LogEnd.of("server-0-1-0.log", WORKS), LogEnd.of("empty.log", "\n")]

    assert ends_told(ends) == []


def test_what_happened_long_before_the_end_did_not_end_it():
    assert ends_told([LogEnd.of("client-1.log", f"ValueError: retried\n{WORKS * 8}")]) == []


@pytest.mark.parametrize(("end", "ends_line"), [(WORKS, True), (WORKS[:-1], False), ("50%\r", True)])
def test_whether_the_last_line_has_an_end(end, ends_line):
    assert LogEnd.of("client-1.log", end).ends_line == ends_line
