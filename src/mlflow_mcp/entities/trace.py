"""A trace as the agent sees it: what MLflow knows of it without its spans. Pure."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_mcp.text import iso

if TYPE_CHECKING:
    from mlflow.entities import Assessment, TraceInfo

_NAME = "mlflow.traceName"
# Of the last message of a chat, and of what frameworks call the text of an answer.
_TEXTS = ("content", "text", "response", "answer", "output", "question", "query", "input", "prompt")
# What MLflow's fields do not mean for `is_exported_sample`.
OF_THE_EXPORT = (
    "Written by a launcher's export (mlflow.source.name: nel): time and duration are the export's, and OK is said of wrong "
    "answers too. The sample's own are the spans' attributes nel.reward, nel.latency_ms, nel.output_tokens."
)


@dataclass(frozen=True)
class Judgement:
    """An assessment: who says what about a trace or one of its spans, and why."""

    name: str
    kind: str
    """`feedback` or `expectation`."""
    value: Any
    source: str
    """`human ana`, `llm_judge acme-judge`, `code check.py`."""
    rationale: str | None
    span_id: str | None
    error: str | None
    is_valid: bool
    """False when a later one overrides it."""

    @classmethod
    def of(cls, assessment: Assessment) -> Judgement:
        feedback, expectation = assessment.feedback, assessment.expectation
        value = feedback.value if feedback else expectation.value if expectation else None
        error = assessment.error or (feedback.error if feedback else None)
        source = assessment.source
        return cls(
            name=assessment.name,
            kind="expectation" if expectation else "feedback" if feedback else "issue",
            value=int(value) if isinstance(value, float) and value.is_integer() else value,
            source=f"{str(source.source_type).lower()} {source.source_id or ''}".strip(),
            rationale=assessment.rationale or None,
            span_id=assessment.span_id or None,
            error=f"{error.error_code}: {error.error_message or ''}".rstrip(": ") if error else None,
            is_valid=assessment.valid is not False,
        )

    @property
    def short(self) -> str:
        """`correctness=no (human)`; of judges, which give most of them, without the word."""
        who = " (human)" if self.source.startswith("human") else ""
        value = "failed" if self.error else json.dumps(self.value, ensure_ascii=False).strip('"')
        return f"{self.name}={value}{who}"


@dataclass(frozen=True)
class TraceView:
    """A trace without its spans."""

    info: TraceInfo

    @property
    def id(self) -> str:
        return str(self.info.trace_id)

    @property
    def name(self) -> str | None:
        return self.info.tags.get(_NAME)

    @property
    def state(self) -> str:
        """As MLflow says: OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED."""
        return str(getattr(self.info.state, "value", self.info.state))

    @property
    def time(self) -> str | None:
        return iso(self.info.request_time)

    @property
    def duration(self) -> float | None:
        """Seconds; of a trace that is in progress MLflow may have one that is only as long as what it has seen."""
        milliseconds = self.info.execution_duration
        return None if milliseconds is None or self.state == "IN_PROGRESS" else milliseconds / 1000

    @property
    def tokens(self) -> dict[str, Any]:
        """As logged: input_tokens, output_tokens, total_tokens; empty when none were."""
        return _object(self.metadata.get("mlflow.trace.tokenUsage"))

    @property
    def total_tokens(self) -> int | None:
        total = self.tokens.get("total_tokens")
        return total if isinstance(total, int) else None

    @property
    def cost(self) -> float | None:
        """US dollars, as logged."""
        cost = _object(self.metadata.get("mlflow.trace.cost")).get("total_cost")
        return cost if isinstance(cost, (int, float)) else None

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.info.trace_metadata

    @property
    def session(self) -> str | None:
        return self.metadata.get("mlflow.trace.session")

    @property
    def user(self) -> str | None:
        return self.metadata.get("mlflow.trace.user")

    @property
    def run_id(self) -> str | None:
        return self.metadata.get("mlflow.sourceRun")

    @property
    def model_id(self) -> str | None:
        return self.metadata.get("mlflow.modelId")

    @property
    def experiment_id(self) -> str:
        return str(self.info.experiment_id)

    @property
    def is_exported_sample(self) -> bool:
        """Whether the evaluation launcher (0.3 and later) wrote it, one trace for each sample, after the evaluation."""
        return posixpath.basename(self.metadata.get("mlflow.source.name", "")) == "nel"

    @property
    def tags(self) -> dict[str, str]:
        """The user's tags."""
        return {key: value for key, value in sorted(self.info.tags.items()) if not key.startswith("mlflow.")}

    @property
    def request(self) -> str | None:
        return self.info.request_preview or self.metadata.get("mlflow.traceInputs")

    @property
    def response(self) -> str | None:
        return self.info.response_preview or self.metadata.get("mlflow.traceOutputs")

    @property
    def judgements(self) -> list[Judgement]:
        """What counts first, then what was overridden; in the order in which they were made."""
        made = sorted(
            self.info.assessments or (),
            key=lambda each: (each.create_time_ms or 0, each.name, str(each.source.source_type)),
        )
        found = [Judgement.of(each) for each in made]
        return sorted(found, key=lambda each: not each.is_valid)


def words_of(text: str | None) -> str | None:
    """What a person would read in a request or a response: the last message of a chat, the only text of an object, else the
    text itself, on one line. A preview that MLflow cut is no JSON any more and stays as it is."""
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    found = _words(value, 6)
    plain = found if found is not None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(plain.split())


def _words(value: Any, depth: int) -> str | None:
    if isinstance(value, str) or depth == 0:
        return value if isinstance(value, str) else None
    if isinstance(value, list):
        return _words(value[-1], depth - 1) if value and isinstance(value[-1], dict) else None
    if not isinstance(value, dict):
        return None
    return next(filter(None, (_words(part, depth - 1) for part in _parts(value))), None)


def _parts(value: Mapping[str, Any]) -> Iterator[Any]:
    """Where the words of a message are looked for."""
    for key in ("messages", "choices", "message"):
        if isinstance(value.get(key), (list, dict)):
            yield value[key]
    if value.get("role") and "content" in value:
        yield value["content"]
    if len(value) == 1:
        (only,) = value.items()
        if only[0] in _TEXTS:
            yield only[1]


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
