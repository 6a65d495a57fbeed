"""Find traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.experiments import EXPERIMENTS_PER_REQUEST
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.models import model_beginning_with
from mlflow_mcp.client.ids.parse import is_model_prefix
from mlflow_mcp.client.ids.runs import run_id_of
from mlflow_mcp.client.traces.filters import joined, quoted_trace_query
from mlflow_mcp.client.traces.pages import TracePage, TraceSearch, place_of, search_page
from mlflow_mcp.client.traces.window import Window, second_of, window_of
from mlflow_mcp.entities.trace import OF_THE_EXPORT, TraceView
from mlflow_mcp.text import every, listed, plural
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit
from mlflow_mcp.tools.traces.fields import FieldPaths
from mlflow_mcp.tools.traces.orders import Order
from mlflow_mcp.tools.traces.shown import judgements_in_a_row, value_of, words

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo


def _parts(value: Any) -> Any:
    """A list as the text that MLflow's command line takes: `a, b`."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


TraceQuery = Annotated[
    str | None,
    Field(
        description="MLflow filter: \"status = 'ERROR' AND span.name = 'search' AND feedback.ok = 'no' "
        "AND text LIKE '%refund%'\"."
    ),
]
Source = Annotated[str | None, Field(min_length=1, description="Run, or logged model ('m-…').")]
Session = Annotated[str | None, Field(min_length=1, description="Session id.")]
When = Annotated[str | None, Field(description="'24h', '2026-11-20' or 'from..to'.")]
TraceOrder = Annotated[str | None, BeforeValidator(_parts), Field(description="'duration DESC'")]
Fields = Annotated[
    str | None,
    BeforeValidator(_parts),
    Field(description="More columns: 'spans.name, search.inputs.q'."),
]

_PREVIEW = 70
# Tags shown unless `fields` names some: those that tell the rows apart.
_MOST_TAGS = 3


class TraceRows(Page):
    """A row for each trace; `state` is MLflow's word, `duration` in seconds, `assessments` those not overridden."""

    partial: str | None = None
    total: Annotated[int | None, Field(description="How many match, where the server can tell.")] = None
    window: str | None = None
    searched: Annotated[str | None, Field(description="When nothing matches.")] = None
    traces: Table


def search_traces(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    experiment_id: ExperimentId = None,
    query: TraceQuery = None,
    run_id: Source = None,
    session: Session = None,
    when: When = None,
    fields: Fields = None,
    order_by: TraceOrder = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> TraceRows:
    """Find traces of LLM apps and agents: time, state, duration, tokens, request, response, assessments.
    get_trace shows one, summarize_traces counts."""
    ids, quoted, order = experiment_ids(client, experiment_id), quoted_trace_query(query or ""), Order.of(order_by)
    arguments = (ids, query, run_id, session, when, order_by)
    place = place_of(cursor, arguments, second_of(when))
    window = window_of(when, place.now)
    source = _source(client, run_id)
    search = TraceSearch(ids, joined(quoted, window, **source, session=session or ""), arguments=arguments)
    paths = FieldPaths.of(fields)
    jobs: list[Any] = [lambda: order.page(client, search, limit, place)]
    if not cursor and search.filter == joined("", window):
        jobs.append(lambda: _count(client, search, window))
    page: TracePage
    (page, unranked), *counted = client.run_concurrently(*jobs)
    answer = TraceRows(
        partial=" ".join(filter(None, [_not_searched(client, search), unranked])) or None,
        # The page may be all there is; else the server counts, when nothing but a time is asked for.
        total=next(iter(counted), None) if cursor or page.more else len(page.traces),
        window=None if window.is_open else str(window),
        traces=_table(client, page.traces, paths),
    )
    answer.continue_with(page.cursor_after, len(page.traces), page.more)
    answer.note(
        *paths.problems(), OF_THE_EXPORT if any(TraceView(each).is_exported_sample for each in page.traces) else ""
    )
    if not page.traces and not cursor:
        _explain_nothing(client, answer, search, session)
        if (model_id := source.get("model_id")) and not client.models.by_ids([model_id]):
            answer.note(f"No active experiment has the logged model '{model_id}'.")
    return answer


def _source(client: Client, run_id: str | None) -> dict[str, str]:
    if not run_id:
        return {}
    if not run_id.startswith("m-"):
        return {"run_id": run_id_of(client, run_id)}
    return {"model_id": model_beginning_with(client, run_id).model_id if is_model_prefix(run_id) else run_id}


def _not_searched(client: Client, search: TraceSearch) -> str | None:
    count = len(client.experiments.names() if search.experiment_ids is None else search.experiment_ids)
    if count <= EXPERIMENTS_PER_REQUEST:
        return None
    return f"Only {EXPERIMENTS_PER_REQUEST:,} of {count:,} experiments were searched, those changed last: name experiment_id."


def _count(client: Client, search: TraceSearch, window: Window) -> int | None:
    ids = list(client.experiments.names()) if search.experiment_ids is None else search.experiment_ids
    return client.traces.count(ids[:EXPERIMENTS_PER_REQUEST], (window.start, window.end))


def _table(client: Client, infos: Sequence[TraceInfo], paths: FieldPaths) -> Table:
    traces = [TraceView(info) for info in infos]
    tags = [] if paths.paths else _telling_tags([trace.tags for trace in traces])
    columns = ["trace_id", "time", "name", "state", "duration", "tokens", "cost", "request", "response", "assessments",
               "session", *(f"tags.{name}" for name in tags), "experiment"]  # fmt: skip
    names = client.experiments.names()
    rows = [
        [
            trace.id,
            trace.time,
            trace.name,
            trace.state,
            trace.duration,
            trace.total_tokens,
            trace.cost,
            words(client, trace.request, _PREVIEW),
            words(client, trace.response, _PREVIEW),
            judgements_in_a_row(client, trace),
            trace.session,
            *(trace.info.tags.get(name) for name in tags),
            names.get(trace.experiment_id, trace.experiment_id),
        ]
        for trace in traces
    ]
    if paths.paths:
        extra = paths.values(client, infos)
        columns += paths.columns
        rows = [[*row, *map(value_of, more)] for row, more in zip(rows, extra)]
    return Table.of(columns, rows, keep=("trace_id", *paths.columns))


def _telling_tags(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Tags that most traces have and that are not different in all of them."""
    names = dict.fromkeys(name for tags in rows for name in tags)
    telling = []
    for name in names:
        values = [tags[name] for tags in rows if name in tags]
        if (
            2 * len(values) >= len(rows)
            and len(set(values)) <= max(1, len(values) // 2)
            and max(map(len, values)) <= 40
        ):
            telling.append(name)
    return telling[:_MOST_TAGS]


def _explain_nothing(client: Client, answer: TraceRows, search: TraceSearch, session: str | None) -> None:
    """What was searched, and whether there are traces at all."""
    ids = search.experiment_ids
    where = (
        every(len(client.experiments.names()), "experiment")
        if ids is None
        else listed([client.experiments.name_of(each) for each in ids], 3)
    )
    answer.searched = f"traces in {where}" + (f" where {search.filter}" if search.filter else "")
    if not search.filter:
        return
    newest = search_page(client, TraceSearch(ids), 20).traces
    if not newest:
        answer.note("There are no traces here at all.")
        return
    views = [TraceView(info) for info in newest]
    states = ", ".join(
        f"{name} {[view.state for view in views].count(name)}" for name in dict.fromkeys(v.state for v in views)
    )
    named = listed([name for name in dict.fromkeys(view.name for view in views) if name], 5)
    judged = listed(sorted({each.name for view in views for each in view.judgements}), 8)
    sessions = list(dict.fromkeys(view.session for view in views if view.session)) if session else []
    answer.note(
        f"The newest {plural(len(views), 'trace')} here: last {views[0].time}; names {named}; states {states}"
        + (f"; assessments {judged}" if judged else "")
        + (f"; sessions {listed(sessions, 5)}." if sessions else ".")
    )
