"""Evaluation datasets as rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.run import own_tags
from mlflow_mcp.text import iso
from mlflow_mcp.tools.genai.found import Asked, Found, page_of

if TYPE_CHECKING:
    from mlflow.entities import EvaluationDataset


def datasets(client: Client, asked: Asked) -> Found:
    page = page_of(
        "datasets",
        asked,
        lambda most, token: client.genai.datasets.search(asked.filter, asked.experiment_ids, most, token),
        lambda dataset: str(dataset.name),
    )
    rows = [
        [
            each.name,
            each.dataset_id,
            records_of(each),
            each.digest,
            iso(each.created_time),
            iso(each.last_update_time),
            own_tags(each.tags or {}) or None,
        ]
        for each in page.rows
    ]
    columns = ["name", "id", "records", "digest", "created", "changed", "tags"]
    return Found(
        Table.of(columns, rows, keep=("name", "id")), page.more, page.cursor_after, client.genai.datasets.names
    )


def records_of(dataset: EvaluationDataset) -> int | None:
    """How many records the dataset's profile counts; None where it has none."""
    count = fields_of(dataset.profile).get("num_records")
    return count if isinstance(count, int) else None


def fields_of(text: str | None) -> dict[str, Any]:
    """The fields of a schema or a profile, which MLflow keeps as JSON."""
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
