"""Find out what an id stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.deleted import DeletedRun, deleted_runs, deleted_state
from mlflow_mcp.client.ids.experiments import unlisted
from mlflow_mcp.client.ids.genai import dataset_in_url, is_dataset_id, prompt_in_url
from mlflow_mcp.client.ids.matches import INVOCATION_WAYS, RUN_WAYS, Match, find_matches
from mlflow_mcp.client.ids.near_names import near_run_names
from mlflow_mcp.client.ids.parse import (
    SHORTEST_PREFIX,
    experiment_in_url,
    is_id_prefix,
    is_run_id,
    job_id,
    model_in_url,
    plain_id,
    run_in_url,
)
from mlflow_mcp.client.ids.traces import session_in_url, trace_in_url
from mlflow_mcp.client.spanning import SpanningClient
from mlflow_mcp.entities.launcher import LauncherRun, group_invocations, group_jobs
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import AccessRefused, NotFound, Problem, UnsupportedByServer
from mlflow_mcp.text import every, hint, iso, number
from mlflow_mcp.tools.arguments import AnyId
from mlflow_mcp.tools.session.anywhere import found_anywhere
from mlflow_mcp.tools.session.genai_ids import evaluation_datasets_called, prompts_called
from mlflow_mcp.tools.session.id_match import IdMatch
from mlflow_mcp.tools.session.model_ids import logged_models_called, registered_models_called
from mlflow_mcp.tools.session.trace_matches import sessions_matched, traces_matched

if TYPE_CHECKING:
    from mlflow.entities import Experiment

# Things listed of what an id may stand for; the rest is counted.
MOST_SHOWN = 20
_SCORES_OF_RUN = 2
_JOBS_SCORED = 6


class IdMatches(Answer):
    """Everything that an id stands for on this server."""

    id: str
    found: list[IdMatch]


def resolve_id(client: Client, id: AnyId) -> IdMatches:
    """Find out what an id is - invocation, job, run, experiment, model, trace, session or prompt - and where it lives, from the full
    id, its first 6+ characters, a name or an MLflow URL. Use it when a user gives an id without saying what it is and
    get_invocation does not know it; each finding names the call that reads it."""
    if isinstance(client, SpanningClient):
        return found_anywhere(client, id, resolve_id_on)
    return resolve_id_on(client, id)


def resolve_id_on(client: Client, id: str) -> IdMatches:
    """What the id is on one server."""
    text = _in_url(id.strip()) or plain_id(id)
    names = client.experiments.reread()
    experiments = _experiments(text, names)
    if "/" in text and "://" in text:
        raise Problem(f"No run, experiment, model or trace can be read out of '{text}'.", "Pass the id alone.")
    searches: list[Callable[[], list[IdMatch]]] = [
        lambda: _runs_and_invocations(find_matches(client, list(names), text, (*RUN_WAYS, *INVOCATION_WAYS)), names),
        lambda: logged_models_called(client, text),
        lambda: registered_models_called(client, text),
        lambda: traces_matched(client, text),
        lambda: sessions_matched(client, text),
        lambda: prompts_called(client, text),
        lambda: evaluation_datasets_called(client, text),
    ]
    results = client.run_concurrently(*(partial(_if_supported, search) for search in searches))
    unsupported = [result for result in results if isinstance(result, UnsupportedByServer)]
    is_of_newer = text.startswith(("m-", "tr-")) or is_dataset_id(text)
    if not is_of_newer:  # a name that a server without these can hardly mean by them
        unsupported = []
    found = [*experiments, *(match for result in results if isinstance(result, list) for match in result)]
    found = found or _deleted(client, text, names)
    if not found and unsupported:
        raise unsupported[0]
    if not found:
        raise NotFound(
            f"'{text}' is no id, prefix or name of an invocation, job, run, experiment, model, trace, session, prompt or dataset "
            f"in {every(len(names), 'experiment', 'any of the')}, nor is a deleted run or experiment called so.",
            " ".join(
                part
                for part in (
                    unlisted(client),
                    _next_try(text, hint(text, names.values()) or near_run_names(client, text)),
                )
                if part
            ),
        )
    answer = IdMatches(id=text, found=found[:MOST_SHOWN])
    answer.note(*map(str, unsupported))
    if len(found) > MOST_SHOWN:
        answer.note(f"{len(found) - MOST_SHOWN} more things are called so; give more of the id.")
    return answer


def _in_url(text: str) -> str | None:
    """The id of what a URL shows: the innermost of what it names."""
    model = model_in_url(text)
    inner = (
        trace_in_url(text) or session_in_url(text) or dataset_in_url(text) or prompt_in_url(text) or run_in_url(text)
    )
    return inner or (str(model) if model else experiment_in_url(text))


def _if_supported(search: Callable[[], list[IdMatch]]) -> list[IdMatch] | UnsupportedByServer:
    """What `search` finds, or that the server is too old for it: the other searches still count."""
    try:
        return search()
    except UnsupportedByServer as error:
        return error
    except AccessRefused:  # of an id: what may not be read, or, on servers with basic-auth, does not exist
        return []


def _next_try(text: str, nearest: str) -> str:
    if len(text) < SHORTEST_PREFIX:
        return f"Give at least {SHORTEST_PREFIX} characters of an id."
    pending = "Evaluations that are pending, running or killed are never exported." if _is_of_launcher(text) else ""
    return " ".join(filter(None, [nearest, pending, "query_runs searches by any other field."]))


def _is_of_launcher(text: str) -> bool:
    """Whether it looks like an id of an invocation or a job."""
    return job_id(text) is not None or (is_id_prefix(text) and not is_run_id(text))


def _experiments(text: str, names: dict[str, str]) -> list[IdMatch]:
    return [
        IdMatch(kind="experiment", id=key, name=name, next=f"query_runs(experiment_id='{key}')")
        for key, name in names.items()
        if text in (key, name)
    ]


def _runs_and_invocations(matches: Sequence[Match], names: Mapping[str, str]) -> list[IdMatch]:
    """The invocations by tag or param, then the runs by id, name and job id."""
    by_invocation_id = [match for match in matches if match.way in INVOCATION_WAYS]
    by_own_id = [match for match in matches if match.way not in INVOCATION_WAYS]
    return _invocations(by_invocation_id, names) + [_run(match, names) for match in by_own_id]


def _run(match: Match, names: Mapping[str, str]) -> IdMatch:
    run = RunView.of(match.run, names)
    return IdMatch(
        kind="job" if match.way == "job id" else "run",
        id=run.run_id,
        name=run.name,
        experiment=run.experiment,
        time=iso(run.start_time),
        status=run.status if run.status != "FINISHED" else None,
        scores=_rounded(run.headline(_SCORES_OF_RUN)),
        matched={"run name": "run name", "job id": "job_id"}.get(match.way),
        next=f"get_run(run_id='{run.run_id}')",
    )


def _rounded(scores: Mapping[str, float]) -> dict[str, Any] | None:
    return {name: number(value) for name, value in scores.items()} or None


def _deleted(client: Client, text: str, names: Mapping[str, str]) -> list[IdMatch]:
    """The deleted experiment and the deleted runs that are called so."""
    experiment = client.experiments.deleted(text)
    found = [] if experiment is None else [_deleted_experiment(experiment)]
    return found + [
        _run(each.match, names).model_copy(update={"matched": _state(each)})
        for each in deleted_runs(client, text, (*RUN_WAYS, *INVOCATION_WAYS))
    ]


def _deleted_experiment(experiment: Experiment) -> IdMatch:
    return IdMatch(
        kind="experiment",
        id=str(experiment.experiment_id),
        name=experiment.name,
        matched=deleted_state(experiment),
        next=f"query_runs(experiment_id='{experiment.experiment_id}', deleted=true)",
    )


def _state(deleted: DeletedRun) -> str:
    way = deleted.match.way
    return f"{'' if way == 'run id' else f'{way}; '}deleted: {deleted.way_back}"


def _invocations(matches: Sequence[Match], names: Mapping[str, str]) -> list[IdMatch]:
    runs = {match.run.info.run_id: match.run for match in matches}
    return [
        _invocation(invocation_id, launched, names)
        for invocation_id, launched in group_invocations(runs.values()).items()
    ]


def _invocation(invocation_id: str, launched: Sequence[LauncherRun], names: Mapping[str, str]) -> IdMatch:
    runs, jobs = [RunView.of(each.entity, names) for each in launched], group_jobs(launched)
    return IdMatch(
        kind="invocation",
        id=invocation_id,
        experiment=", ".join(sorted({run.experiment for run in runs})),
        runs=len(runs),
        time=iso(min((run.start_time for run in runs if run.start_time), default=None)),
        scores=_rounded(
            {name: value for job in jobs[:_JOBS_SCORED] for name, value in headline(job.canonical.metrics, 1).items()}
        ),
        matched=None if any(each.has_invocation_tag for each in launched) else "param invocation_id, not a tag",
        next=f"get_invocation(invocation_id='{invocation_id}')",
    )
