"""What a person may mean who has typed the beginning of a name or id: a prompt's or resource's argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import containing, equals
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.traces import traces_called
from mlflow_mcp.client.spanning import SpanningClient
from mlflow_mcp.client.spanning.everywhere import ask_everywhere
from mlflow_mcp.client.traces.pages import TraceSearch, search_page
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.trace import TraceView

# The newest runs that are looked at for names they use. A server needs some 3 ms for each that it returns, and a person
# who types waits for every letter.
_RUNS_READ = 15
MOST_VALUES = 50
# Words of a filter, which no server's name may stand before; all other values say on which server they are.
PLAIN = frozenset(("task", "metric", "version", "since"))


class Completions(Answer):
    """Whole values, the likeliest first."""

    values: list[str]


@dataclass(frozen=True)
class Typed:
    """The beginning of a value, and the arguments that are known already."""

    text: str
    given: Mapping[str, str]

    def best(self, values: Iterable[str]) -> list[str]:
        """Those that begin with the text, then those that contain it, each once."""
        text = self.text.lower()
        known = list(dict.fromkeys(value for value in values if value))
        begin = [value for value in known if value.lower().startswith(text)]
        return (begin + [value for value in known if text in value.lower() and value not in begin])[:MOST_VALUES]


def completions(client: Client, argument: str, text: str, given: dict[str, str]) -> Completions:
    """The values of an argument of that name that begin with or contain `text`; none for an argument that is not known."""
    complete = COMPLETED.get(argument)
    if complete is None:
        return Completions(values=[])
    typed = Typed(text.strip(), given)
    if not isinstance(client, SpanningClient):
        return Completions(values=complete(client, typed))
    if argument in PLAIN and any(given.values()):  # of what is given, and that names no server
        return Completions(values=complete(client.at("")[0], typed))
    return Completions(values=_anywhere(client, lambda each: complete(each, typed), is_plain=argument in PLAIN))


def _anywhere(client: SpanningClient, complete: Callable[[Client], list[str]], *, is_plain: bool) -> list[str]:
    """The values of all servers that answer in time, those of the default one first. Raises what is wrong with it where
    nothing is found."""
    outcomes = ask_everywhere(client, complete)
    found = [("" if is_plain else each.prefix) + value for each in outcomes for value in each.found or ()]
    if not found and outcomes[0].problem:
        raise outcomes[0].problem
    return list(dict.fromkeys(found))[:MOST_VALUES]


def _experiments(client: Client, typed: Typed) -> list[str]:
    names = client.experiments.names()
    return typed.best([*names.values(), *(names if typed.text.isdigit() else ())])


def _runs(client: Client, typed: Typed) -> list[str]:
    found = _newest(client, typed, *(("attributes", "run_name") if typed.text else ()))
    if len(typed.text) >= 6 and all(letter in "0123456789abcdef" for letter in typed.text):
        found += _newest(client, typed, "attributes", "run_id")
    return typed.best(_named(found))


def _named(runs: Iterable[LauncherRun]) -> list[str]:
    return [value for run in runs for value in (run.name, run.run_id) if value]


def _trainings(client: Client, typed: Typed) -> list[str]:
    """`running` for all that MLflow calls so, these, then others."""
    if typed.text:
        return typed.best(["running", *_runs(client, typed)])
    running, newest = client.run_concurrently(
        lambda: _newest(client, typed, query=equals("attributes", "status", "RUNNING")), lambda: _newest(client, typed)
    )
    return typed.best(["running", *_named(running), *_named(newest)])


def _invocations(client: Client, typed: Typed) -> list[str]:
    return _of_tag(client, typed, "invocation_id", lambda run: run.invocation_id)


def _tasks(client: Client, typed: Typed) -> list[str]:
    """Those of the invocation that is given already; else of the newest runs."""
    invocation = typed.given.get("invocation", "").partition(".")[0]
    if invocation:
        runs = _newest(client, typed, query=equals("tags", "invocation_id", invocation))
        return typed.best(run.task or "" for run in runs)
    return _of_tag(client, typed, "task_name", lambda run: run.task or "")


def _metrics(client: Client, typed: Typed) -> list[str]:
    return typed.best(sorted({name for run in _newest(client, typed) for name in run.metrics}))


def _models(client: Client, typed: Typed) -> list[str]:
    query = containing("name", typed.text)[0] if typed.text else ""
    return typed.best(str(model.name) for model in client.models.registry.search(query, most=MOST_VALUES)[0])


def _versions(client: Client, typed: Typed) -> list[str]:
    """Numbers, the newest first, and aliases as `@champion`."""
    name = typed.given.get("name", "")
    aliases = client.models.registry.named(name).aliases
    versions, _ = client.models.registry.versions(name, MOST_VALUES)
    return typed.best([*(f"@{alias}" for alias in aliases), *(str(version.version) for version in versions)])


def _of_tag(client: Client, typed: Typed, name: str, value_of: Callable[[LauncherRun], str]) -> list[str]:
    """What the newest runs have; where something is typed, or they have nothing, the newest that have such a tag. Searching
    for a tag is most of the time that a large store needs."""
    found = [] if typed.text else typed.best(map(value_of, _newest(client, typed)))
    return found or typed.best(map(value_of, _newest(client, typed, "tags", name)))


def _traces(client: Client, typed: Typed) -> list[str]:
    """Ids of the newest traces, those that failed first, then their sessions."""
    begun = traces_called(client, typed.text)
    if begun:
        return typed.best(str(trace.trace_id) for trace in begun)
    failed, newest = client.run_concurrently(
        *(partial(search_page, client, TraceSearch(None, query), _RUNS_READ) for query in ("status = 'ERROR'", ""))
    )
    found = [*failed.traces, *newest.traces]
    return typed.best([*(str(info.trace_id) for info in found), *(TraceView(info).session or "" for info in found)])


def _times(client: Client, typed: Typed) -> list[str]:
    """How long ago, and days of this month as dates to change."""
    today = datetime.now(timezone.utc).date()
    return typed.best(["24h", "7d", "30d", *((today - timedelta(days=days)).isoformat() for days in (0, 1, 7, 30))])


def _newest(client: Client, typed: Typed, kind: str = "", name: str = "", query: str = "") -> list[LauncherRun]:
    """The newest runs, of the experiment that is given already, whose attribute or tag has the text in it, or of the filter."""
    given = typed.given.get("experiment") or typed.given.get("experiment_id")
    query = containing(f"{kind}.{name}", typed.text)[0] if name else query
    runs, _ = client.experiments.search_in(
        experiment_ids(client, given),
        lambda ids: client.runs.search(
            ids[:1_000], query, order_by=["attributes.start_time DESC"], max_results=_RUNS_READ
        ),
    )
    return [LauncherRun.of(run) for run in runs]


COMPLETED: Mapping[str, Callable[[Client, Typed], list[str]]] = {
    "experiment": _experiments,
    "experiment_id": _experiments,
    "run": _trainings,
    "run_id": _runs,
    "invocation": _invocations,
    "invocation_id": _invocations,
    "baseline": _invocations,
    "candidate": _invocations,
    "task": _tasks,
    "metric": _metrics,
    "name": _models,
    "version": _versions,
    "trace": _traces,
    "trace_id": _traces,
    "since": _times,
}
