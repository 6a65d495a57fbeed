"""Many mixed calls to one server over its pipes: what its memory, threads and descriptors are at the begin and at the end.

    python bench/soak.py --calls 1200             # prints the table, about a minute and a half
    python bench/soak.py --calls 1200 --markdown  # and writes it into docs/reliability.md

Good calls of every kind on the demo's data, calls with mistakes, and lines that are no message, in one fixed random order.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measurements
from stdio_driver import StdioServer, stdio_server

from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.cli.demo.data import seed as seed_demo

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"
WARM_UP = 100  # imports, the list of experiments, the threads of the pool
LINES = [b"garbage", b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud83d"}}', b"[" * 5_000, b"\xff\xfe"]


def calls(seeded: Seeded) -> list[tuple[str, dict[str, Any]]]:
    run = f"{seeded.candidate}.0"
    return [
        ("get_server_info", {}),
        ("get_invocation", {"invocation_id": seeded.candidate}),
        ("compare_runs", {"run_ids": [seeded.baseline, seeded.candidate]}),
        ("get_run", {"run_id": run}),
        ("resolve_id", {"id": seeded.candidate[:6]}),
        ("query_runs", {"limit": 20}),
        ("best_runs", {"metric": "accuracy", "experiment_id": "sweeps"}),
        ("describe_experiment", {"experiment_id": "sweeps"}),
        ("aggregate_runs", {"metrics": "accuracy", "group_by": "params.lr"}),
        ("get_metric_history", {"run_ids": "sft-8b-base", "metrics": "train/loss"}),
        ("list_artifacts", {"run_id": run, "recursive": True}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "execution"}),
        ("search_artifacts", {"run_ids": run, "pattern": "error"}),
        ("search_experiments", {"name": "llama"}),
        # with mistakes
        ("get_run", {"run_id": "nothing is called so"}),
        ("query_runs", {"query": "metrics.x is high"}),
        ("query_runs", {"order_by": "x" * 50_000}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "|".join(["[@,@]"] * 60)}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "no such file"}),
    ]


def state(server: StdioServer) -> list[str]:
    """Resident memory, threads and descriptors of the process."""
    process = Path(f"/proc/{server.process.pid}")
    return [
        f"{server.memory()['VmRSS']:.0f} MB",
        str(len(list((process / "task").iterdir()))),
        str(len(list((process / "fd").iterdir()))),
    ]


def one(server: StdioServer, choice: Any) -> float:
    started = time.monotonic()
    if isinstance(choice, bytes):
        assert server.process.stdin
        server.process.stdin.write(choice + b"\n")
        server.process.stdin.flush()
        if "error" not in json.loads(server.line(time.monotonic() + 60)):
            raise SystemExit(f"{choice[:40]!r} was not refused")
    else:
        tool, arguments = choice
        server.request("tools/call", {"name": tool, "arguments": arguments})
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_200)
    parser.add_argument("--markdown", action="store_true")
    chosen = parser.parse_args()
    order = random.Random(7)  # an order, no secret
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/demo.db"
        with contextlib.redirect_stderr(io.StringIO()):  # MLflow's migrations speak
            seeded = seed_demo(uri, str(Path(folder, "artifacts")), log_megabytes=0.1)
        choices = [*calls(seeded), *LINES]
        environment = dict(os.environ) | {"MLFLOW_TRACKING_URI": uri}
        with stdio_server([sys.executable, "-m", "mlflow_mcp"], environment) as server:
            server.initialize()
            for number in range(WARM_UP):
                one(server, choices[number % len(choices)])
            rows = [[f"after {WARM_UP} calls", *state(server)]]
            longest = max(one(server, order.choice(choices)) for _ in range(chosen.calls))
            rows.append([f"after {chosen.calls:,} more", *state(server)])
    table = measurements.table(["", "Memory", "Threads", "Descriptors"], rows)
    summary = f"{chosen.calls:,} mixed calls of {len(choices)} kinds; the slowest took {longest:.1f} s."
    print(summary, table, sep="\n")
    if chosen.markdown:
        measurements.write("soak", f"{measurements.today()}: {summary}\n\n{table}", PAGE)


if __name__ == "__main__":
    main()
