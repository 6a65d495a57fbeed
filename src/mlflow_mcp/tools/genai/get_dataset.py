"""One evaluation dataset with its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_position, encode_cursor
from mlflow_mcp.entities.run import own_tags
from mlflow_mcp.text import iso
from mlflow_mcp.tools.arguments import Cursor, Limit
from mlflow_mcp.tools.genai.datasets import fields_of, records_of

if TYPE_CHECKING:
    from mlflow.entities import DatasetRecord

DatasetName = Annotated[str, Field(min_length=1, description="Name, or id ('d-…').")]
# Where a record came from: the fields of MLflow's kinds of source, the telling one first.
_ORIGINS = ("trace_id", "user_name", "doc_uri", "document_id", "source_id")


class EvaluationRecords(Page):
    """A dataset with a page of its records, oldest first; columns are fields of inputs, expectations and outputs."""

    name: str
    id: str
    digest: str | None = None
    experiments: list[str] | None = None
    created: str | None = None
    changed: str | None = None
    user: str | None = None
    total: Annotated[int | None, Field(description="Records in all, as the dataset's profile counts them.")] = None
    tags: dict[str, Any] | None = None
    fields: Annotated[dict[str, Any] | None, Field(description="Types by name, from the schema.")] = None
    records: Table


def get_dataset(client: Client, dataset: DatasetName, limit: Limit = 20, cursor: Cursor = None) -> EvaluationRecords:
    """Read an evaluation dataset that search_genai finds: schema, tags, records with inputs, expectations and source."""
    token, skip = decode_position(cursor, dataset) if cursor else (None, 0)
    found = client.genai.datasets.find(dataset.strip())
    read: list[Any] = client.run_concurrently(
        lambda: client.genai.datasets.records(found.dataset_id, limit + skip, token),
        lambda: client.genai.datasets.experiments_of(found.dataset_id),
    )
    (page, following), experiment_ids = read
    shown: list[DatasetRecord] = page[skip:]
    schema = {kind: names for kind, names in fields_of(found.schema).items() if names and isinstance(names, dict)}
    answer = EvaluationRecords(
        name=found.name,
        id=found.dataset_id,
        digest=found.digest,
        experiments=[client.experiments.name_of(each) for each in experiment_ids] or None,
        created=iso(found.created_time),
        changed=iso(found.last_update_time),
        user=found.created_by,
        total=len(page) if not cursor and following is None else records_of(found),
        tags=own_tags(found.tags or {}) or None,
        fields=schema or None,
        records=_table(shown),
    )
    answer.continue_with(
        lambda count: encode_cursor([token, skip + count] if count < len(shown) else [following, 0], dataset),
        len(shown),
        following is not None,
    )
    return answer


def _table(records: Sequence[DatasetRecord]) -> Table:
    parts = [_parts(each) for each in records]
    columns = list(dict.fromkeys(name for each in parts for name in each))
    rows = [
        [
            each.dataset_record_id,
            *(values.get(name) for name in columns),
            _source(each),
            own_tags(each.tags or {}) or None,
        ]
        for each, values in zip(records, parts)
    ]
    return Table.of(["record_id", *columns, "source", "tags"], rows, keep=("record_id", *columns))


def _parts(record: DatasetRecord) -> dict[str, Any]:
    """`{"inputs.question": …, "expectations.answer": …}`."""
    found: dict[str, Any] = {}
    for kind in ("inputs", "expectations", "outputs"):
        values = getattr(record, kind, None)
        if isinstance(values, Mapping):
            found |= {f"{kind}.{name}": value for name, value in values.items()}
        elif values is not None:
            found[kind] = values
    return found


def _source(record: DatasetRecord) -> str | None:
    if record.source is None:
        return record.source_type or None
    data = record.source.source_data if isinstance(record.source.source_data, dict) else {}
    origin = next((str(data[name]) for name in _ORIGINS if data.get(name)), "")
    return f"{str(record.source_type or '').lower()} {origin}".strip() or None
