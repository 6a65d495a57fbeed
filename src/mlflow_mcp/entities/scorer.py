"""Registered scorers as the agent sees them: what they are, and by what they judge. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import ScorerVersion


@dataclass(frozen=True)
class ScorerView:
    """One version of a scorer. `judges_by` is the instructions of a judge, the guidelines of one of MLflow's own, or code."""

    name: str
    version: int
    experiment_id: str
    kind: str
    model: str | None
    judges_by: str | None
    description: str | None
    created: int | None

    @classmethod
    def of(cls, scorer: ScorerVersion) -> ScorerView:
        content = _parsed(scorer._serialized_scorer)  # what takes it apart in MLflow needs pandas
        kind, data = _kind_and_data(content)
        return cls(
            name=scorer.scorer_name,
            version=int(scorer.scorer_version),
            experiment_id=str(scorer.experiment_id),
            kind=kind,
            model=_text(data.get("model")),
            judges_by=_judges_by(content, data),
            description=_text(content.get("description")) or _text(data.get("description")),
            created=scorer.creation_time,
        )


def _kind_and_data(content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """What kind of scorer it is, and the fields of that kind."""
    if judge := _object(content.get("instructions_judge_pydantic_data")):
        return "judge", judge
    if aligned := _object(content.get("memory_augmented_judge_data")):
        _, judge = _kind_and_data(_object(aligned.get("base_judge")))
        return "judge aligned with feedback", judge
    if builtin := content.get("builtin_scorer_class"):
        return f"MLflow's {builtin}", _object(content.get("builtin_scorer_pydantic_data"))
    if other := _object(content.get("third_party_scorer_data")):
        return f"{other.get('module')}.{other.get('class')}", other
    if ensemble := _object(content.get("ensemble_scorer_data")):
        return "ensemble", ensemble
    return ("code" if content.get("call_source") else "unknown"), {}


def _judges_by(content: Mapping[str, Any], data: Mapping[str, Any]) -> str | None:
    # The instructions of MLflow's own Guidelines are a frame for them, the same for all.
    found = data.get("guidelines") or data.get("instructions") or content.get("call_source")
    return "\n".join(map(str, found)) if isinstance(found, list) else _text(found)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _parsed(text: Any) -> Mapping[str, Any]:
    try:
        return _object(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return {}
