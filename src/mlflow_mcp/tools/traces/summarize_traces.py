"""Figures of many traces."""

from __future__ import annotations

import time
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.experiments import EXPERIMENTS_PER_REQUEST
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.traces.filters import quoted_trace_query
from mlflow_mcp.client.traces.window import Window, window_of
from mlflow_mcp.entities.trace import OF_THE_EXPORT, TraceView
from mlflow_mcp.text import listed, number, plural
from mlflow_mcp.tools.arguments import ExperimentId
from mlflow_mcp.tools.traces.summaries.changes import failure_changes
from mlflow_mcp.tools.traces.summaries.compared import compared, other_question
from mlflow_mcp.tools.traces.summaries.compared_groups import check_comparable, compared_groups
from mlflow_mcp.tools.traces.summaries.computed import states as states_of
from mlflow_mcp.tools.traces.summaries.failures import failures_of, hidden_in, what_failed
from mlflow_mcp.tools.traces.summaries.figures import Figures, rate_shown, seconds_shown
from mlflow_mcp.tools.traces.summaries.groups import groups_by, key_of
from mlflow_mcp.tools.traces.summaries.judged import Judged, counts_of, counts_table
from mlflow_mcp.tools.traces.summaries.overview import Overview, overview
from mlflow_mcp.tools.traces.summaries.people import cross_table, disagreement_table, expected_table, read_people
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.tokens import token_notes

TraceFilter = Annotated[str | None, Field(description="Filter, as in search_traces; also run_id = '…'.")]
Time = Annotated[str | None, Field(description="'24h', '2026-11-20' or 'from..to'.")]
TraceGroup = Annotated[
    str | None,
    Field(
        min_length=1,
        description="name, status, span, span_type, tool, model, session, run, user, assessment, failure, hour, day, tags.<name>",
    ),
]
CompareTo = Annotated[
    str | None, Field(min_length=1, description="Another filter or time, or 'previous': the time before `when`.")
]

_MOST_SPANS = 8


class TraceSummary(Answer):
    """`error_rate` is of the traces that ended; latency, p50, p95 in seconds; cost in US dollars, as logged."""

    partial: str | None = None
    traces: Annotated[int | None, Field(description="How many match; of partial figures, how many were read.")] = None
    states: dict[str, int] | None = None
    error_rate: Any = None
    latency: dict[str, Any] | None = None
    tokens: dict[str, Any] | None = None
    cost: Any = None
    window: str | None = None
    groups: Table | None = None
    comparison: Table | None = None
    failed_spans: Annotated[
        Table | None, Field(description="Spans with an error, those that it only passed through included.")
    ] = None
    failures: Annotated[
        Table | None, Field(description="Where failures began and what they say, numbers and ids folded.")
    ] = None
    hidden_failures: Annotated[Table | None, Field(description="Failures inside of traces that ended OK.")] = None
    failure_changes: Annotated[
        Table | None, Field(description="How many traces of each side hold a failure, and how many of them ended OK.")
    ] = None
    goes_with: Annotated[
        Table | None, Field(description="What failing traces have more often, beyond chance (Fisher's exact test).")
    ] = None
    assessments: Table | None = None
    disagreements: Annotated[
        Table | None, Field(description="Of one name, given by a judge and a person: where they differ.")
    ] = None
    judges_and_people: Annotated[
        Table | None, Field(description="What a judge and a person said of the same traces under different names.")
    ] = None
    expectations: Table | None = None


def summarize_traces(
    client: Client,
    experiment_id: ExperimentId = None,
    query: TraceFilter = None,
    when: Time = None,
    group_by: TraceGroup = None,
    compare_to: CompareTo = None,
) -> TraceSummary:
    """Compute figures over all matching traces: counts, error rate, latency percentiles, tokens, cost, assessments; by group;
    failures by span and message; or against another time or version, with a verdict. search_traces lists single traces."""
    now, ids = int(time.time()), experiment_ids(client, experiment_id)
    key = key_of(group_by) if group_by else None
    if key and compare_to:
        check_comparable(key)

    def answer_in(searched: list[str]) -> TraceSummary:
        question = Question(searched[:EXPERIMENTS_PER_REQUEST], quoted_trace_query(query or ""), window_of(when, now))
        answer = _answer(client, question, key, compare_to, now)
        if question.is_of_an_export(client, answer.traces):
            answer.note(OF_THE_EXPORT)
        answer.window = None if question.window.is_open else str(question.window)
        if len(searched) > EXPERIMENTS_PER_REQUEST:
            only = f"Only {EXPERIMENTS_PER_REQUEST:,} of {len(searched):,} experiments, those changed last: name experiment_id."
            answer.partial = f"{only} {answer.partial or ''}".strip()
        return answer

    return client.experiments.search_in(ids, answer_in)


def _answer(client: Client, question: Question, key: str | None, compare_to: str | None, now: int) -> TraceSummary:
    if compare_to:
        return _comparison(client, question, other_question(question, compare_to, now), key)
    if key == "failure":
        answer = _failures(client, question)
    elif key == "assessment":
        answer = _assessments(client, question)
    elif key:
        answer = _grouped(client, question, key)
    else:
        answer = _whole(client, question)
    if not answer.traces:
        _explain_nothing(client, answer, question)
    return answer


def _whole(client: Client, question: Question) -> TraceSummary:
    found = overview(client, question)
    figures = found.figures
    answer = TraceSummary(
        partial=found.partial,
        traces=figures.traces,
        states=dict(sorted(figures.states.items())) or None,
        error_rate=rate_shown(figures.error_rate),
        latency={name: seconds_shown(value) for name, value in figures.latency.items()} or None,
        tokens={name: number(round(value, 1)) for name, value in figures.tokens.items()} or None,
        cost=number(figures.cost),
        failed_spans=_failed_spans(found),
        assessments=counts_table(client, found.counts or {}),
    )
    answer.note(*_notes(found, hidden_in(client, question, found)), *token_notes(client, question, figures))
    return answer


def _failed_spans(found: Overview) -> Table | None:
    ordered = sorted(found.failed_spans.items(), key=lambda each: (-each[1], each[0]))
    rows = [[name, kind, count] for (name, kind), count in ordered[:_MOST_SPANS]]
    return Table.of(["span", "type", "errors"], rows, keep=("span", "errors")) if rows else None


def _notes(found: Overview, hidden: str) -> list[str]:
    notes = []
    if hidden:
        notes.append(f"{hidden}: group_by='failure' tells which, and whether a later call was OK.")
    if found.figures.errors:
        notes.append("group_by='failure' tells where failures began, what they say and what goes with them.")
    if running := found.figures.running:
        also = "" if found.is_read else "; the server counts their time so far in the latency"
        notes.append(f"{plural(running, 'trace')} in progress, not in the error rate{also}.")
    if found.is_read and found.figures.errors:
        notes.append("Read trace by trace: failed spans are not counted here, group_by='span' does.")
    if found.counts is None:
        notes.append("Assessments have too many values to be counted here: group_by='assessment'.")
    if len(found.failed_spans) > _MOST_SPANS:
        notes.append("group_by='span' shows more spans.")
    return notes


def _grouped(client: Client, question: Question, key: str) -> TraceSummary:
    found = groups_by(client, question, key)
    answer = TraceSummary(partial=found.partial, traces=found.traces, groups=found.table)
    answer.note(*found.notes)
    return answer


def _failures(client: Client, question: Question) -> TraceSummary:
    found = failures_of(client, question)
    scope = question.scope
    states = client.trace_metrics.or_else(lambda: states_of(client, scope), lambda: None) if scope else None
    figures = Figures(states or {})
    answer = TraceSummary(
        partial=" ".join(filter(None, [found.partial, found.hidden_partial])) or None,
        traces=figures.traces if states is not None else None,
        states=states or None,
        error_rate=rate_shown(figures.error_rate),
        failures=found.table,
        hidden_failures=found.hidden,
        goes_with=found.goes_with,
    )
    answer.note(what_failed(found, None if states is None else states.get("OK", 0)), *found.notes)
    return answer


def _assessments(client: Client, question: Question) -> TraceSummary:
    counts = counts_of(client, question)
    judged, people, partial = read_people(client, question, whole=counts is None)
    read = Judged() if partial and counts is not None else judged
    crossed, notes = cross_table(client, people)
    answer = TraceSummary(
        partial=partial if counts is None else None,
        traces=judged.traces if partial is None else None,
        assessments=counts_table(client, judged.counts if counts is None else counts, read.sources),
        disagreements=disagreement_table(client, people),
        judges_and_people=crossed,
        expectations=expected_table(client, people),
    )
    if partial and counts is not None:
        answer.note(f"Only disagreements, judges_and_people and expectations are partial. {partial}")
    answer.note(read.not_counted, *notes)
    if answer.assessments is None and answer.expectations is None:
        answer.note("No matching trace was assessed.")
    elif answer.disagreements is None and crossed is None:
        answer.note("No trace that was read has feedback by a judge and by a person.")
    return answer


def _comparison(client: Client, these: Question, others: Question, key: str | None) -> TraceSummary:
    if key:
        groups, partial = compared_groups(client, (these, others), key)
        answer = TraceSummary(partial=partial, groups=groups.table)
        answer.note(*groups.notes, "" if these.window == others.window else f"compare_to is {others.window}.")
        return answer
    first, second = client.run_concurrently(lambda: overview(client, these), lambda: overview(client, others))
    sides = (first, second)
    comparison = compared(client, (these, others), sides)
    partials = [f"{name}: {side.partial}" for name, side in zip(("these", "compare_to"), sides) if side.partial]
    changes = failure_changes(client, (these, others), sides, is_tested=not comparison.overlaps)
    answer = TraceSummary(
        partial=" ".join(partials) or None, comparison=comparison.table, failure_changes=changes.table
    )
    answer.note(*comparison.notes, *changes.notes)
    if these.window != others.window:
        answer.note(f"compare_to is {others.window}.")
    for name, side, question in zip(("these", "compare_to"), sides, (these, others)):
        if not side.figures.traces:
            answer.note(f"No trace is in {name}: {_where(question)}.")
    return answer


def _explain_nothing(client: Client, answer: TraceSummary, question: Question) -> None:
    """What was searched, and the newest trace that there is."""
    if answer.traces is None:
        return
    everything = Question(question.ids, "", Window())
    newest = [TraceView(info) for info in everything.newest(client, 20)]
    if not newest:
        answer.note("There are no traces in these experiments at all.")
        return
    names = listed(list(dict.fromkeys(view.name for view in newest if view.name)), 5)
    answer.note(f"No trace matches: {_where(question)}. The newest here is of {newest[0].time}; names {names}.")


def _where(question: Question) -> str:
    return question.filter or "no filter"
