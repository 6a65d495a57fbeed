"""A finished piece of work, recorded as a run by one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.upload import check_takes_files
from mlflow_mcp.client.marks import Marks, State, Target
from mlflow_mcp.client.run_log import RunLog, Value
from mlflow_mcp.client.writing import BY_TAG, author
from mlflow_mcp.tools.arguments import as_text, named_values, one_or_many, tags_of
from mlflow_mcp.tools.writes.outcome import Change, DryRun, carry_out
from mlflow_mcp.tools.writes.recording.changes import Changes
from mlflow_mcp.tools.writes.recording.files import input_files
from mlflow_mcp.tools.writes.recording.place import Place, experiment_change, parent_in, place_of
from mlflow_mcp.tools.writes.recording.plan import Plan, planned
from mlflow_mcp.tools.writes.recording.requested import Requested, Times, check, check_key
from mlflow_mcp.tools.writes.recording.shown import LoggedRun, logged, target
from mlflow_mcp.tools.writes.recording.values import metrics_of
from mlflow_mcp.tools.writes.tags import signed

_STRINGS = WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
_MOST_TEXTS = 1_000
_MOST_VALUES = 10_000
_MOST_FILES = 50


def _params_of(value: object) -> object:
    value = named_values(value, "param")
    # A launcher's config has numbers, booleans and nulls; MLflow keeps texts.
    return {key: part if isinstance(part, str) else str(part) for key, part in value.items()} if isinstance(value, dict) else value  # fmt: skip


def log_run(  # noqa: PLR0913  # what MLflow keeps of a run
    client: Client,
    experiment_id: Annotated[
        str, BeforeValidator(as_text), Field(min_length=1, description="Id or exact name of the experiment.")
    ],
    key: Annotated[
        str,
        BeforeValidator(as_text),
        Field(description="Your own, one for each piece of work in the experiment: 'eval-llama-1120'."),
    ],
    name: Annotated[str | None, Field(max_length=250, description="Default: the key.")] = None,
    params: Annotated[
        dict[str, str] | None,
        BeforeValidator(_params_of),
        BeforeValidator(one_or_many),
        _STRINGS,
        Field(max_length=_MOST_TEXTS, description="['lr=0.01']."),
    ] = None,
    metrics: Annotated[
        list[Value] | None,
        BeforeValidator(metrics_of),
        BeforeValidator(one_or_many),
        _STRINGS,
        Field(max_length=_MOST_VALUES, description="['acc=0.91', 'loss@100=0.3']: @step."),
    ] = None,
    tags: Annotated[
        dict[str, str] | None,
        BeforeValidator(tags_of),
        BeforeValidator(one_or_many),
        _STRINGS,
        Field(max_length=_MOST_TEXTS, description="['owner=ana']."),
    ] = None,
    files: Annotated[
        list[str] | None,
        BeforeValidator(one_or_many),
        Field(max_length=_MOST_FILES, description="Paths in the folder of downloads."),
    ] = None,
    status: Annotated[
        Literal["FINISHED", "FAILED", "KILLED", "RUNNING"], Field(description="How it ended.")
    ] = "FINISHED",
    parent_run_id: Annotated[str | None, BeforeValidator(as_text), Field(description="To nest it.")] = None,
    start_time: Annotated[str | None, Field(description="When the work began, ISO-8601.")] = None,
    end_time: Annotated[str | None, Field(description="When it ended.")] = None,
    create_experiment: Annotated[bool, Field(description="Make it if missing.")] = False,
    dry_run: DryRun = False,
) -> LoggedRun:
    """Record a finished piece of work as a run: params, metrics, tags, files, status. The same key again completes that run: it adds what
    is missing and overwrites nothing. get_run shows it."""
    key = check_key(client, key)
    given = input_files(client.settings, files or [])
    times = Times.of(start_time, end_time, status)
    requested = Requested(
        (name or "").strip() or None, status, times, None, params or {}, metrics or [], tags or {}, given
    )
    check(client, requested)
    place = place_of(client, experiment_id, key, may_be_new=create_experiment)
    requested = replace(requested, parent_id=parent_in(client, place, parent_run_id))
    if place.id and requested.files:
        check_takes_files(client, client.experiments.get(place.id))
    plan = planned(client, place.run, requested)
    log = RunLog(client, key, place.run)
    done = carry_out(client, target(place, requested, key), _changes(client, place, log, plan), None, dry_run=dry_run)
    return logged(client, place, log, plan, done)


def _changes(client: Client, place: Place, log: RunLog, plan: Plan) -> list[Change]:
    changes = Changes(client, log)
    if place.run is None:
        begun = changes.begin(place.name, lambda: place.experiment_id, plan.missing)
        made = [] if place.id else [experiment_change(client, place)]
        return [*made, begun, *changes.fill(plan, "RUNNING")]
    filled = changes.fill(plan, str(place.run.info.status))
    if not filled:
        return []
    on = Target("run", log.run_id, str(place.run.info.run_name or ""))
    by = place.run.data.tags.get(BY_TAG)
    return [*signed(Marks(client, on), on, State("", {BY_TAG: by} if by else {}), author(client)), *filled]
