"""Find prompts, evaluation datasets and scorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.text import hint, listed
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit
from mlflow_mcp.tools.genai.datasets import datasets
from mlflow_mcp.tools.genai.found import Asked, Found
from mlflow_mcp.tools.genai.prompts import prompts
from mlflow_mcp.tools.genai.scorers import scorers

_KINDS: dict[str, Callable[[Client, Asked], Found]] = {"prompts": prompts, "datasets": datasets, "scorers": scorers}

GenaiKind = Annotated[Literal["prompts", "datasets", "scorers"], Field(description="What to find.")]
GenaiQuery = Annotated[str, Field(description="Part of the name, or a filter: \"tags.team = 'nlp'\".")]


class GenaiRows(Page):
    """Prompts, datasets or scorers, one a row. Of a scorer found alone: its versions, with whole instructions."""

    partial: str | None = None
    searched: Annotated[str | None, Field(description="When nothing matches.")] = None
    found: Table


def search_genai(
    client: Client,
    kind: GenaiKind,
    query: GenaiQuery = "",
    experiment_id: ExperimentId = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> GenaiRows:
    """Find prompts, evaluation datasets, or scorers (LLM judges) with their instructions and versions. get_prompt and get_dataset
    read one."""
    asked = Asked(query.strip(), experiment_ids(client, experiment_id), limit, cursor)
    found = _KINDS[kind](client, asked)
    answer = GenaiRows(partial=found.partial, found=found.table)
    answer.continue_with(found.cursor_after, len(found.table.rows), found.more)
    if not found.table.rows and not found.more:
        answer.searched = _searched(client, kind, asked)
        answer.note(_nearest(kind, asked, found))
    return answer


def _searched(client: Client, kind: str, asked: Asked) -> str:
    ids = asked.experiment_ids
    where = f" of {listed([client.experiments.name_of(each) for each in ids], 3)}" if ids else ""
    which = (
        (f" where {asked.query}" if asked.is_filter else f" with '{asked.query}' in the name") if asked.query else ""
    )
    return f"{kind}{where}{which}"


def _nearest(kind: str, asked: Asked, found: Found) -> str:
    names = list(dict.fromkeys(found.names()))
    if not names:
        return f"There are no {kind} here at all."
    return (
        f"There are others: {listed(sorted(names), 8)}. {'' if asked.is_filter else hint(asked.query, names)}".strip()
    )
