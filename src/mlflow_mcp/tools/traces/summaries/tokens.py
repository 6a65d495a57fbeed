"""What a mean of tokens hides: traces without any, and one trace that has most of them."""

from __future__ import annotations

from collections.abc import Iterator

from mlflow_mcp.client import Client
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.text import number
from mlflow_mcp.tools.traces.summaries.figures import Figures
from mlflow_mcp.tools.traces.summaries.question import Question, read_all

# Of so many traces the one with the most tokens is looked for.
_MOST_READ = 1_000
# One of so few may well have most of them.
_FEWEST = 4
_MOST_OF_THEM = 0.5


def token_notes(client: Client, question: Question, figures: Figures, side: str = "") -> Iterator[str]:
    """How many of the traces have tokens, if not all do, and the one that has more than half of them."""
    total, mean = figures.tokens.get("total"), figures.tokens.get("mean")
    if not total or not mean:
        return
    counted, where = round(total / mean), f" in {side}" if side else ""
    if counted < figures.traces:
        yield f"Tokens: {counted:,} of {figures.traces:,} traces{where} have any logged; mean and p50 are of those."
    largest = figures.tokens.get("max", 0)
    if counted < _FEWEST or largest <= _MOST_OF_THEM * total:
        return
    trace_id = _trace_with(client, question, largest) if figures.traces <= _MOST_READ else ""
    rest = number(round((total - largest) / (counted - 1), 1))
    yield (
        f"One trace{where} has {largest / total:.0%} of the tokens{f', {trace_id}' if trace_id else ''}: "
        f"{largest:,.0f} of {total:,.0f}; the others have {rest} on average."
    )


def _trace_with(client: Client, question: Question, tokens: float) -> str:
    found: list[str] = []

    def take(trace: TraceView) -> None:
        if trace.total_tokens == tokens:
            found.append(trace.id)

    read_all(client, question, take, _MOST_READ)
    return found[0] if len(found) == 1 else ""
