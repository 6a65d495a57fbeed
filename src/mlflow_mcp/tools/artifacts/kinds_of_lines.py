"""Matching lines of logs counted by their wording, whatever the numbers in it: one pattern often finds events and settings. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from mlflow_mcp.answers.table import Table
from mlflow_mcp.text import short

# Of a file with more matching lines no wording is counted: it takes longer than the search.
MOST_COUNTED = 2_000
_SHOWN = 6
_LONGEST = 100
_MOST_RUNS = 4
# Statuses stay: 429 and 500 are other events.
_STATUS = r"(?P<status>(?i:HTTP\S*|status\w*|code)[\"'=: ]+[1-5]\d\d\b)"
_NUMBER = re.compile(_STATUS + r"|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d[\d:.,/TZ-]*(?=\D|$)")


def wording(line: str) -> str:
    """The line with each number, time and id as `#`, but for statuses of HTTP."""
    return short(_NUMBER.sub(lambda found: found["status"] or "#", line).strip(), _LONGEST)


def kinds_table(of_runs: Mapping[str, Sequence[Counter[str] | None]], total: int) -> Table | None:
    """How many of all matching lines have which wording, of a few runs in each of them; None where there is one wording, where
    not all lines were counted, and where hardly any two are alike."""
    found: dict[str, Counter[str]] = {}
    for run, of_files in of_runs.items():
        found[run] = Counter()
        for each in of_files:
            found[run].update(each or {})
    whole = sum(found.values(), Counter[str]())
    if whole.total() != total or not 1 < len(whole) <= total / 2:
        return None
    runs = list(found) if len(found) <= _MOST_RUNS else []
    shown = [line for line, _ in whole.most_common(_SHOWN)]
    rows: list[list[object]] = [[*(found[run][line] for run in runs), whole[line], line] for line in shown]
    if others := [line for line in whole if line not in shown]:
        of_others = [sum(found[run][line] for line in others) for run in runs]
        rows.append([*of_others, sum(whole[line] for line in others), f"{len(others)} other wordings"])
    columns = [*runs, "matches", "wording"]
    if len(runs) == 1:
        columns, rows = columns[1:], [row[1:] for row in rows]
    return Table.of(columns, rows, keep=columns)
