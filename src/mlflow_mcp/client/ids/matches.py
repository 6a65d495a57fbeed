"""The one search that every id goes through: which runs carry it, and as what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from mlflow_mcp.client.filters import equals, like_ends, like_prefix
from mlflow_mcp.client.ids.parse import is_id_prefix, is_whole_invocation_id, job_id

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

Way = Literal["run id", "run name", "job id", "invocation id", "invocation id param"]

RUN_WAYS: tuple[Way, ...] = ("run id", "job id", "run name")
# Exports write the invocation id as a tag and as a param. Some runs of an invocation can lack the tag: both are searched.
INVOCATION_WAYS: tuple[Way, ...] = ("invocation id", "invocation id param")


@dataclass(frozen=True)
class Match:
    """A run that an id stands for, and what the id is to it."""

    way: Way
    run: Run


def find_matches(
    client: Client, experiment_ids: Sequence[str], text: str, ways: Sequence[Way], *, deleted: bool = False
) -> list[Match]:
    """The active (or deleted) runs of these experiments that `text` names in any of these ways, in the order of the ways.

    One search a way, all at the same time; prefixes of 6 or more digits count for run ids and invocation ids.
    """
    queries = {way: query for way in ways if (query := _query(way, text))}
    found = client.run_concurrently(
        *(partial(client.runs.find, experiment_ids, query, deleted=deleted) for query in queries.values())
    )
    return [Match(way, run) for way, runs in zip(queries, found) for run in runs]


def distinct_runs(matches: Iterable[Match]) -> list[Run]:
    """The runs of the matches, each once, in the order of the matches."""
    return list({match.run.info.run_id: match.run for match in matches}.values())


def _query(way: Way, text: str) -> str | None:
    """The filter for one way; None where `text` cannot be meant so."""
    if way == "run id":
        return like_prefix("attributes.run_id", text) if is_id_prefix(text) else None
    if way == "run name":
        return equals("attributes", "run_name", text)
    if way == "job id":
        job = job_id(text)
        if job is None or is_whole_invocation_id(job.invocation_id):
            return equals("tags", "job_id", text)
        return like_ends("tags.job_id", job.invocation_id, f".{job.number}")
    kind = "params" if way == "invocation id param" else "tags"
    if is_whole_invocation_id(text):
        return equals(kind, "invocation_id", text)
    return like_prefix(f"{kind}.invocation_id", text)
