"""What the files of an evaluation record of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_mcp.entities.samples import Samples, leaves_of


@dataclass(frozen=True)
class RecordedConfig:
    """What a results.yml, run_config.yml or launcher config records of an evaluation."""

    samples: Samples
    model: str | None

    @classmethod
    def of(cls, content: Any, file: str = "results.yml") -> RecordedConfig:
        return cls(Samples.of_file(content, file), _recorded_model(content))

    @property
    def is_empty(self) -> bool:
        return self.samples == Samples() and self.model is None


def _recorded_model(content: Any) -> str | None:
    """The evaluated model. A judge has a `model_id` too."""
    named = {
        path: str(value)
        for path, value in leaves_of(content)
        if path[-1] in ("model_id", "served_model_name") and "judge" not in path and isinstance(value, str) and value
    }
    return named.get(("", "target", "api_endpoint", "model_id")) or next(iter(named.values()), None)


@dataclass(frozen=True)
class RecordedStatistics:
    """What eval_factory_metrics.json records. Responses are no samples: repeats and retries are among them."""

    responses: int | None = None
    evaluated: str | None = None  # when the evaluation itself began; the run's times are the export's

    @classmethod
    def of(cls, content: Any) -> RecordedStatistics:
        count = _part(content, "response_stats").get("count")
        began = _part(content, "evaluation").get("start_time")
        return cls(
            responses=count if isinstance(count, int) and not isinstance(count, bool) else None,
            evaluated=f"{began[:19]}Z" if isinstance(began, str) and began.endswith("Z") else None,
        )


def planned_tasks_of(content: Any) -> dict[str, str]:
    """The tasks of an invocation by their numbers, as the launcher's config lists them; none in another config."""
    tasks = _part(content, "evaluation").get("tasks")
    names = (
        [each.get("name") if isinstance(each, Mapping) else None for each in tasks] if isinstance(tasks, list) else []
    )
    return {str(number): name for number, name in enumerate(names) if isinstance(name, str)}


def _part(content: Any, name: str) -> Mapping[str, Any]:
    part = content.get(name) if isinstance(content, Mapping) else None
    return part if isinstance(part, Mapping) else {}
