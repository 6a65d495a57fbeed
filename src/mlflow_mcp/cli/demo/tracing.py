"""Writing traces with times and ids of their own: what an agent's calls leave on an MLflow server.

Written through MLflow's tracing client, which the exporters of `mlflow.trace` use as well. Imports nothing of MLflow until called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Assessment, Span

_REQUEST_ID = "mlflow.traceRequestId"


@dataclass(frozen=True)
class Step:
    """A span. `parent` is the index of its parent in the list of steps; times are milliseconds after the trace's start.
    One without an end is still running: MLflow's clients send a span when it ends."""

    name: str
    type: str
    start: int
    end: int | None
    parent: int | None = 0
    inputs: Any = None
    outputs: Any = None
    error: str | None = None
    """What was raised, as `TimeoutError: words`: the span is an ERROR with an event that has the exception."""
    tokens: tuple[int, int] | None = None
    model: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What a judge, an LLM, says of a trace."""

    name: str
    value: str
    rationale: str
    judge: str


@dataclass(frozen=True)
class Recording:
    """A trace. Its id follows from `key`, so that it is the same wherever it is written."""

    key: str
    name: str
    time: int
    steps: Sequence[Step]
    state: str = "OK"
    request: str | None = None
    response: str | None = None
    session: str | None = None
    user: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()

    @property
    def trace_id(self) -> str:
        return f"tr-{hashlib.sha256(self.key.encode()).hexdigest()[:32]}"

    @property
    def duration(self) -> int | None:
        ends = [step.end for step in self.steps]
        return None if self.state == "IN_PROGRESS" else max((end for end in ends if end), default=0)


def span_id(key: str, number: int) -> str:
    return hashlib.sha256(f"{key}/{number}".encode()).hexdigest()[:16]


def write(uri: str, experiment_id: str, recording: Recording) -> str:
    """Log the trace and its spans, and return the trace's id."""
    from mlflow.tracing.client import TracingClient

    client = TracingClient(uri)
    client.start_trace(info_of(recording, experiment_id))
    ended = [number for number, step in enumerate(recording.steps) if step.end is not None]
    if ended:
        client.log_spans(experiment_id, [span_of(recording, number) for number in ended])
    return recording.trace_id


def assess(uri: str, trace_id: str, *assessments: Assessment) -> list[str]:
    """Log the assessments, and return their ids."""
    from mlflow.tracing.client import TracingClient

    client = TracingClient(uri)
    return [str(client.log_assessment(trace_id, each).assessment_id) for each in assessments]


def info_of(recording: Recording, experiment_id: str) -> Any:
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    metadata = {
        "mlflow.trace.session": recording.session,
        "mlflow.trace.user": recording.user,
        "mlflow.sourceRun": recording.run_id,
        "mlflow.modelId": recording.model_id,
        "mlflow.trace_schema.version": "3",
    }
    return TraceInfo(
        trace_id=recording.trace_id,
        trace_location=TraceLocation.from_experiment_id(experiment_id),
        request_time=recording.time,
        state=TraceState(recording.state),
        request_preview=recording.request,
        response_preview=recording.response,
        execution_duration=recording.duration,
        trace_metadata={key: value for key, value in metadata.items() if value},
        tags={"mlflow.traceName": recording.name, **recording.tags},
        assessments=[_feedback(verdict, recording.time) for verdict in recording.verdicts],
    )


def _feedback(verdict: Verdict, time: int) -> Assessment:
    from mlflow.entities import AssessmentSource, Feedback

    source = AssessmentSource("LLM_JUDGE", verdict.judge)
    return Feedback(
        name=verdict.name,
        value=verdict.value,
        rationale=verdict.rationale,
        source=source,
        create_time_ms=time,
        last_update_time_ms=time,
    )


def span_of(recording: Recording, number: int) -> Span:
    from mlflow.entities import Span

    step = recording.steps[number]
    attributes: dict[str, Any] = {
        _REQUEST_ID: recording.trace_id,
        "mlflow.spanType": step.type,
        "mlflow.spanInputs": step.inputs,
        "mlflow.spanOutputs": step.outputs,
        "mlflow.llm.model": step.model,
        **step.attributes,
    }
    if step.tokens:
        attributes["mlflow.chat.tokenUsage"] = _usage_of(step.tokens)
    return Span.from_dict(
        {
            "trace_id": recording.trace_id,
            "span_id": span_id(recording.key, number),
            "parent_span_id": None if step.parent is None else span_id(recording.key, step.parent),
            "name": step.name,
            "start_time_unix_nano": (recording.time + step.start) * 1_000_000,
            "end_time_unix_nano": (recording.time + (step.end or 0)) * 1_000_000,
            "status": _status(step),
            "events": _events(recording, step),
            "attributes": {
                key: value.text if isinstance(value, Raw) else json.dumps(value)
                for key, value in attributes.items()
                if value is not None
            },
        }
    )


@dataclass(frozen=True)
class Raw:
    """An attribute's text as it is stored, such as one that is no JSON."""

    text: str


def _status(step: Step) -> dict[str, str]:
    if step.error:
        return {"code": "STATUS_CODE_ERROR", "message": step.error}
    return {"code": "STATUS_CODE_OK", "message": ""}


def _events(recording: Recording, step: Step) -> list[dict[str, Any]]:
    if not step.error:
        return []
    kind, _, words = step.error.partition(": ")
    attributes = {
        "exception.type": kind,
        "exception.message": words,
        "exception.stacktrace": f'Traceback (most recent call last):\n  File "agent.py", line 88, in {step.name}\n{step.error}',
    }
    time = (recording.time + (step.end or 0)) * 1_000_000
    return [{"name": "exception", "time_unix_nano": time, "attributes": attributes}]


def _usage_of(tokens: tuple[int, int]) -> dict[str, int]:
    return {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
