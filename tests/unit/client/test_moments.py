"""Times in filters: dates, moments and lengths of time become the milliseconds that MLflow compares with."""

from __future__ import annotations

import re
import time

import pytest

from mlflow_mcp.client.moments import with_milliseconds
from mlflow_mcp.errors import Problem

TENTH = 1_791_590_400_000  # 2026-10-10T00:00:00Z
DAY = 86_400_000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("attributes.start_time >= '2026-10-10'", f"attributes.start_time >= {TENTH}"),
        ("start_time < '2026-10-10'", f"start_time < {TENTH}"),
        ("start_time > '2026-10-10'", f"start_time > {TENTH}"),
        ("attr.end_time <= '2026-10-10'", f"attr.end_time < {TENTH + DAY}"),
        ("created = '2026-10-10'", f"created >= {TENTH} AND created < {TENTH + DAY}"),
        (
            "start_time = '2026-10-10T00:00:05Z'",
            f"start_time >= {TENTH + 5_000} AND start_time < {TENTH + 6_000}",
        ),
        ("start_time>='2026-10-10T02:00:00+02:00'", f"start_time >= {TENTH}"),
        ("trace.timestamp_ms >= '2026-10-10'", f"trace.timestamp_ms >= {TENTH}"),
        ("trace.timestamp < '2026-10-10'", f"trace.timestamp < {TENTH}"),
        (f"start_time > '{TENTH}'", f"start_time > {TENTH}"),
        (f"start_time != '{TENTH}'", f"start_time != {TENTH}"),
        ("start_time>'2026-10-10'AND status='FAILED'", f"start_time > {TENTH} AND status='FAILED'"),
        (
            "start_time >= '2026-10-10' AND tags.x = 'y' AND end_time < '2026-10-11'",
            f"start_time >= {TENTH} AND tags.x = 'y' AND end_time < {TENTH + DAY}",
        ),
    ],
)
def test_a_time_becomes_milliseconds(query, expected):
    assert with_milliseconds(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        f"attributes.start_time >= {TENTH}",
        "params.start_time = '2026-10-10'",
        "tags.`start_time` = '2026-10-10'",
        "tags.note = 'start_time > \"2026-10-10\"'",
        "params.created LIKE '2026%'",
        "metrics.restart_time > 3",
        "start_time > 0",
        "",
    ],
)
def test_what_compares_no_time_of_mlflow_stays_as_it_is(query):
    assert with_milliseconds(query) == query


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("7d", 604_800), ("24h", 86_400), ("last 2 weeks", 1_209_600), ("90 min ago", 5_400), ("0d", 0)],
)
def test_a_length_of_time_is_counted_back_from_now(written, seconds):
    found = re.fullmatch(r"start_time > (\d+)", with_milliseconds(f"start_time > '{written}'"))

    assert found
    assert abs(int(found[1]) / 1000 - (time.time() - seconds)) < 5


def test_a_text_that_is_no_time_is_refused_with_what_can_be_written():
    with pytest.raises(Problem, match=r"'last monday' is no time .*'2026-11-20'.*'7d'"):
        with_milliseconds("start_time > 'last monday'")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("> '20261120'", "'20261120' stands for milliseconds since 1970, and so for 1970-01-01T05:37:41Z"),
        ("> 20261120", "'20261120' stands for milliseconds since 1970"),
        ("> '2026'", "'2026' stands for milliseconds since 1970"),
        ("> '1795300000'", "'1795300000' stands for milliseconds since 1970"),
        ("> '2026-W47'", "'2026-W47' is no time"),
        (f"> '{2**63}'", f"'{2**63}' is no time"),
        ("> '" + "9" * 5_000 + "'", "is no time"),
        ("!= '2026-10-10'", "MLflow cannot leave out a time"),
        ("= '7d'", "'7d' is one millisecond, so long ago"),
        ("!= '7d'", "'7d' is one millisecond, so long ago"),
    ],
)
def test_what_would_be_read_as_another_time_is_refused(condition, told):
    with pytest.raises(Problem, match=told):
        with_milliseconds(f"start_time {condition}")
