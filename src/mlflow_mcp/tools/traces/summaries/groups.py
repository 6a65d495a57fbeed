"""A table with a row for each group of traces or spans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.filters import RUN, SESSION
from mlflow_mcp.client.traces.metric_filters import Scope, metadata_is, tag_is
from mlflow_mcp.client.traces.window import Window
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import hint, iso, listed, plural
from mlflow_mcp.tools.traces.summaries import computed
from mlflow_mcp.tools.traces.summaries.figures import (
    GROUP_COLUMNS,
    Counted,
    Figures,
    group_row,
    most_first,
)
from mlflow_mcp.tools.traces.summaries.question import Question, read_all
from mlflow_mcp.tools.traces.summaries.span_groups import MOST_ROWS, SPANS, Groups, span_groups

TIMES = {"hour": 3_600, "day": 86_400}
_METADATA = {"session": SESSION, "run": RUN, "user": "mlflow.trace.user"}
KEYS = ("name", "status", *SPANS, *_METADATA, "assessment", "failure", *TIMES)
_NONE = "(none)"
# The server returns a thousand groups, each state of a bucket being one.
_MOST_BUCKETS = 330
# Values of a tag or of metadata that the server is asked about one by one.
_MOST_VALUES = 12


def key_of(text: str) -> str:
    """The key as written here. Raises Problem for another one."""
    key = text.strip()
    if key in KEYS or re.fullmatch(r"(tags|metadata)\..+", key):
        return key
    if re.fullmatch(r"tag\..+", key):
        return f"tags.{key[4:]}"
    raise Problem(
        f"group_by cannot be '{text}'.",
        f"{hint(key, KEYS)} It takes {', '.join(KEYS)}, tags.<name> or metadata.<name>.".strip(),
    )


def groups_by(client: Client, question: Question, key: str) -> Groups:
    """The figures of each group. Computed by the server where it can, else of traces that are read."""
    if key in SPANS:
        return span_groups(client, question, key)
    scope = question.scope
    if scope is None:
        return _read(client, question, key)
    return client.trace_metrics.or_else(
        lambda: _computed(client, question, scope, key), lambda: _read(client, question, key)
    )


def _computed(client: Client, question: Question, scope: Scope, key: str) -> Groups:
    if key == "name":
        return _shown(key, computed.by_dimension(client, scope, "trace_name"), total=_total(client, scope))
    if key == "status":
        states = computed.states(client, scope)
        parts = computed.by_filter(client, scope, {state: f"trace.status = '{state}'" for state in states})
        return _shown(key, parts, total=sum(states.values()))
    if key in TIMES:
        return _by_time(client, question, scope, key)
    return _by_value(client, question, scope, key)


def _by_time(client: Client, question: Question, scope: Scope, key: str) -> Groups:
    ends = [question.newest(client, 1, order=order) for order in ("ASC", "DESC")]
    if not all(ends):
        return _shown(key, {}, total=0)
    (first,), (last,) = ends
    window = Window(first.request_time, last.request_time + 1)
    seconds = TIMES[key]
    if (last.request_time - first.request_time) / 1000 / seconds > _MOST_BUCKETS:
        raise Problem(
            f"From {iso(first.request_time)} to {iso(last.request_time)} there are more than {_MOST_BUCKETS} {key}s.",
            "Narrow it with when" + (" or group by day." if key == "hour" else "."),
        )
    found = computed.by_dimension(client, Scope(scope.experiment_ids, scope.filters, window), None, seconds)
    ordered = {_begin(label): figures for label, figures in sorted(found.items())}
    return _shown(key, ordered, total=None, in_order=True)


def _begin(bucket: str) -> str:
    return iso(datetime.fromisoformat(bucket).timestamp() * 1000) or bucket


def _by_value(client: Client, question: Question, scope: Scope, key: str) -> Groups:
    """By the values of a tag or of metadata. The server lists no values: they are those of some traces,
    and the sum tells whether there are others."""
    traces, are_all = question.spread(client)
    value_in = _value_in(key)
    values = sorted({value for value in map(value_in, traces) if value is not None})
    if are_all or len(values) > _MOST_VALUES:
        return _read(client, question, key)
    if not values:
        names = {name for trace in traces for name in _names_in(key, trace)}
        raise _no_such_name(
            key, f"None of {len(traces):,} matching traces, the newest and the oldest among them,", names
        )
    same = tag_is if key.startswith("tags.") else metadata_is
    name = _METADATA.get(key) or key.partition(".")[2]
    parts = computed.by_filter(
        client, scope, {value: same(name, value) for value in values if not _has_both_quotes(value)}
    )
    shown = _shown(key, parts, total=_total(client, scope))
    if shown.traces and (rest := shown.traces - sum(each.traces for each in parts.values())):
        shown.notes.append(f"{plural(rest, 'trace')} with other values of {key} or with none are in no row.")
    return shown


def _has_both_quotes(value: str) -> bool:
    return "'" in value and '"' in value


def _read(client: Client, question: Question, key: str) -> Groups:
    """The same from the traces themselves."""
    value_in, groups, names = _value_in(key), dict[str, Counted](), set[str]()
    read = Counted()

    def take(trace: TraceView) -> None:
        read.add(trace)
        value = value_in(trace)
        names.update(_names_in(key, trace))
        groups.setdefault(_NONE if value is None else value, Counted()).add(trace)

    partial = read_all(client, question, take)
    if key.startswith(("tags.", "metadata.")) and set(groups) == {_NONE}:
        raise _no_such_name(key, "No matching trace", names)
    figures = {label: each.figures for label, each in groups.items()}
    if key in TIMES:
        shown = _shown(key, dict(sorted(figures.items())), read.figures.traces, in_order=True)
    else:
        shown = _shown(key, figures, read.figures.traces)
    shown.partial = partial
    return shown


def _no_such_name(key: str, none: str, names: set[str]) -> NotFound:
    kind, _, name = key.partition(".")
    known = (
        f"{hint(name, names)} They have: {listed(sorted(names), 15)}." if names else "Group by name, session or day."
    )
    return NotFound(f"{none} has the {'tag' if kind == 'tags' else 'metadata'} '{name}'.", known.strip())


def _names_in(key: str, trace: TraceView) -> Iterable[str]:
    return trace.tags if key.startswith("tags.") else trace.metadata


def _value_in(key: str) -> Callable[[TraceView], str | None]:
    if key == "name":
        return lambda trace: trace.name
    if key == "status":
        return lambda trace: trace.state
    if key in TIMES:
        return lambda trace: _bucket(trace, TIMES[key])
    if key in _METADATA:
        name = _METADATA[key]
        return lambda trace: trace.metadata.get(name)
    kind, _, named = key.partition(".")
    return (lambda trace: trace.info.tags.get(named)) if kind == "tags" else (lambda trace: trace.metadata.get(named))


def _bucket(trace: TraceView, seconds: int) -> str | None:
    begin = trace.info.request_time // 1000 // seconds * seconds
    return datetime.fromtimestamp(begin, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _total(client: Client, scope: Scope) -> int:
    return sum(computed.states(client, scope).values())


def _shown(key: str, groups: Mapping[str, Figures], total: int | None, in_order: bool = False) -> Groups:
    rows = list(groups.items()) if in_order else list(most_first(groups))
    kept = rows if in_order else rows[:MOST_ROWS]
    table = Table.of(
        [key, *GROUP_COLUMNS], [[label, *group_row(figures)] for label, figures in kept], keep=(key, "traces")
    )
    counted = sum(figures.traces for _, figures in rows)
    shown = Groups(table, counted if total is None else total, figures=dict(groups))
    if len(rows) > len(kept):
        shown.notes.append(f"{len(rows):,} groups; the {len(kept)} with the most traces are shown.")
    if key == "name" and total is not None and total > counted:
        shown.notes.append(f"{plural(total - counted, 'trace')} without a name in no row.")
    if in_order and rows:
        shown.notes.append(f"{key.capitalize()}s without traces have no row.")
    return shown
