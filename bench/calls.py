"""Warm calls of our server against the bare REST requests that answer the same question.

    python bench/calls.py --rounds 20
    python bench/calls.py --directory /tmp/bench        # keeps the filled store for the next time

A real `mlflow server` serves 20,000 runs in 500 experiments, made by seed.py. Our server is driven over its
pipes, the bare request goes through one `requests.Session`, JSON decoded. Rounds take both in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import seed
from stdio_driver import StdioServer, stdio_server

from servers import running_mlflow_server, server_environment

OURS = [sys.executable, "-m", "mlflow_mcp"]


@dataclass(frozen=True)
class Case:
    """One question: our tool call, and the body of the bare `runs/search` that it is held against."""

    name: str
    tool: str
    arguments: dict[str, Any]
    bare: dict[str, Any] = field(repr=False)


def cases(store: seed.Filled) -> list[Case]:
    home = store.invocation_experiment_id
    invocation = f"tags.invocation_id = '{store.invocation_id}'"
    return [
        Case(
            "search_runs_by_tags, 1 run of 1 experiment",
            "search_runs_by_tags",
            {"experiment_id": home, "tags": {"invocation_id": store.invocation_id}},
            {"experiment_ids": [home], "filter": invocation, "max_results": 20},
        ),
        Case(
            "search_runs_by_tags, a page of 1 experiment",
            "search_runs_by_tags",
            {"experiment_id": home, "tags": {"executor": "slurm"}},
            {"experiment_ids": [home], "filter": "tags.executor = 'slurm'", "max_results": 20},
        ),
        Case(
            "get_invocation, all experiments",
            "get_invocation",
            {"invocation_id": store.invocation_id},
            {"experiment_ids": store.experiment_ids, "filter": invocation, "max_results": 1000},
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--experiments", type=int, default=500)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--directory", type=Path, help="where the store is, or is made and stays")
    parser.add_argument("--only", default="", help="part of the names of the cases to run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with filled_server(options) as (uri, store):
        chosen = [case for case in cases(store) if options.only in case.name]
        results = measure(uri, chosen, options.rounds)
    print(json.dumps(results) if options.json else table(results))


@contextmanager
def filled_server(options: argparse.Namespace) -> Iterator[tuple[str, seed.Filled]]:
    size = {"experiments": options.experiments, "runs": options.runs}
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        db = directory / "mlflow.db"
        store = seed.expected(**size) if db.exists() else seed.fill(db, **size)
        # As many workers as `mlflow server` starts by itself: what is asked side by side is answered so.
        with running_mlflow_server(directory, options=("--workers", "4")) as uri:
            yield uri, store


def measure(uri: str, chosen: list[Case], rounds: int) -> list[dict[str, Any]]:
    env = server_environment() | {"MLFLOW_TRACKING_URI": uri}
    with stdio_server(OURS, env) as server, requests.Session() as session:
        server.initialize()
        server.request("tools/list", {})
        return [compare(case, server, session, uri, rounds) for case in chosen]


def compare(
    case: Case, server: StdioServer, session: requests.Session, uri: str, rounds: int
) -> dict[str, Any]:
    def ours() -> None:
        server.call(case.tool, **case.arguments)

    def bare() -> None:
        response = session.post(f"{uri}/api/2.0/mlflow/runs/search", json=case.bare, timeout=120)
        response.raise_for_status()
        assert response.json()["runs"], f"{case.name}: nothing was found, so nothing is measured"

    for warm_up in (ours, bare, ours, bare):
        warm_up()
    pairs = [(seconds(ours), seconds(bare)) for _ in range(rounds)]
    return {
        "case": case.name,
        "ours_ms": statistics.median(mine for mine, _ in pairs) * 1e3,
        "bare_ms": statistics.median(base for _, base in pairs) * 1e3,
        "ratio": statistics.median(mine / base for mine, base in pairs),
        "more_ms": statistics.median(mine - base for mine, base in pairs) * 1e3,
    }


def seconds(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'medians':<46}{'ours ms':>10}{'bare ms':>10}{'more ms':>10}{'ratio':>8}"]
    for row in results:
        times = "".join(f"{row[name]:>10.1f}" for name in ("ours_ms", "bare_ms", "more_ms"))
        lines.append(f"{row['case']:<46}{times}{row['ratio']:>8.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
