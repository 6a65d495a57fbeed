"""summarize_traces against the bare metric queries that answer the same question, over many traces.

    python bench/summaries.py --rounds 10
    python bench/summaries.py --traces 100000 --directory /tmp/traces     # keeps the filled store for the next time

A real `mlflow server` with four workers serves traces on sqlite. They are copies, with times, ids, states and durations
of their own, of the forty that the demo's agent leaves behind, which MLflow's own client wrote. Our server is driven over
its pipes; the bare queries go side by side through `requests`, as many at a time as ours, JSON decoded. Rounds take both in turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent.parent))

from calls import OURS
from stdio_driver import stdio_server

from tests.support import raw_store
from tests.support.servers import running_mlflow_server, server_environment
from tests.support.stores import make_empty
from tests.support.traces import TraceStore, make_traces

COUNT = {"aggregation_type": "COUNT"}
SECONDS = [
    {"aggregation_type": "AVG"},
    *({"aggregation_type": "PERCENTILE", "percentile_value": share} for share in (50, 95, 99)),
    {"aggregation_type": "MAX"},
]
SUM = {"aggregation_type": "SUM"}


@dataclass(frozen=True)
class Case:
    name: str
    arguments: dict[str, Any]
    bare: list[dict[str, Any]]


def cases() -> list[Case]:
    traces = {"view_type": "TRACES"}
    spans = {"view_type": "SPANS"}
    count = traces | {"metric_name": "trace_count", "aggregations": [COUNT], "dimensions": ["trace_status"]}
    latency = traces | {"metric_name": "latency", "aggregations": SECONDS}
    tokens = [
        traces | {"metric_name": f"{name}_tokens", "aggregations": [SUM]} for name in ("total", "input", "output")
    ]
    cost = spans | {"metric_name": "total_cost", "aggregations": [SUM]}
    failed = spans | {
        "metric_name": "span_count",
        "aggregations": [COUNT],
        "dimensions": ["span_name", "span_type"],
        "filters": ["span.status = 'ERROR'"],
    }
    assessed = {
        "view_type": "ASSESSMENTS",
        "metric_name": "assessment_count",
        "aggregations": [COUNT],
        "dimensions": ["assessment_name", "assessment_value"],
        "filters": ["assessment.type = 'feedback'"],
    }
    by_span = {"dimensions": ["span_name", "span_status"]}
    return [
        Case("all", {}, [count, latency, *tokens, cost, failed, assessed]),
        Case(
            "of one version",
            {"query": "tags.version = 'v2'"},
            [
                {**each, "filters": [*each.get("filters", ()), "trace.tag.version = 'v2'"]}
                for each in (count, latency, *tokens, cost, failed, assessed)
            ],
        ),
        Case(
            "by span",
            {"group_by": "span"},
            [
                spans | {"metric_name": "span_count", "aggregations": [COUNT]} | by_span,
                spans | {"metric_name": "latency", "aggregations": SECONDS[1:3], "dimensions": ["span_name"]},
                count,
            ],
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--directory", type=Path, help="where the store is, or is made and stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.directory or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        store = filled(folder, options.traces)
        with running_mlflow_server(folder / "traces", options=("--workers", "4")) as uri:
            for case in cases():
                print(measured(uri, store, case, options), flush=True)


def filled(folder: Path, count: int) -> TraceStore:
    is_new = not (folder / "traces").exists()
    store = make_traces(folder / "traces", make_empty(folder / "empty"))
    if is_new:
        multiply(store, count)
    return store


def multiply(store: TraceStore, count: int) -> None:
    """Copies of the agent's forty traces, a second apart, until there are so many."""
    with raw_store.opened(store.uri) as db:
        db.execute(f"CREATE TEMP TABLE copies AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {count // 40 - 1}) SELECT n FROM n")
        of_agent = f"request_id IN (SELECT request_id FROM trace_info WHERE experiment_id = {store.experiment_id})"
        new_id = "substr({id}, 1, 20) || printf('%015d', n)"
        changed = {
            "request_id": new_id.format(id="request_id"),
            "trace_id": new_id.format(id="trace_id"),
            "assessment_id": "assessment_id || n",
            "timestamp_ms": "timestamp_ms + n * 1000",
            "trace_timestamp_ms": "trace_timestamp_ms + n * 1000",
            "execution_time_ms": "execution_time_ms + (n * 7919) % 1000",
            "start_time_unix_nano": "start_time_unix_nano + n * 1000000000",
            "end_time_unix_nano": "end_time_unix_nano + n * 1000000000 + ((n * 7919) % 1000) * 1000000",
        }  # fmt: skip
        for table, of_these in (
            ("trace_info", of_agent),
            ("trace_tags", of_agent),
            ("trace_request_metadata", of_agent),
            ("spans", f"experiment_id = {store.experiment_id}"),
            ("assessments", f"experiment_id = {store.experiment_id}"),
        ):
            columns = [name for name in raw_store.columns_of(db, table)]
            values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
            db.execute(f"CREATE TEMP TABLE these AS SELECT * FROM {table} WHERE {of_these}")
            names = ", ".join(f'"{name}"' for name in columns)
            db.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM these, copies")
            db.execute("DROP TABLE these")


def measured(uri: str, store: TraceStore, case: Case, options: argparse.Namespace) -> str:
    bodies = [each | {"experiment_ids": [store.experiment_id]} for each in case.bare]
    arguments = {"experiment_id": store.experiment_id} | case.arguments
    with ThreadPoolExecutor(8) as pool, requests.Session() as session, stdio_server(OURS, server_environment(MLFLOW_TRACKING_URI=uri)) as ours:

        def ask(body: dict[str, Any]) -> None:
            response = session.post(f"{uri}/api/3.0/mlflow/traces/metrics", json=body, timeout=600)
            response.raise_for_status()
            assert response.json()

        rounds: list[tuple[float, float]] = []
        for _ in range(options.rounds + 1):
            started = time.perf_counter()
            ours.call("summarize_traces", arguments)
            between = time.perf_counter()
            list(pool.map(ask, bodies))
            rounds.append((between - started, time.perf_counter() - between))
        with_ours, bare = (statistics.median(side) for side in zip(*rounds[1:]))
    return f"{case.name}: {with_ours:.3f} s, bare {bare:.3f} s, ratio {with_ours / bare:.2f} ({options.traces:,} traces)"


if __name__ == "__main__":
    main()
