"""Assessments that this server writes: by a model, for the user of the session, and told as that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlflow_mcp.client.writing import BY_TAG

if TYPE_CHECKING:
    from mlflow.entities import Assessment

    from mlflow_mcp.client import Client

Kind = Literal["feedback", "expectation"]
SINCE = "3.2"
# An agent's word is no person's: who averages what people said must not find it there.
_SOURCE = "LLM_JUDGE"


@dataclass(frozen=True)
class Judged:
    """What is to be written, and by whom."""

    trace_id: str
    name: str
    kind: Kind
    value: bool | int | float | str
    rationale: str | None
    span_id: str | None
    who: str

    def entity(self) -> Assessment:
        from mlflow.entities import AssessmentSource, Expectation, Feedback

        made = Expectation if self.kind == "expectation" else Feedback
        entity = made(
            name=self.name,
            value=self.value,
            source=AssessmentSource(source_type=_SOURCE, source_id=self.who),
            span_id=self.span_id,
            metadata={BY_TAG: self.who},
        )
        entity.rationale = self.rationale
        return entity


def own(client: Client, judged: Judged) -> Assessment | None:
    """The valid one of this name, kind, span and author, as it is now."""
    same = (each for each in _of(client, judged) if each.source.source_id == judged.who)
    return next((each for each in same if str(each.source.source_type) == _SOURCE), None)


def by_others(client: Client, judged: Judged) -> list[str]:
    """Who else has said something under this name."""
    return [str(each.source.source_id) for each in _of(client, judged) if each.source.source_id != judged.who]


def value_of(assessment: Assessment) -> Any:
    part = assessment.expectation or assessment.feedback
    return None if part is None else part.value


def log(client: Client, judged: Judged) -> object:
    """The request that writes a new one."""
    return client.traces.tracing.log_assessment(judged.trace_id, judged.entity())


def update(client: Client, judged: Judged, assessment_id: str) -> object:
    """The request that puts a new value in place of one's own."""
    entity = judged.entity()
    entity.rationale = judged.rationale or ""  # None would leave the reason of the old value
    return client.traces.tracing.update_assessment(judged.trace_id, assessment_id, entity)


def _of(client: Client, judged: Judged) -> Iterator[Assessment]:
    for each in client.traces.info(judged.trace_id).assessments:
        is_kind = each.expectation is not None if judged.kind == "expectation" else each.feedback is not None
        is_there = (each.span_id or None) == judged.span_id
        if each.name == judged.name and is_kind and is_there and each.valid is not False and each.source is not None:
            yield each
