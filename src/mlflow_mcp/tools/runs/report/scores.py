"""The sections of a report that show scores: what is compared, the scores, the other metrics, what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow_mcp.entities.metrics import is_minor
from mlflow_mcp.text import iso, number, plural
from mlflow_mcp.tools.runs.comparing import alignment
from mlflow_mcp.tools.runs.comparing.differences import find_differences, told_rows
from mlflow_mcp.tools.runs.comparing.primary import against_names, how_judged
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.report.reading import Subject
from mlflow_mcp.tools.runs.report.sections import Section, table_of

_MOST_WITH_DELTAS = 4
_NAMED = 6


def sides_section(subject: Subject) -> Section:
    """What is compared, and what speaks against comparing it."""
    rows = []
    for side in subject.sides:
        runs = list(side.runs.values())
        counts = {side.samples[task].number if task in side.samples else None for task in side.runs}
        rows.append(
            [
                side.label,
                side.name,
                ", ".join(sorted({run.experiment for run in runs})),
                side.model,
                len({run.run_id for run in runs}),
                counts.pop() if len(counts) == 1 else None,
                ", ".join(sorted({run.status for run in runs})),
                iso(max(run.ended for run in runs)),
            ]
        )
    ended = "exported" if all(side.is_export for side in subject.sides) else "ended"
    columns = ["side", "name", "experiment", "model", "runs", "samples", "status", ended]
    title = "What is compared" if len(rows) > 1 else "What it is about"
    return Section(title, tuple(subject.doubts), table_of(columns, rows))


def score_sections(subject: Subject, *, are_judged: bool = False) -> list[Section]:
    """The scores with their errors; and, folded, counts, costs and what the runs logged of their machines."""
    sides = subject.sides
    columns, rows = _rows(sides)
    if are_judged:  # the better value by its name may be within noise
        rows = [[*row[:-1], None] for row in rows]
    rows = [row if subject.has_best(row[1]) else _values_only(row, len(sides)) for row in rows]
    widened, with_errors, of_errors = alignment.with_errors(sides, columns, rows)
    notes = _notes(sides, with_errors)
    scores = [row for row in with_errors if not is_minor(row[1])]
    others = [row for row in with_errors if is_minor(row[1])]
    # Of runs that logged nothing else these are the results.
    first, second = (scores, others) if scores else (others, [])
    return [
        Section(
            "Scores" if all(side.is_export for side in sides) else "Metrics",
            (*notes, *of_errors) if first else ("No metric was logged.",),
            table_of(widened, first),
        ),
        Section("Errors, counts and costs", (), table_of(widened, second), is_folded=True),
    ]


def _values_only(row: Sequence[Any], sides: int) -> list[Any]:
    """The row without deltas and a best."""
    return [value if at < 2 + sides else None for at, value in enumerate(row)]


def _rows(sides: Sequence[Side]) -> tuple[list[str], list[list[Any]]]:
    """A row for each task and metric: of one side all, of several what two share at least."""
    if len(sides) == 1:
        side = sides[0]
        names = {
            task: sorted(each for each in side.metrics(task) if not each.startswith("system/")) for task in side.runs
        }
        rows = [
            [task or None, name, number(side.metrics(task)[name]), None]
            for task in sorted(names)
            for name in names[task]
        ]
        return ["task", "metric", side.label, "best"], rows
    columns, rows = alignment.metric_rows(sides, sides[0], None)
    # Of two sides deltas and relative ones, of a few more deltas, of many the values: nobody reads forty columns.
    values, last = 2 + len(sides), len(columns) - 1
    every = 1 if len(sides) == 2 else 2
    deltas = range(values, last, every) if len(sides) <= _MOST_WITH_DELTAS else ()
    kept = [*range(values), *deltas, last]
    return [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _notes(sides: Sequence[Side], rows: Sequence[Sequence[Any]]) -> list[str]:
    notes = []
    if any(row[-1] for row in rows):
        notes.append(how_judged(rows, sides))
    notes += against_names(rows, sides)
    if len(sides) > 1:
        notes += [_only(label, names) for label, names in alignment.only_on_one_side(sides, None).items()]
    return notes


def _only(label: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"Only {label} has {', '.join(names[:_NAMED])}{more}."


def differences_section(sides: Sequence[Side]) -> Section:
    """The params, tags, datasets and commits that differ between the sides."""
    if len(sides) < 2:
        return Section("What differs")
    found = find_differences(sides)
    labels = [side.label for side in sides]
    rows, sentences = told_rows(found.rows, sides, sides[0].label, lambda name, values: False)
    same = [f"Equal on all sides: {plural(found.equal, 'param or tag', 'params and tags')}."] if found.equal else []
    without = (
        [f"{', '.join(found.without_config)} logged no config: its params are not compared."]
        if found.without_config
        else []
    )
    baseline = f"={labels[0]}"
    as_first = [f"{baseline}: as on side {labels[0]}."] if any(baseline in row for row in rows) else []
    return Section(
        "What differs", (*sentences, *without, *same, *as_first), table_of(["name", *labels], rows, keep=labels)
    )
