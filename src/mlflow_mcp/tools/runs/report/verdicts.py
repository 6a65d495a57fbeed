"""The sections of a report that judge: what makes the sides unequal, then whether each score differs by more than noise."""

from __future__ import annotations

from mlflow_mcp.answers.table import Table
from mlflow_mcp.tools.runs.comparing import alignment
from mlflow_mcp.tools.runs.comparing.verdicts import shown as verdict_rows
from mlflow_mcp.tools.runs.comparing.verdicts.judged import judge
from mlflow_mcp.tools.runs.comparing.verdicts.verbosity import verbosity_table
from mlflow_mcp.tools.runs.report.reading import Subject
from mlflow_mcp.tools.runs.report.sections import Section

VERDICTS = "Verdicts"


def verdict_sections(subject: Subject) -> list[Section]:
    """What compare_runs says of the same sides."""
    sides = subject.sides
    if len(sides) < 2 or not subject.are_alike:
        return []
    base = sides[0]
    _, rows = alignment.metric_rows(sides, base, None)
    known = [row for row in rows if row[1] not in subject.without_dataset]
    judged = judge(verdict_rows.scores_of(known, sides, named=False), sides, base, subject.inequality, None)
    shown = verdict_rows.shown_of(judged)
    unequal = subject.inequality.table(sides)
    return [
        Section("What makes them unequal", (), _whole(unequal)),
        Section(
            VERDICTS,
            tuple(verdict_rows.sentences(shown, judged, fold=False)),
            _whole(verdict_rows.verdict_table(shown, sides, base, fold=False)),
        ),
        Section("How much was written", (), _whole(verbosity_table(sides, base))),
    ]


def _whole(table: Table | None) -> Table | None:
    """The table with what all rows share in a column, too: people look for it there."""
    if table is None or not table.common:
        return table
    common = table.common
    return Table(columns=[*table.columns, *common], rows=[[*row, *common.values()] for row in table.rows])
