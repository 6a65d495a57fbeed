"""Warm calls of our server against the bare REST requests that answer the same question.

    python bench/calls.py --rounds 20
    python bench/calls.py --directory /tmp/bench        # keeps the filled store for the next time
    python bench/calls.py --only aggregate --rounds 3
    python bench/calls.py --only search_models --experiments 100 --runs 500   # a store that is filled in seconds
    python bench/calls.py --markdown                    # writes the table into docs/measurements.md

A real `mlflow server` serves 20,000 runs in 500 experiments and one run with a metric of 200,000 points, made by
seed.py. Our server is driven over its pipes, the bare requests go through one `requests.Session`, JSON decoded. Both
acknowledge answers at once, without which each of an `mlflow server`'s comes 40 ms later.
Rounds take both in turns; cases of many requests take at most 3. `peak MB` is by how much our server's resident
memory grew above what it was before the case, at its highest.
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

sys.path.insert(0, str(Path(__file__).parent.parent))

import measurements
import seed
from stdio_driver import StdioServer, stdio_server

from mlflow_mcp.client.transport.acknowledge import acknowledge_at_once
from tests.support.servers import running_mlflow_server, server_environment

OURS = [sys.executable, "-m", "mlflow_mcp"]


CURVE = 200_000
SLOW_ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """One question: our tool call, what must be true of its answer, and the bare request that it is held against: the
    body of a `runs/search`, or what makes the requests when one is not enough."""

    name: str
    tool: str
    arguments: dict[str, Any]
    bare: dict[str, Any] | Callable[[Bare], None] = field(repr=False)
    holds: Callable[[dict[str, Any]], bool] = field(default=lambda answer: True, repr=False)
    slow: bool = False


@dataclass(frozen=True)
class Bare:
    """REST requests without any of our code: one session, JSON decoded."""

    session: requests.Session
    uri: str

    def search(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._json(self.session.post(f"{self.uri}/api/2.0/mlflow/runs/search", json=body, timeout=600))

    def models(self, body: dict[str, Any]) -> None:
        told = self._json(self.session.post(f"{self.uri}/api/2.0/mlflow/logged-models/search", json=body, timeout=600))
        assert told["models"]

    def registered(self, most: int) -> None:
        """The registry's page and the logged models of its versions, as a script would read them."""
        told = self._get("registered-models/search", max_results=most)["registered_models"]
        for model in told:
            source = model["latest_versions"][0]["source"]
            self._get(f"logged-models/{source.split('/models/')[1].split('/')[0]}")

    def every_page(self, body: dict[str, Any]) -> None:
        """One page of 1,000 after the other, as a script would read them."""
        token: dict[str, str] = {}
        while True:
            page = self.search(body | {"max_results": 1000} | token)
            assert page["runs"]
            if not page.get("next_page_token"):
                return
            token = {"page_token": page["next_page_token"]}

    def sampled(self, run_id: str) -> None:
        told = self._get(
            "metrics/get-history-bulk-interval", run_ids=run_id, metric_key=seed.CURVE_METRIC, max_results=2500
        )
        assert len(told["metrics"]) == 2500

    def every_point(self, run_id: str) -> None:
        read, token = 0, {}
        while True:
            page = self._get(
                "metrics/get-history", run_id=run_id, metric_key=seed.CURVE_METRIC, max_results=10_000, **token
            )
            read += len(page["metrics"])
            if not page.get("next_page_token"):
                assert read == CURVE
                return
            token = {"page_token": page["next_page_token"]}

    def _get(self, route: str, **params: Any) -> dict[str, Any]:
        return self._json(self.session.get(f"{self.uri}/api/2.0/mlflow/{route}", params=params, timeout=600))

    @staticmethod
    def _json(response: requests.Response) -> dict[str, Any]:
        response.raise_for_status()
        return response.json()


def cases(store: seed.Filled, runs: int) -> list[Case]:
    home, curve = store.invocation_experiment_id, str(store.curve_run_id)
    in_all = {"experiment_ids": store.experiment_ids}
    history = {"run_ids": [curve], "metrics": [seed.CURVE_METRIC]}
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
            in_all | {"filter": invocation, "max_results": 1000},
        ),
        Case(
            "describe_experiment, 40 runs",
            "describe_experiment",
            {"experiment_id": home},
            {"experiment_ids": [home], "max_results": 1000},
        ),
        *cases_of_models(store),
        Case(
            f"aggregate_runs, all {runs:,} runs",
            "aggregate_runs",
            {"metrics": ["*symbolic_correct"], "group_by": ["tags.task_name", "tags.executor"]},
            lambda bare: bare.every_page(in_all),
            lambda answer: answer["exact"] and answer["runs"] == runs + 1,
            slow=True,
        ),
        Case(
            f"aggregate_runs, a metric of a quarter of {runs:,} runs",
            "aggregate_runs",
            {"metrics": ["ifeval_score_micro-average"], "group_by": ["tags.executor"]},
            lambda bare: bare.every_page(in_all),
            lambda answer: answer["exact"] and sum(row[1] for row in answer["table"]["rows"]) == runs // 4,
            slow=True,
        ),
        Case(
            "get_metric_history, 200,000 points, sampled",
            "get_metric_history",
            history,
            lambda bare: bare.sampled(curve),
            lambda answer: "sampled" in answer["curves"][0],
        ),
        Case(
            "get_metric_history, 200,000 points, exact",
            "get_metric_history",
            history | {"exact": True},
            lambda bare: bare.every_point(curve),
            lambda answer: answer["curves"][0]["points"] == CURVE,
            slow=True,
        ),
    ]


def cases_of_models(store: seed.Filled) -> list[Case]:
    """Those that `--only search_models` runs."""
    in_all = {"experiment_ids": store.experiment_ids}
    return [
        Case(
            "search_models, a page of 20 experiments",
            "search_models",
            {"experiment_id": store.experiment_ids[:20]},
            lambda bare: bare.models({"experiment_ids": store.experiment_ids[:20], "max_results": 20}),
            lambda answer: len(answer["models"]["rows"]) == 20,
        ),
        Case(
            "search_models, a page of all experiments",
            "search_models",
            {},
            lambda bare: bare.models(in_all | {"max_results": 20}),
            lambda answer: len(answer["models"]["rows"]) == 20,
        ),
        Case(
            "search_models, ranked on a dataset",
            "search_models",
            {"order_by": ["metrics.f1 DESC"], "dataset": "val (d1)"},
            lambda bare: bare.models(
                in_all
                | {
                    "max_results": 20,
                    "datasets": [{"dataset_name": "val", "dataset_digest": "d1"}],
                    "order_by": [
                        {"field_name": "metrics.f1", "ascending": False, "dataset_name": "val", "dataset_digest": "d1"}
                    ],
                }
            ),
            lambda answer: len(answer["models"]["rows"]) == 20,
        ),
        Case(
            "search_models, 20 registered models",
            "search_models",
            {"registered": True},
            lambda bare: bare.registered(20),
            lambda answer: len(answer["models"]["rows"]) == 20,
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
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/measurements.md as well")
    options = parser.parse_args()
    with filled_server(options) as (uri, store):
        chosen = [case for case in cases(store, options.runs) if options.only in case.name]
        results = measure(uri, chosen, options.rounds)
    print(json.dumps(results) if options.json else table(results))
    if options.markdown:
        command = f"python bench/calls.py --rounds {options.rounds}"
        measurements.write("calls", f"`{command}`, {measurements.today()}.\n\n{markdown(results)}")


@contextmanager
def filled_server(options: argparse.Namespace) -> Iterator[tuple[str, seed.Filled]]:
    size = {"experiments": options.experiments, "runs": options.runs, "curve": CURVE}
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        db = directory / "mlflow.db"
        store = seed.expected(**size) if db.exists() else seed.fill(db, **size)
        # As many workers as `mlflow server` starts by itself: what is asked side by side is answered so.
        with running_mlflow_server(directory, options=("--workers", "4")) as uri:
            yield uri, store


def measure(uri: str, chosen: list[Case], rounds: int) -> list[dict[str, Any]]:
    # On a slow machine a call may need more than the time that hosts give it; what is measured is the ratio.
    env = server_environment() | {"MLFLOW_TRACKING_URI": uri, "MLFLOW_MCP_TIMEOUT": "600"}
    with stdio_server(OURS, env) as server, requests.Session() as session:
        server.initialize()
        server.request("tools/list", {})
        # Else the bare requests would wait for acknowledgements, and ours would not.
        for adapter in session.adapters.values():
            acknowledge_at_once(adapter)
        return [compare(case, server, Bare(session, uri), rounds) for case in chosen]


def compare(case: Case, server: StdioServer, plain: Bare, rounds: int) -> dict[str, Any]:
    def ours() -> None:
        answer = server.call(case.tool, **case.arguments)["structuredContent"]
        assert case.holds(answer), f"{case.name}: {answer}"

    def bare() -> None:
        if callable(case.bare):
            case.bare(plain)
        else:
            assert plain.search(case.bare)["runs"], f"{case.name}: nothing was found, so nothing is measured"

    for warm_up in (ours, bare) if case.slow else (ours, bare, ours, bare):
        warm_up()
    before = server.forget_peak()
    pairs = [(seconds(ours), seconds(bare)) for _ in range(min(rounds, SLOW_ROUNDS) if case.slow else rounds)]
    return {
        "case": case.name,
        "ours_ms": statistics.median(mine for mine, _ in pairs) * 1e3,
        "bare_ms": statistics.median(base for _, base in pairs) * 1e3,
        "ratio": statistics.median(mine / base for mine, base in pairs),
        "more_ms": statistics.median(mine - base for mine, base in pairs) * 1e3,
        "peak_mb": max(0.0, server.memory()["VmHWM"] - before),
    }


def seconds(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'medians':<46}{'ours ms':>10}{'bare ms':>10}{'more ms':>10}{'ratio':>8}{'peak MB':>9}"]
    for row in results:
        times = "".join(f"{row[name]:>10.1f}" for name in ("ours_ms", "bare_ms", "more_ms"))
        lines.append(f"{row['case']:<46}{times}{row['ratio']:>8.2f}{row['peak_mb']:>9.1f}")
    return "\n".join(lines)


def markdown(results: list[dict[str, Any]]) -> str:
    columns = ["Medians", "ours (ms)", "bare requests (ms)", "ratio", "memory, at most (MB more)"]
    names = ("ours_ms", "bare_ms", "ratio", "peak_mb")
    rows = [[row["case"], *(f"{row[name]:,.{2 if name == 'ratio' else 1}f}" for name in names)] for row in results]
    return measurements.table(columns, rows)


if __name__ == "__main__":
    main()
