"""Scorers as rows: the latest version of each; every version where only one scorer is found."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_offset, encode_cursor
from mlflow_mcp.client.genai.scorers import MOST_EXPERIMENTS
from mlflow_mcp.entities.scorer import ScorerView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso
from mlflow_mcp.tools.genai.found import Asked, Found
from mlflow_mcp.tools.traces.shown import text_of

# Characters of the instructions of one scorer among several.
_EXCERPT = 400


def scorers(client: Client, asked: Asked) -> Found:
    if asked.is_filter:
        raise Problem(
            "Scorers are found by a part of their name; MLflow has no filter for them.", "Write query='safety'."
        )
    every = list(client.experiments.names()) if asked.experiment_ids is None else asked.experiment_ids
    all_found = client.genai.scorers.latest(every[:MOST_EXPERIMENTS])
    found = [each for each in all_found if asked.takes(each.name)]
    is_one = len(found) == 1
    if is_one:
        found = client.genai.scorers.versions(found[0]) or found
    arguments = ("scorers", asked.query, asked.experiment_ids)
    start = decode_offset(asked.cursor, *arguments) if asked.cursor else 0
    shown = found[max(0, start) : start + asked.limit]
    return Found(
        _table(client, shown, whole=is_one),
        start + len(shown) < len(found),
        lambda count: encode_cursor(start + count, *arguments),
        lambda: [each.name for each in all_found],
        None
        if len(every) <= MOST_EXPERIMENTS
        else f"Only {MOST_EXPERIMENTS} of {len(every):,} experiments were searched, those changed last: name experiment_id.",
    )


def _table(client: Client, found: Sequence[ScorerView], *, whole: bool) -> Table:
    rows = [
        [
            each.name,
            each.version,
            client.experiments.name_of(each.experiment_id),
            each.kind,
            each.model,
            each.judges_by if whole else text_of(client, each.judges_by, _EXCERPT),
            text_of(client, each.description, _EXCERPT),
            iso(each.created),
        ]
        for each in found
    ]
    columns = ["name", "version", "experiment", "kind", "model", "judges_by", "description", "created"]
    return Table.of(columns, rows, keep=("name", "version"))
