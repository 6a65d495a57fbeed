"""summarize_traces against the bare metric queries that answer the same question, over many traces.

    python bench/summaries.py --rounds 10
    python bench/summaries.py --traces 100000 --directory /tmp/traces     # keeps the filled store for the next time

A real `mlflow server` with four workers serves traces on sqlite. They are copies, with times, ids, states and durations
of their own, of the forty that the demo's agent leaves behind, which MLflow's own client wrote. Our server is driven over
its pipes as in calls.py; the bare queries go side by side through one `requests.Session`, as many at a time as ours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import calls

# Else MLflow's server imports secrets.py of this folder in place of the standard library's.
sys.path.remove(str(Path(__file__).resolve().parent))

from tests.support.servers import running_mlflow_server
from tests.support.stores import make_empty
from tests.support.traces import TraceStore, make_traces, multiply

AT_ONCE = 8
COUNT = {"aggregation_type": "COUNT"}
SECONDS = [
    {"aggregation_type": "AVG"},
    *({"aggregation_type": "PERCENTILE", "percentile_value": share} for share in (50, 95, 99)),
    {"aggregation_type": "MAX"},
]
SUM = {"aggregation_type": "SUM"}


def asked(experiment_id: str, *bodies: dict[str, Any]):
    """The bare queries, side by side."""

    def ask(bare: calls.Bare, body: dict[str, Any]) -> None:
        url = f"{bare.uri}/api/3.0/mlflow/traces/metrics"
        bare._json(bare.session.post(url, json=body | {"experiment_ids": [experiment_id]}, timeout=600))

    def all_of_them(bare: calls.Bare) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda body: ask(bare, body), bodies))

    return all_of_them


def cases(experiment_id: str, count_of_traces: int) -> list[calls.Case]:
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
    whole = (count, latency, *tokens, cost, failed, assessed)
    of_v2 = [{**each, "filters": [*each.get("filters", ()), "trace.tag.version = 'v2'"]} for each in whole]
    by_span = (
        spans | {"metric_name": "span_count", "aggregations": [COUNT], "dimensions": ["span_name", "span_status"]},
        spans | {"metric_name": "latency", "aggregations": SECONDS[1:3], "dimensions": ["span_name"]},
        count,
    )
    in_it = {"experiment_id": experiment_id}
    return [
        calls.Case(
            f"summarize_traces, all {count_of_traces:,}",
            "summarize_traces",
            in_it,
            asked(experiment_id, *whole),
            lambda answer: answer["traces"] == count_of_traces,
        ),
        calls.Case(
            "summarize_traces, one version of two",
            "summarize_traces",
            in_it | {"query": "tags.version = 'v2'"},
            asked(experiment_id, *of_v2),
            lambda answer: answer["traces"] == count_of_traces // 2,
        ),
        calls.Case(
            "summarize_traces by span",
            "summarize_traces",
            in_it | {"group_by": "span"},
            asked(experiment_id, *by_span),
            lambda answer: answer["traces"] == count_of_traces,
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
            found = calls.measure(uri, cases(store.experiment_id, options.traces), options.rounds)
    print(calls.table(found))


def filled(folder: Path, count: int) -> TraceStore:
    is_new = not (folder / "traces").exists()
    store = make_traces(folder / "traces", make_empty(folder / "empty"))
    if is_new:
        multiply(store, count)
    return store


if __name__ == "__main__":
    main()
