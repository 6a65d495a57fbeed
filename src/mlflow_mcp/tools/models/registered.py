"""The registry's models: a row for the latest version of each and for every version that has an alias."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_cursor, encode_cursor
from mlflow_mcp.client.models.query import Dataset
from mlflow_mcp.entities.run import own_tags
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import hint, iso, plural, short
from mlflow_mcp.tools.models.versions import VersionScores, scores_of_versions

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

_LONGEST_TEXT = 200


@dataclass(frozen=True)
class RegisteredPage:
    """A table of versions, and where it goes on after any number of its rows."""

    table: Table
    more: bool
    cursor_after: Callable[[int], str]
    notes: list[str]


class _Position(NamedTuple):
    """MLflow's page token, the models to pass over on that page, and the rows to pass over of the first model."""

    token: str | None
    models: int = 0
    rows: int = 0


def registered_models(
    client: Client, query: str, order_by: Sequence[str], dataset: Dataset | None, limit: int, cursor: str | None
) -> RegisteredPage:
    """The next `limit` registered models, with the headline metrics of the versions shown."""
    arguments = ("registered", query, list(order_by), dataset)
    start = _position(decode_cursor(cursor, *arguments)) if cursor else _Position(None)
    page, following = client.models.registry.search(query.strip(), order_by, limit + start.models, start.token)
    models = page[start.models :]
    shown = client.run_concurrently(*(partial(_versions, client, model) for model in models))
    scores = scores_of_versions(client, [version for found in shown for version in found], dataset)
    rows: list[list[Any]] = []
    positions: list[_Position] = []
    for place, (model, versions) in enumerate(zip(models, shown)):
        of_model = _rows(client, model, versions, scores)
        skipped = 0 if place else start.rows
        rows += of_model[skipped:]
        positions += [_Position(start.token, start.models + place, at) for at in range(skipped, len(of_model))]
    columns = ["name", "version", "is", "status", "created", "metrics", "metrics_of", "tags", "description"]
    table = Table.of([*columns, "model_tags", "model_description"], rows, keep=("name", "version", "is"))

    def cursor_after(count: int) -> str:
        return encode_cursor(positions[count] if count < len(positions) else _Position(following), *arguments)

    return RegisteredPage(table, following is not None, cursor_after, [] if models else _nothing(client, query))


def _versions(client: Client, model: RegisteredModel) -> list[ModelVersion]:
    """The latest version and those with an alias, newest first."""
    newest = {int(version.version): version for version in model.latest_versions or ()}
    latest = max(newest, default=None)
    aliased = {int(number) for number in (model.aliases or {}).values()} - set(newest)
    more = client.run_concurrently(
        *(partial(client.models.registry.version, model.name, str(number)) for number in sorted(aliased))
    )
    found = {**newest, **{int(version.version): version for version in more}}
    aliased = {int(number) for number in (model.aliases or {}).values()}
    return [found[number] for number in sorted(found, reverse=True) if number == latest or number in aliased]


def _rows(
    client: Client,
    model: RegisteredModel,
    versions: Sequence[ModelVersion],
    scores: Mapping[tuple[str, str], VersionScores],
) -> list[list[Any]]:
    of_model = [own_tags(model.tags or {}) or None, _shortened(client, model.description)]
    if not versions:
        return [[model.name, None, None, None, iso(model.creation_timestamp), None, None, None, None, *of_model]]
    latest = max(int(version.version) for version in versions)
    rows = []
    for version in versions:
        number = int(version.version)
        aliases = [f"@{alias}" for alias, each in (model.aliases or {}).items() if int(each) == number]
        score = scores.get((version.name, str(version.version)), VersionScores())
        rows.append(
            [
                model.name,
                number,
                ", ".join(["latest"] * (number == latest) + sorted(aliases)),
                version.status,
                iso(version.creation_timestamp),
                score.metrics or None,
                score.evidence,
                own_tags(version.tags or {}) or None,
                _shortened(client, version.description),
                *(of_model if version is versions[0] else (None, None)),
            ]
        )
    return rows


def _shortened(client: Client, text: str | None) -> str | None:
    return short(client.masked(text), _LONGEST_TEXT) if text else None


def _nothing(client: Client, query: str) -> list[str]:
    names = client.models.registry.names()
    if not names:
        return ["The registry holds no models; without registered=true logged models are searched."]
    searched_name = query.partition("'")[2].partition("'")[0].strip("%") or query
    has = f"No registered model matches; the registry has {plural(len(names), 'model')}."
    return [f"{has} {hint(searched_name, names)}".strip()]


def _position(content: Any) -> _Position:
    try:
        token, models, rows = content
        return _Position(None if token is None else str(token), max(int(models), 0), max(int(rows), 0))
    except (ValueError, TypeError):
        raise Problem(
            "This cursor is not one that this server gave.", "Leave cursor out to start at the first page."
        ) from None
