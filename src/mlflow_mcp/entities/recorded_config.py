"""What the files of an evaluation record of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow_mcp.entities.flattened_config import MODEL_NAMES, names_evaluated
from mlflow_mcp.entities.recorded_scores import (
    ScoreCount,
    StandardError,
    answers_of_shares,
    score_counts,
    standard_errors,
)
from mlflow_mcp.entities.recorded_settings import settings_of_file
from mlflow_mcp.entities.samples import Proof, Samples, leaves_of

# Whether logs are exported, by the newer name and the older one.
_LOGS = ("copy_logs", "log_logs")


@dataclass(frozen=True)
class RecordedConfig:
    """What a results.yml, run_config.yml or launcher config records of an evaluation."""

    samples: Samples
    model: str | None
    errors: Mapping[str, StandardError] = field(default_factory=dict)  # of the scores, by metric name
    counts: Mapping[str, ScoreCount] = field(default_factory=dict)  # likewise
    settings: Mapping[str, str] = field(default_factory=dict)  # what it was evaluated with
    model_from: str | None = None  # which key of which file names the model

    @classmethod
    def of(cls, content: Any, file: str = "results.yml") -> RecordedConfig:
        model, key = _recorded_model(content)
        return cls(
            _with_answers(Samples.of_file(content, file), content),
            model,
            standard_errors(content),
            score_counts(content),
            settings_of_file(content),
            f"{key} in {file}" if model else None,
        )

    @property
    def is_empty(self) -> bool:
        return self.samples == Samples() and self.model is None


def _with_answers(samples: Samples, content: Any) -> Samples:
    answers = answers_of_shares(content)
    return replace(samples, answers=Proof(answers, "stats.stderr")) if answers else samples


def _recorded_model(content: Any) -> tuple[str | None, str]:
    """The evaluated model and where it stands. A judge and a simulated user have a `model_id` too."""
    named = [
        (path, str(value))
        for path, value in leaves_of(content)
        if names_evaluated(path) and "tasks" not in path and isinstance(value, str) and value
    ]
    path, model = min(named, key=lambda each: MODEL_NAMES.index(each[0][-1]), default=((), None))
    return model, ".".join(path[1:])


@dataclass(frozen=True)
class RecordedStatistics:
    """What eval_factory_metrics.json records. Responses are no samples: repeats and retries are among them."""

    responses: int | None = None
    successful: int | None = None  # of the responses
    evaluated: str | None = None  # from when to when the evaluation itself ran; the run's times are the export's
    runs: int | None = None  # how often the evaluation was started
    completion_tokens: float | None = None  # of a response, on average
    later: str | None = None  # when the last request came, where that is after the recorded end
    cut_off: int | None = None  # responses that ended at the longest length allowed
    longest: int | None = None  # response, in completion tokens

    @classmethod
    def of(cls, content: Any) -> RecordedStatistics:
        evaluation = _part(content, "evaluation")
        responses = _part(content, "response_stats")
        tokens = responses.get("avg_completion_tokens")
        return cls(
            responses=_whole(responses.get("count")),
            successful=_whole(responses.get("successful_count")),
            evaluated=_interval(evaluation.get("start_time"), evaluation.get("end_time")),
            runs=_whole(evaluation.get("total_runs")),
            completion_tokens=float(tokens) if isinstance(tokens, (int, float)) and tokens > 0 else None,
            later=_later(responses, evaluation.get("end_time")),
            cut_off=_whole(_part(responses, "finish_reason").get("length")),
            longest=_whole(responses.get("max_completion_tokens")),
        )

    @property
    def samples(self) -> Samples:
        """What the responses tell: nothing where the evaluation was resumed, and some samples were answered twice."""
        if not self.responses or (self.runs or 1) > 1:
            return Samples()
        responses = Proof(self.responses, "response_stats.count")
        return Samples(responses=responses, unfailed=responses if self.successful == self.responses else None)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _interval(began: Any, ended: Any) -> str | None:
    """`2026-09-20T01:05:00Z to 03:11:00Z`, with the end's date where it is another day."""
    if not (isinstance(began, str) and began.endswith("Z")):
        return None
    if not (isinstance(ended, str) and ended.endswith("Z")):
        return f"{began[:19]}Z"
    return f"{began[:19]}Z to {ended[11:19] if ended[:10] == began[:10] else ended[:19]}Z"


def _later(responses: Mapping[str, Any], ended: Any) -> str | None:
    """When the last request of all attempts came, if after the end."""
    attempts = _part(responses, "inference_run_times")
    times = [each.get("last_request_time") for each in attempts.values() if isinstance(each, Mapping)]
    last = max((time[:19] for time in times if isinstance(time, str)), default="")
    return f"{last}Z" if isinstance(ended, str) and ended.endswith("Z") and last > ended[:19] else None


def planned_tasks_of(content: Any) -> dict[str, str]:
    """The tasks of an invocation by their numbers, as the launcher's config lists them; none in another config."""
    tasks = _part(content, "evaluation").get("tasks")
    names = (
        [each.get("name") if isinstance(each, Mapping) else None for each in tasks] if isinstance(tasks, list) else []
    )
    return {str(number): name for number, name in enumerate(names) if isinstance(name, str)}


def asks_for_logs(content: Any) -> bool | None:
    """Whether a launcher's config asks its exporter for the logs: they are left out by default. None where it does not say how
    its runs are exported."""
    mlflow = _part(_part(content, "export"), "mlflow")
    if mlflow:
        return any(str(mlflow.get(name)).lower() == "true" for name in _LOGS)
    # The oldest launchers have their settings there, and never send logs.
    auto_export = _part(_part(content, "execution"), "auto_export")
    return False if _part(_part(auto_export, "configs"), "mlflow") else None


def flattened(content: Any) -> dict[str, str]:
    """A launcher's config under the names of its flattened params: `config.evaluation.tasks.0.name`."""
    found: dict[str, str] = {}

    def visit(part: Any, path: str) -> None:
        inner = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else None
        if inner is None:
            found[path] = str(part)
        for name, each in inner or ():
            visit(each, f"{path}.{name}")

    visit(content, "config")
    return found


def _part(content: Any, name: str) -> Mapping[str, Any]:
    part = content.get(name) if isinstance(content, Mapping) else None
    return part if isinstance(part, Mapping) else {}
