"""What a text means that names something to be changed: exactly one thing, or a refusal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.deleted import deleted_runs, restore_command
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.matches import RUN_WAYS
from mlflow_mcp.client.ids.models import find_model
from mlflow_mcp.client.ids.parse import (
    experiment_in_url,
    is_model,
    is_model_prefix,
    is_run_id,
    job_id,
    model_in_url,
    model_ref,
    run_id_or_name,
    run_in_url,
)
from mlflow_mcp.client.ids.runs import groups_of, run_id_of
from mlflow_mcp.client.ids.traces import one_trace, trace_in_url, traces_called, unknown_trace
from mlflow_mcp.client.marks import Target
from mlflow_mcp.errors import NotFound, Problem, RunNotFound, UnsupportedByServer
from mlflow_mcp.text import quoted

if TYPE_CHECKING:
    from mlflow_mcp.client import Client


def target_of(client: Client, text: str, *, deleted: bool = False) -> Target:
    """The one thing that `text` names; with `deleted` also what was deleted.

    Raises NotFound, and Problem where several things are called so.
    """
    text = text.strip()
    if trace := (trace_in_url(text) or (text if text.startswith(("tr-", "trace:/")) else None)):
        return _trace(client, trace)
    if is_model(text) or model_in_url(text) or is_model_prefix(text):
        return _model(client, text)
    if run_in_url(text) or is_run_id(run_id_or_name(text)):
        return _run(client, run_id_or_name(text), deleted=deleted)
    if experiment_in_url(text) or text.isdigit():
        return _experiment(client, text, deleted=deleted)
    return _called(client, text, deleted=deleted)


def _called(client: Client, name: str, *, deleted: bool) -> Target:
    """What has this name: of each kind that has one."""
    found: list[Target] = []
    if name in client.experiments.checked_names().values():
        found.append(_experiment(client, name, deleted=False))
    with suppress(UnsupportedByServer):
        if client.models.registry.has(name):
            found.append(Target("registered model", name))
    unknown: NotFound | None = None
    try:
        found.append(_run(client, _only_run(client, name), deleted=deleted))
    except NotFound as problem:
        unknown = problem
    if len(found) == 1:
        return found[0]
    if found:
        raise Problem(
            f"'{name}' is the name of {' and of '.join(str(each) for each in found)}.",
            f"Call again with one of {quoted(each.ref for each in found)}.",
        )
    if deleted and (gone := _deleted_called(client, name)):
        return gone
    assert unknown is not None
    raise NotFound(f"{unknown.failed} No experiment and no registered model is called so.", unknown.next_step)


def _deleted_called(client: Client, name: str) -> Target | None:
    """The one deleted experiment or run of this name; None where there are several runs, whose ids have to be given."""
    if gone := client.experiments.deleted(name):
        return Target("experiment", str(gone.experiment_id), str(gone.name))
    runs = {str(each.match.run.info.run_id): each.match.run for each in deleted_runs(client, name, RUN_WAYS)}
    if len(runs) != 1:
        return None
    run_id, run = runs.popitem()
    return Target("run", run_id, str(run.info.run_name or ""))


def _only_run(client: Client, text: str) -> str:
    """The run's id. A job that was exported several times is several runs: which one is changed has to be said."""
    if job_id(text):
        runs = groups_of(client, [text])[0].runs
        if len(runs) > 1:
            raise Problem(
                f"'{text}' is a job of {len(runs)} runs: {quoted(str(run.info.run_id) for run in runs)}.",
                "Call again with one of these run ids.",
            )
    return run_id_of(client, text)


def _run(client: Client, run_id: str, *, deleted: bool) -> Target:
    try:
        run = client.runs.get(run_id)
    except RunNotFound:
        if traces := traces_called(client, run_id):  # MLflow 2's ids of traces look like those of runs
            return Target("trace", str(traces[0].trace_id))
        raise
    if run.info.lifecycle_stage == "deleted" and not deleted:
        raise Problem(
            f"The run '{run.info.run_name}' ({run_id}) is deleted; nothing can be written to it.",
            f"`mlflow runs restore --run-id {run_id}` brings it back.",
        )
    return Target("run", run_id, str(run.info.run_name or ""))


def _experiment(client: Client, text: str, *, deleted: bool) -> Target:
    found = experiment_ids(client, text, deleted=deleted)
    experiment = client.experiments.get((found or [text])[0])
    if experiment.lifecycle_stage == "deleted" and not deleted:
        raise Problem(
            f"The experiment '{experiment.name}' is deleted; nothing can be written to it.",
            f"`{restore_command(experiment)}` brings it back.",
        )
    return Target("experiment", str(experiment.experiment_id), str(experiment.name))


def _model(client: Client, text: str) -> Target:
    if model_ref(text).model_id or is_model_prefix(text):
        logged = find_model(client, text).logged
        assert logged is not None
        return Target("logged model", str(logged.model_id), str(logged.name or ""))
    ref = model_ref(text)
    if ref.version:
        version = client.models.registry.version(str(ref.name), ref.version)
        return Target("model version", str(version.name), version=str(version.version))
    return Target("registered model", str(client.models.registry.named(str(ref.name)).name))


def _trace(client: Client, text: str) -> Target:
    traces = traces_called(client, text)
    if not traces:
        raise unknown_trace(client, text)
    return Target("trace", str(one_trace(client, traces, text).trace_id))
