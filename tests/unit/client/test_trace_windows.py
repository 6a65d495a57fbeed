"""Time windows as people write them."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.traces.window import Window, second_of, window_of
from mlflow_mcp.errors import Problem

DAY = 86_400_000
NOVEMBER_20 = 1_795_132_800_000


@pytest.mark.parametrize(
    ("text", "window"),
    [
        (None, Window()),
        ("  ", Window()),
        ("2026-11-20", Window(NOVEMBER_20, NOVEMBER_20 + DAY)),
        ("2026-11-19..2026-11-20", Window(NOVEMBER_20 - DAY, NOVEMBER_20 + DAY)),
        ("2026-11-20..", Window(NOVEMBER_20)),
        ("..2026-11-20T01:00", Window(None, NOVEMBER_20 + 3_600_000)),
        ("2026-11-20T00:00Z..2026-11-20T02:00+01:00", Window(NOVEMBER_20, NOVEMBER_20 + 3_600_000)),
    ],
)
def test_days_and_moments_are_in_utc_and_a_last_day_is_whole(text, window):
    assert window_of(text, 0) == window


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86_400),
        ("last 24 h", 86_400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("90min", 5_400),
        ("30 minutes", 1_800),
    ],
)
def test_a_length_of_time_ends_now(text, seconds):
    assert window_of(text, NOVEMBER_20 // 1000) == Window(NOVEMBER_20 - seconds * 1000)
    assert second_of(text) > 0


@pytest.mark.parametrize("text", ["999999w", "0h"])
def test_lengths_that_are_odd_do_no_harm(text):
    assert (window_of(text, 1_000_000).start or 0) >= 0


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "24", "2026-11-20T10:00", "2026-11-20..2026-11-19", "x..y"]
)
def test_other_texts_are_answered_with_the_forms_there_are(text):
    with pytest.raises(Problem, match="Write '24h'"):
        window_of(text, 0)
