"""What statistics need of a run, wherever it was read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mlflow.entities import Run


class RunValues(NamedTuple):
    """A run's latest metrics, and what it can be grouped by. A plain tuple: there are as many as there are runs."""

    run_id: str
    experiment_id: str
    status: str
    name: str | None
    user: str | None
    start_time: int | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    end_time: int | None = None


@dataclass(frozen=True)
class Selection:
    """Which values are asked for: metrics by name or glob, params and tags by name. For a run's user and its name, MLflow's
    tags `mlflow.user` and `mlflow.runName` have to be among them."""

    metrics: Sequence[str]
    params: Sequence[str] = ()
    tags: Sequence[str] = ()

    @property
    def plain_metrics(self) -> list[str] | None:
        """The metrics' names, as `select_names` takes them; None when a glob stands for names that are still to be found."""
        if any(re.search(r"[*?\[`]", each) for each in self.metrics):
            return None
        both = [name for each in self.metrics for name in (re.sub(r"^(metrics|params|tags)\.", "", each), each)]
        return list(dict.fromkeys(both))


def of_entity(run: Run) -> RunValues:
    info, tags = run.info, run.data.tags
    return RunValues(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        status=info.status,
        name=info.run_name,
        user=tags.get("mlflow.user") or info.user_id or None,
        start_time=info.start_time,
        metrics=run.data.metrics,
        params=run.data.params,
        tags=tags,
        end_time=info.end_time,
    )


def of_json(run: Mapping[str, Any]) -> RunValues:
    """The values of a run as `runs/search` answers it: MLflow's client makes its entities at a third of the server's time."""
    info, data = run["info"], run.get("data", {})
    start_time, end_time = info.get("start_time"), info.get("end_time")
    tags = _pairs(data.get("tags", ()))
    return RunValues(
        run_id=str(info["run_id"]),
        experiment_id=str(info["experiment_id"]),
        status=str(info.get("status", "")),
        name=info.get("run_name"),
        user=tags.get("mlflow.user") or info.get("user_id") or None,
        start_time=None if start_time is None else int(start_time),
        # NaN is a text in MLflow's JSON, and what is zero or empty may be left out.
        metrics={each["key"]: float(each.get("value", 0.0)) for each in data.get("metrics", ())},
        params=_pairs(data.get("params", ())),
        tags=tags,
        end_time=None if end_time is None else int(end_time),
    )


def _pairs(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in entries}
