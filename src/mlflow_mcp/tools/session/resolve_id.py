"""Find out what an id stands for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals, like_prefix
from mlflow_mcp.client.ids import SHORTEST_PREFIX, experiment_in_url, is_id_prefix, plain_id, run_in_url
from mlflow_mcp.entities.launcher import invocation_id_of
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, TraceNotFound, UnsupportedByServer
from mlflow_mcp.text import every, iso
from mlflow_mcp.tools.arguments import AnyId


class Meaning(BaseModel):
    """One thing an id stands for. `next` is the call that reads it."""

    kind: Annotated[str, Field(description="invocation, job, run, experiment, logged model, trace.")]
    id: str
    name: str | None = None
    experiment: str | None = None
    runs: int | None = None
    time: str | None = None
    matched: Annotated[str | None, Field(description="By which field, when not by the id itself.")] = None
    next: str


class Meanings(Answer):
    """Everything that an id stands for on this server."""

    id: str
    found: list[Meaning]


def resolve_id(client: Client, id: AnyId) -> Meanings:
    """Find out what an id is - invocation, job, run, experiment, logged model or trace - and where it lives, from the full
    id, its first 6+ characters, a name or an MLflow URL. Use it when a user gives an id without saying what it is and
    get_invocation does not know it; each finding names the call that reads it."""
    text = run_in_url(id.strip()) or experiment_in_url(id.strip()) or plain_id(id)
    names = client.experiments.reread()
    answer = Meanings(id=text, found=_experiments(text, names))
    if "/" in text and "://" in text:
        raise Problem(f"No run or experiment can be read out of '{text}'.", "Pass the id alone.")
    ids = list(names)
    jobs: list[Callable[[], list[Meaning]]] = [
        lambda: _runs(client, ids, text),
        lambda: _logged_models(client, text),
        lambda: _traces(client, text),
    ]
    unsupported: list[UnsupportedByServer] = []
    for found in client.run_concurrently(*(partial(_if_supported, job) for job in jobs)):
        if isinstance(found, UnsupportedByServer):
            unsupported.append(found)
        else:
            answer.found += found
    if not answer.found and unsupported:
        raise unsupported[0]
    answer.note(*map(str, unsupported))
    if not answer.found:
        raise NotFound(
            f"'{text}' is no id, prefix or name of an invocation, job, run, experiment, logged model or trace "
            f"in {every(len(names), 'experiment', 'any of the')}.",
            _next_try(text),
        )
    if len(answer.found) > 20:
        answer.note(f"{len(answer.found) - 20} more things are called so; give more of the id.")
        answer.found = answer.found[:20]
    return answer


def _if_supported(search: Callable[[], list[Meaning]]) -> list[Meaning] | UnsupportedByServer:
    """What `search` finds, or that the server is too old for it: the other searches still count."""
    try:
        return search()
    except UnsupportedByServer as error:
        return error


def _next_try(text: str) -> str:
    if len(text) < SHORTEST_PREFIX:
        return f"Give at least {SHORTEST_PREFIX} characters of an id."
    return "Evaluations that are pending, running or killed are never exported. query_runs searches by any other field."


def _experiments(text: str, names: dict[str, str]) -> list[Meaning]:
    return [
        Meaning(kind="experiment", id=key, name=name, next=f"query_runs(experiment_id='{key}')")
        for key, name in names.items()
        if text in (key, name)
    ]


def _runs(client: Client, ids: list[str], text: str) -> list[Meaning]:
    """The runs by id, name and job id, and the invocations by tag and by param, that `text` means."""
    is_prefix = is_id_prefix(text)
    queries = {
        "run_id": like_prefix("attributes.run_id", text) if is_prefix else equals("attributes", "run_id", text),
        "run name": equals("attributes", "run_name", text),
        "job_id": equals("tags", "job_id", text),
        "tag": like_prefix("tags.invocation_id", text) if is_prefix else equals("tags", "invocation_id", text),
        "param": like_prefix("params.invocation_id", text) if is_prefix else equals("params", "invocation_id", text),
    }
    found = client.run_concurrently(*(lambda query=query: client.runs.find(ids, query) for query in queries.values()))
    by_way = dict(zip(queries, found))
    return _invocations(client, by_way["tag"], by_way["param"]) + [
        _run(client, run, way) for way in ("run_id", "run name", "job_id") for run in by_way[way]
    ]


def _run(client: Client, run: Any, way: str) -> Meaning:
    names = client.experiments.names()
    return Meaning(
        kind="job" if way == "job_id" else "run",
        id=run.info.run_id,
        name=run.info.run_name,
        experiment=names.get(run.info.experiment_id, run.info.experiment_id),
        time=iso(run.info.start_time),
        matched=None if way == "run_id" else way,
        next=f"get_run(run_id='{run.info.run_id}')",
    )


def _invocations(client: Client, by_tag: list[Any], by_param: list[Any]) -> list[Meaning]:
    names = client.experiments.names()
    tagged = {run.info.run_id for run in by_tag}
    grouped: dict[str, dict[str, Any]] = {}
    for run in [*by_tag, *by_param]:
        grouped.setdefault(invocation_id_of(run), {})[run.info.run_id] = run
    return [
        Meaning(
            kind="invocation",
            id=key,
            experiment=", ".join(
                sorted({names.get(r.info.experiment_id, r.info.experiment_id) for r in runs.values()})
            ),
            runs=len(runs),
            time=iso(min(run.info.start_time for run in runs.values())),
            matched=None if tagged & set(runs) else "param invocation_id, not a tag",
            next=f"get_invocation(invocation_id='{key}')",
        )
        for key, runs in grouped.items()
    ]


def _logged_models(client: Client, text: str) -> list[Meaning]:
    if not text.startswith("m-"):
        return []
    try:
        model = client.models.logged(text)
    except ModelNotFound:
        return []
    return [
        Meaning(
            kind="logged model",
            id=model.model_id,
            name=model.name,
            experiment=client.experiments.name_of(model.experiment_id),
            time=iso(model.creation_timestamp),
            next=f"get_run(run_id='{model.source_run_id}')" if model.source_run_id else "query_runs",
        )
    ]


def _traces(client: Client, text: str) -> list[Meaning]:
    if not text.startswith("tr-"):
        return []
    try:
        trace = client.traces.info(text)
    except TraceNotFound:
        return []
    return [
        Meaning(
            kind="trace",
            id=text,
            experiment=client.experiments.name_of(str(trace.experiment_id)),
            time=iso(trace.timestamp_ms),
            next="Reading traces is not part of this server yet; MLflow's UI shows it.",
        )
    ]
