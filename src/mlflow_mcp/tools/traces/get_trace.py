"""One trace, one of its spans, or the turns of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_offset
from mlflow_mcp.client.ids.traces import (
    one_trace,
    session_called,
    session_in_url,
    trace_in_url,
    traces_called,
    unknown_trace,
)
from mlflow_mcp.entities.spans import SpanTree
from mlflow_mcp.entities.trace import OF_THE_EXPORT, TraceView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural, size
from mlflow_mcp.tools.arguments import Cursor, as_text
from mlflow_mcp.tools.traces.outline import outline
from mlflow_mcp.tools.traces.rows import span_table
from mlflow_mcp.tools.traces.shown import judgement_table, judgements_in_a_row, words
from mlflow_mcp.tools.traces.span import Part, SpanContent, find_span, show_span

TraceId = Annotated[
    str,
    BeforeValidator(as_text),
    Field(min_length=1, description="Trace id ('tr-…') or its beginning, MLflow URL, or session id."),
]
SpanName = Annotated[
    str | None, Field(min_length=1, description="Span to show whole: name, id, or path 'agent/search'.")
]
Select = Annotated[str | None, Field(min_length=1, description="JMESPath into the span: 'outputs.messages[-1]'.")]

_PREVIEW = 400
_TURN = 280


class TraceAnswer(Page):
    """A trace with the outline of its spans; or one span; or the turns of a session. Durations are seconds."""

    partial: str | None = None
    trace_id: str | None = None
    name: str | None = None
    state: Annotated[str | None, Field(description="MLflow's word.")] = None
    time: str | None = None
    duration: float | None = None
    tokens: dict[str, Any] | None = None
    cost: Annotated[float | None, Field(description="US dollars, as logged.")] = None
    experiment: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    session: str | None = None
    user: str | None = None
    tags: dict[str, str] | None = None
    request: str | None = None
    response: str | None = None
    spans: Annotated[
        Table | None,
        Field(
            description="The tree, indented. `%`: share of the trace's duration in which a span or one below it ran; folded siblings count together."
        ),
    ] = None
    assessments: Table | None = None
    span: SpanContent | None = None
    turns: Annotated[Table | None, Field(description="The session's traces, oldest first.")] = None


def get_trace(
    client: Client, trace_id: TraceId, span: SpanName = None, select: Select = None, cursor: Cursor = None
) -> TraceAnswer:
    """Show one trace: its tree of spans with duration, tokens and status, what failed and what was slowest, repeated spans
    folded, and its assessments. span shows one span whole, select a part of it. A session id shows its conversation.
    search_traces finds traces."""
    text = trace_in_url(trace_id.strip()) or trace_id.strip()
    traces = traces_called(client, text)
    if not traces:
        return _conversation(client, session_in_url(text) or text, is_span_asked=bool(span or select))
    view = TraceView(one_trace(client, traces, text))
    if select and not span:
        raise Problem("`select` takes a part out of one span.", "Name the span too, or call get_trace without select.")
    spans = client.traces.spans(view.info)
    tree = SpanTree.of(spans.spans)
    if not span:
        return _outlined(client, view, tree, spans.missing)
    if spans.missing:
        raise Problem(spans.missing, "get_trace without span shows what there is.")
    arguments = (view.id, span, select)
    part = Part(select, decode_offset(cursor, *arguments) if cursor else 0, arguments)
    found = find_span(tree, span)
    answer = TraceAnswer(trace_id=view.id, name=view.name)
    answer.note(found.note)
    answer.span = show_span(client, answer, found.node, part)
    return answer


def _outlined(client: Client, view: TraceView, tree: SpanTree, missing: str | None) -> TraceAnswer:
    answer = TraceAnswer(
        partial=_partial(view, tree, missing),
        trace_id=view.id,
        name=view.name,
        state=view.state,
        time=view.time,
        duration=view.duration,
        tokens=view.tokens or None,
        cost=view.cost,
        experiment=client.experiments.name_of(view.experiment_id),
        run_id=view.run_id,
        model_id=view.model_id,
        session=view.session,
        user=view.user,
        tags=view.tags or None,
        request=words(client, view.request, _PREVIEW),
        response=words(client, view.response, _PREVIEW),
        spans=span_table(client, tree, outline(tree)) if tree.nodes else None,
        assessments=judgement_table(client, view.judgements),
    )
    answer.note(OF_THE_EXPORT if view.is_exported_sample else "")
    if len(tree.nodes) > 1:
        failed = sum(node.failed for node in tree.nodes)
        stored = view.metadata.get("mlflow.trace.sizeBytes", "")
        answer.note(
            f"{plural(len(tree.nodes), 'span')}, {failed} of them ERROR"
            + (f", {size(int(stored))}." if stored.isdigit() else ".")
        )
    return answer


def _partial(view: TraceView, tree: SpanTree, missing: str | None) -> str | None:
    if view.state == "IN_PROGRESS":
        arrived = plural(len(tree.nodes), "span") if tree.nodes else "no span"
        return f"MLflow says IN_PROGRESS: {arrived} arrived so far; a span arrives when it ends."
    if missing:
        return missing
    odd = []
    if tree.orphans:
        odd.append(f"{plural(tree.orphans, 'span names', 'spans name')} a parent that is not here")
    if tree.cycles:
        odd.append(f"{plural(tree.cycles, 'span is its', 'spans are their')} own ancestor")
    return f"The tree is not whole: {' and '.join(odd)}; shown at its top level." if odd else None


def _conversation(client: Client, session: str, is_span_asked: bool) -> TraceAnswer:
    infos, more = session_called(client, session)
    if not infos:
        raise unknown_trace(client, session)
    if is_span_asked:
        raise Problem(
            f"'{session}' is a session of {plural(len(infos), 'trace')}, and span needs one trace.",
            "get_trace with the session alone shows their ids.",
        )
    views = [TraceView(info) for info in infos]
    experiments = {client.experiments.name_of(view.experiment_id) for view in views}
    return TraceAnswer(
        partial=f"Only the first {len(views)} turns: search_traces(session='{session}') pages through all."
        if more
        else None,
        session=session,
        experiment=", ".join(sorted(experiments)),
        user=", ".join(sorted({view.user for view in views if view.user})) or None,
        turns=_turns(client, views),
    )


def _turns(client: Client, views: Sequence[TraceView]) -> Table:
    columns = ["trace_id", "time", "name", "state", "duration", "tokens", "request", "response", "assessments"]
    rows = [
        [
            view.id,
            view.time,
            view.name,
            view.state,
            view.duration,
            view.total_tokens,
            words(client, view.request, _TURN),
            words(client, view.response, _TURN),
            judgements_in_a_row(client, view),
        ]
        for view in views
    ]
    return Table.of(columns, rows, keep=("trace_id",))
