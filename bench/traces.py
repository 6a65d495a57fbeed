"""Warm calls about traces against the bare REST requests that fetch the same.

    python bench/traces.py --rounds 20
    python bench/traces.py --directory /tmp/bench-traces     # keeps the filled store for the next time

A real `mlflow server` has 200 traces of an agent and one each of 400 spans (2 MB), 5,000 and 32,000 spans, written by MLflow's
tracing client, which takes a minute or two. As in calls.py our server is driven over its pipes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(sys.path.pop(0))  # this folder last: MLflow means Python's `secrets`, not the one here
sys.path.insert(0, str(Path(__file__).parent.parent))

import calls

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.cli.demo.tracing import write
from tests.support.servers import running_mlflow_server
from tests.support.stores import make_empty
from tests.support.traces import large_recording

TICKETS = 200
LARGE = {400: 2_000_000, 5_000: 500_000, 32_000: 3_000_000}  # spans and characters


def recordings():
    yield from (agent.judged(number) for number in range(TICKETS))
    for spans, characters in LARGE.items():
        yield large_recording(f"{spans} spans", spans, characters)


def search(bare: calls.Bare, query: str = "") -> None:
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    asked = {"locations": [place], "max_results": 20, "filter": query}
    answer = bare.session.post(f"{bare.uri}/api/3.0/mlflow/traces/search", json=asked, timeout=600)
    assert len(bare._json(answer)["traces"]) == 20


def search_and_count(bare: calls.Bare) -> None:
    """What the answer without a filter says: a page, and how many there are."""
    search(bare)
    asked = {"experiment_ids": ["0"], "view_type": "TRACES", "metric_name": "trace_count"}
    ways = {"aggregations": [{"aggregation_type": "COUNT"}]}
    answer = bare.session.post(f"{bare.uri}/api/3.0/mlflow/traces/metrics", json=asked | ways, timeout=600)
    assert bare._json(answer)["data_points"]


def fetch(bare: calls.Bare, trace_id: str, spans: int) -> None:
    answer = bare.session.get(
        f"{bare.uri}/api/3.0/mlflow/traces/get", params={"trace_id": trace_id, "allow_partial": "true"}, timeout=600
    )
    assert len(bare._json(answer)["trace"]["spans"]) == spans


def cases() -> list[calls.Case]:
    found = [
        calls.Case(
            "search_traces, 20 of 1 experiment, counted",
            "search_traces",
            {"experiment_id": "0"},
            search_and_count,
            lambda answer: len(answer["traces"]["rows"]) == 20,
        ),
        calls.Case(
            "search_traces, 20 of 1 experiment, filtered",
            "search_traces",
            {"experiment_id": "0", "query": "tags.version = 'v2'"},
            lambda bare: search(bare, "tags.version = 'v2'"),
            lambda answer: len(answer["traces"]["rows"]) == 20,
        ),
    ]
    for spans in LARGE:
        trace_id = large_recording(f"{spans} spans", spans, 1).trace_id
        found.append(
            calls.Case(
                f"get_trace, {spans:,} spans",
                "get_trace",
                {"trace_id": trace_id},
                lambda bare, trace_id=trace_id, spans=spans: fetch(bare, trace_id, spans),
                lambda answer: bool(answer["spans"]["rows"]),
                slow=spans > 1_000,
            )
        )
    return found


@contextmanager
def filled_server(directory: Path) -> Iterator[str]:
    folder = directory / "store"
    is_new = not folder.exists()
    uri = make_empty(folder)
    if is_new:
        for recording in recordings():
            write(uri, "0", recording)
    with running_mlflow_server(folder, options=("--workers", "4")) as served:
        yield served


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--directory", type=Path, help="where the store is, or is made and stays")
    parser.add_argument("--only", default="", help="part of the names of the cases to run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        with filled_server(directory) as uri:
            chosen = [case for case in cases() if options.only in case.name]
            print(calls.table(calls.measure(uri, chosen, options.rounds)))


if __name__ == "__main__":
    main()
