"""The server's runs over its REST API, with the standard library: this script needs no environment of its own."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Run:
    run_id: str
    name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None
    tags: tuple[tuple[str, str], ...]

    @property
    def tag(self) -> dict[str, str]:
        return dict(self.tags)


def all_experiments(server: str) -> dict[str, str]:
    """Names by id."""
    found = post(server, "experiments/search", {"max_results": 1000}).get("experiments", [])
    return {experiment["experiment_id"]: experiment["name"] for experiment in found}


def all_runs(server: str) -> dict[str, Run]:
    body = {"experiment_ids": list(all_experiments(server)), "max_results": 1000}
    return {run.run_id: run for run in map(read, post(server, "runs/search", body).get("runs", []))}


def metric_points(server: str, run_id: str, metric: str) -> list[dict[str, Any]]:
    address = f"{server}/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key={metric}"
    with urllib.request.urlopen(address, timeout=60) as answer:
        points: list[dict[str, Any]] = json.load(answer)["metrics"]
    return points


def traces(server: str, experiment_ids: list[str]) -> list[dict[str, Any]]:
    locations = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": each}} for each in experiment_ids]
    found: list[dict[str, Any]] = post(server, "traces/search", {"locations": locations, "max_results": 500}, "3.0")[
        "traces"
    ]
    return found


def post(server: str, route: str, body: dict[str, Any], version: str = "2.0") -> dict[str, Any]:
    request = urllib.request.Request(
        f"{server}/api/{version}/mlflow/{route}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        parsed: dict[str, Any] = json.load(answer)
    return parsed


def read(run: dict[str, Any]) -> Run:
    info = run["info"]
    tags = run["data"].get("tags", [])
    return Run(
        info["run_id"],
        info["run_name"],
        info["experiment_id"],
        info["status"],
        int(info["start_time"]),
        int(info["end_time"]) if "end_time" in info else None,
        tuple(sorted((tag["key"], tag["value"]) for tag in tags)),
    )
