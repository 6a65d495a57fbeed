"""What traces that fail have more often than others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.traces.filters import MODEL, RUN
from mlflow_mcp.client.traces.metric_filters import Scope, metadata_is, tag_is
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.statistics.exact import ERROR, Shares, shown
from mlflow_mcp.tools.traces.summaries.computed import states_of_each
from mlflow_mcp.tools.traces.summaries.figures import Figures, rate_shown
from mlflow_mcp.tools.traces.summaries.question import Question, read_all

_MOST_TRIED = 16
_MOST_READ = 2_000
_LONGEST_VALUE = 60
_NAME = "mlflow.traceName"
_USER = "mlflow.trace.user"


class Trait(NamedTuple):
    """What a trace has: a tag, a name, a run, a model, a user."""

    field: str
    """As a filter of search_traces writes it."""
    kind: str
    name: str
    value: str

    @property
    def filter(self) -> str:
        return f"{self.field} = {quoted_value(self.value)}"

    @property
    def metric_filter(self) -> str:
        return (tag_is if self.kind == "tag" else metadata_is)(self.name, self.value)


@dataclass
class GoesWith:
    table: Table | None = None
    notes: list[str] = field(default_factory=list)


def goes_with(client: Client, question: Question) -> GoesWith:
    """Traits of failing traces beyond chance, by counts over all traces where the server counts them, else over those read."""
    scope = question.scope
    if scope is None:
        return _read(client, question)
    return client.trace_metrics.or_else(lambda: _counted(client, question, scope), lambda: _read(client, question))


def _counted(client: Client, question: Question, scope: Scope) -> GoesWith:
    traits = _tried([_traits(trace) for trace in question.spread(client)[0]])
    whole, *each = states_of_each(client, [scope, *(scope.where(trait.metric_filter) for trait in traits)])
    return _told(dict(zip(traits, map(Figures, each))), Figures(whole))


def _read(client: Client, question: Question) -> GoesWith:
    whole = Figures()
    states: dict[Trait, dict[str, int]] = {}
    seen: list[list[Trait]] = []

    def take(trace: TraceView) -> None:
        traits = list(_traits(trace))
        seen.append(traits)
        for counts in (whole.states, *(states.setdefault(trait, {}) for trait in traits)):
            counts[trace.state] = counts.get(trace.state, 0) + 1

    partial = read_all(client, question, take, _MOST_READ)
    found = _told({trait: Figures(states[trait]) for trait in _tried(seen)}, whole)
    if partial:
        found.notes.append(f"goes_with is partial. {partial}")
    return found


def _told(found: dict[Trait, Figures], whole: Figures) -> GoesWith:
    shares = {
        trait: Shares(each.errors, each.ended, whole.errors - each.errors, whole.ended - each.ended)
        for trait, each in found.items()
    }
    likelier = sorted(
        ((trait, each, each.p) for trait, each in shares.items() if _is_more(each)), key=lambda each: (each[2], each[0])
    )
    rows: list[list[Any]] = [
        [
            trait.filter,
            each.hits,
            each.of,
            rate_shown(each.hits / each.of),
            rate_shown(each.other_hits / each.other_of),
            shown(p),
        ]
        for trait, each, p in likelier
        if p < ERROR / len(shares)
    ]
    if not rows:
        tried = (
            f"None of the {len(shares)} tags, names, runs, models and users tried is clearly more frequent in failing traces "
            "than in others (Fisher's exact test)."
        )
        return GoesWith(notes=[tried] if shares else [])
    columns = ["traces_with", "failed", "of", "error_rate", "error_rate_of_others", "p"]
    return GoesWith(Table.of(columns, rows, keep=columns))


def _is_more(shares: Shares) -> bool:
    has_both = shares.of > 0 and shares.other_of > 0
    return has_both and shares.hits * shares.other_of > shares.other_hits * shares.of


def _tried(traces: Sequence[Iterator[Trait] | list[Trait]]) -> list[Trait]:
    """Traits that some of the traces share and others have not, the most frequent first."""
    counts: dict[Trait, int] = {}
    for traits in traces:
        for trait in traits:
            counts[trait] = counts.get(trait, 0) + 1
    values: dict[str, int] = {}
    for trait in counts:
        values[trait.field] = values.get(trait.field, 0) + 1
    # A tag whose values are nearly all different says nothing about failing.
    kept = [
        trait
        for trait, count in counts.items()
        if 1 < count < len(traces) and values[trait.field] <= max(2, len(traces) // 4) and _fits(trait.value)
    ]
    return sorted(kept, key=lambda trait: (-counts[trait], trait))[:_MOST_TRIED]


def _fits(value: str) -> bool:
    return 0 < len(value) <= _LONGEST_VALUE and not ("'" in value and '"' in value)


def _traits(trace: TraceView) -> Iterator[Trait]:
    for name, value in trace.tags.items():
        if "`" not in name:
            yield Trait(f"tags.`{name}`", "tag", name, value)
    if trace.name:
        yield Trait("name", "tag", _NAME, trace.name)
    for place, name, in_metadata in (
        ("run_id", RUN, trace.run_id),
        (f"metadata.`{MODEL}`", MODEL, trace.model_id),
        (f"metadata.`{_USER}`", _USER, trace.user),
    ):
        if in_metadata:
            yield Trait(place, "metadata", name, in_metadata)
