"""Texts of a trace in an answer: masked before they are cut, since a part of a secret is not recognised as one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.trace import Judgement, TraceView, words_of

# Assessments named in a row of a table.
MOST_IN_A_ROW = 4


def text_of(client: Client, text: str | None, limit: int) -> str | None:
    """The text on one line, cut."""
    if not text:
        return None
    line = " ".join(text.split())
    if client.settings.mask_secrets:
        line = mask_text(line)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def words(client: Client, preview: str | None, limit: int) -> str | None:
    """What a person would read in a request or response, cut."""
    masked = mask_text(preview) if preview and client.settings.mask_secrets else preview
    return text_of(client, words_of(masked), limit)


def judgements_in_a_row(client: Client, trace: TraceView) -> str | None:
    """`correctness=no, tone=3, correctness=yes (human)`; what was overridden is left out."""
    valid = [each.short for each in trace.judgements if each.is_valid]
    more = [f"and {len(valid) - MOST_IN_A_ROW} more"] if len(valid) > MOST_IN_A_ROW else []
    return text_of(client, ", ".join([*valid[:MOST_IN_A_ROW], *more]), 120)


def judgement_table(client: Client, judgements: Sequence[Judgement]) -> Table | None:
    """All assessments with their sources and reasons."""
    columns = ["name", "value", "source", "kind", "rationale", "error", "overridden", "span_id"]
    rows = [
        [
            each.name,
            value_of(each.value),
            each.source,
            None if each.kind == "feedback" else each.kind,
            text_of(client, each.rationale, 290),
            text_of(client, each.error, 290),
            None if each.is_valid else True,
            each.span_id,
        ]
        for each in judgements
    ]
    return Table.of(columns, rows, keep=("name",)) if rows else None


def value_of(value: Any) -> Any:
    """A value as a cell: objects and lists as JSON."""
    return value if isinstance(value, (str, int, float, bool, type(None))) else json.dumps(value, ensure_ascii=False)
