"""What the files of an evaluation record of it. Pure."""

from __future__ import annotations

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
