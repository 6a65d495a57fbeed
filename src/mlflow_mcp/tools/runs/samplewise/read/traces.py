"""The traces of a run as rows of samples: request, response, and the assessments as scores."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.filters import joined
from mlflow_mcp.client.traces.pages import TraceSearch, search_page
from mlflow_mcp.client.traces.window import Window
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.tools.runs.samplewise.read.lines import MOST_ROWS, Line

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

# MLflow cuts requests and responses in the list of traces.
PREVIEW = 1_000
_SOURCE_RUN = "mlflow.assessment.sourceRunId"
_EXPORTED = re.compile(r"sample_(\d+)(?:\.r(\d+))?")
_REWARD = re.compile(r'\{\s*"reward":\s*(-?[\d.eE+-]+)')


def lines_of_traces(client: Client, run_id: str, experiment_id: str, most: int = MOST_ROWS + 1) -> Iterator[Line]:
    """A row for each trace of the run, oldest first."""
    client, run_id = client.at(run_id)
    experiment_id = experiment_id.removeprefix(client.prefix)
    search = TraceSearch([experiment_id], joined("", Window(), run_id=run_id), ["timestamp_ms ASC"])
    page = search_page(client, search, most)
    for number, info in enumerate(page.traces, 1):
        yield Line(number, _row(_judged_by(run_id, info)))


def _judged_by(run_id: str, info: TraceInfo) -> TraceView:
    """The trace without what other runs said of it: two evaluations may have judged the same traces."""
    own = [each for each in info.assessments or () if (each.metadata or {}).get(_SOURCE_RUN) in (None, run_id)]
    return TraceView(replace(info, assessments=own))


def _row(trace: TraceView) -> dict[str, Any]:
    valid = [each for each in trace.judgements if each.is_valid and not each.error]
    # Of several about one thing a person's counts, then the last. What judges several spans under one name is none of the trace.
    feedback = sorted(
        (each for each in valid if each.kind == "feedback"), key=lambda each: each.source.startswith("human")
    )
    spans: dict[str, set[str | None]] = {}
    for each in feedback:
        spans.setdefault(each.name, set()).add(each.span_id)
    expected = {each.name: each.value for each in valid if each.kind == "expectation"}
    row: dict[str, Any] = {
        "trace_id": trace.id,
        "request": _loaded(trace.request),
        "response": _loaded(trace.response),
        "scores": {each.name: each.value for each in feedback if len(spans[each.name]) == 1},
        "metadata": dict(trace.tags),
    }
    if expected:
        row["expected"] = next(iter(expected.values())) if len(expected) == 1 else expected
    if trace.is_exported_sample and (found := _EXPORTED.fullmatch(trace.name or "")):
        row |= {"problem_idx": found[1], "repeat": found[2]}
        if reward := _REWARD.match(trace.response or ""):
            row["scores"].setdefault("reward", float(reward[1]))
    return row


def _loaded(text: str | None) -> Any:
    """The value of a preview; one that MLflow cut is no JSON any more and stays text."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return text
