"""Which lines of a log are told, and when its times are said not to be the run's."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.live.log_lines import LogLine, at_other_times, rendered, telling

START = 1_763_145_122_000  # 2025-11-14T18:32:02Z
END = START + 14 * 60_000
WAITING = [f"2025-11-14 18:40:{at:02} ERROR worker {at % 4} is not responding, waiting" for at in range(35)]


def test_the_cause_stands_before_what_it_led_to_and_repeats_are_folded():
    lines = [
        "epoch 5 loss 0.37",
        "ERROR worker 3: ValueError: NaN in feature 'temperature'",
        *WAITING,
        "Traceback (most recent call last):",
        "RuntimeError: DataLoader worker (pid(s) 40217) exited; possibly out of shared memory",
    ]

    assert telling(lines) == [
        "ERROR worker 3: ValueError: NaN in feature 'temperature'",
        "2025-11-14 18:40:00 ERROR worker 0 is not responding, waiting (x35, numbers aside)",
        "RuntimeError: DataLoader worker (pid(s) 40217) exited; possibly out of shared memory",
    ]


def test_of_many_errors_the_first_and_the_last_are_told_and_the_others_counted():
    lines = [f"ERROR {word}" for word in ("one", "two", "three", "three", "four", "five")]

    assert telling(lines) == ["ERROR one", "ERROR two", "… 2 more error lines", "ERROR four", "ERROR five"]
    assert telling(["Traceback (most recent call last):"]) == ["Traceback (most recent call last):"]
    assert telling(["all is well", "0 errors"]) == []


def test_a_log_is_named_at_its_first_line():
    lines = [LogLine("a.log", "ERROR 1"), LogLine("a.log", "ERROR 2"), LogLine("b.log", "ERROR 3")]

    assert rendered(lines) == ["a.log: ERROR 1", "ERROR 2", "b.log: ERROR 3"]


@pytest.mark.parametrize(
    "lines",
    [
        ["2025-11-14 18:35:00 INFO", "2025-11-14 18:45:00 ERROR"],
        ["2025-11-15 03:35:00 INFO", "2025-11-15 03:45:00 ERROR"],  # nine hours east
        ["[2025-11-14T18:35:00.123Z] x", "[2025-11-14T19:45:00+01:00] y"],
        ["epoch 1", "2025-11-14"],
        ["2025-13-41 18:35:00 no date"],
    ],
)
def test_times_that_may_be_those_of_the_run_are_not_doubted(lines):
    assert at_other_times(lines, START, END) is None
    assert at_other_times(WAITING, START, None) is None, "it has not ended"


def test_times_that_no_time_zone_explains_are_told():
    assert at_other_times(["2025-11-15 03:07:30 x", "2025-11-15 03:55:42 y"], START, END) == (
        "its times here, 2025-11-15 03:07:30 to 2025-11-15 03:55:42, are not within the run's, 2025-11-14T18:32:02Z to "
        "2025-11-14T18:46:02Z, whatever its time zone"
    ), "longer than the run"
    assert "2025-11-12 18:35:00" in (at_other_times(["2025-11-12 18:35:00 x"], START, END) or "")
    assert at_other_times(["2025-11-15T03:35:00Z x"], START, END) is not None, "its zone is written"
