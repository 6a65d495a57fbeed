"""How many characters a model is shown: the text of answers, and what issue and design promise of it.

    python bench/sizes.py               # prints the table
    python bench/sizes.py --markdown    # and writes it into docs/measurements.md
    python bench/sizes.py --check       # exits with 1 when an answer is larger than promised

The answers are those of the real server over the SDK's in-memory client, asked of the demo's data in a sqlite file;
fifty runs and the long curve are those of seed.py. The same code always gives the same sizes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import measurements
import seed
from mcp import Client

from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.cli.demo.data import seed as seed_demo
from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings

CURVE = 200_000


@dataclass(frozen=True)
class Question:
    """A call, and the number of characters that its answer may have."""

    asked: str
    tool: str
    arguments: dict[str, Any]
    most: int | None = None


Size = tuple[Question, int]


def of_the_demo(seeded: Seeded) -> list[Question]:
    run = f"{seeded.candidate}.0"
    return [
        Question("an invocation's four tasks", "get_invocation", {"invocation_id": seeded.candidate}, 3_000),
        Question(
            "two invocations of four tasks, compared",
            "compare_runs",
            {"run_ids": [seeded.baseline, seeded.candidate]},
            4_000,
        ),
        Question("two training runs, compared", "compare_runs", {"run_ids": ["sft-8b-base", "sft-8b-bs512"]}),
        Question("an evaluation with 78 params", "get_run", {"run_id": run}),
        Question("what an id is", "resolve_id", {"id": seeded.candidate}),
        Question("all experiments", "search_experiments", {}),
        Question("an experiment of evaluations", "describe_experiment", {"experiment_id": "ana/llama-3.1-8b"}),
        Question("an experiment of a sweep", "describe_experiment", {"experiment_id": "sweeps"}),
        Question("the five best of a sweep", "best_runs", {"metric": "accuracy", "experiment_id": "sweeps"}),
        Question(
            "two metrics in six groups",
            "aggregate_runs",
            {"metrics": ["accuracy", "loss"], "group_by": ["params.optimizer", "params.lr"]},
        ),
        Question("the tree of a run's files", "list_artifacts", {"run_id": run, "recursive": True}),
        Question(
            "latency and tokens of a run",
            "get_artifact_content",
            {"run_id": run, "artifact_path": "artifacts/eval_factory_metrics.json"},
        ),
    ]


def of_the_bench(store: seed.Filled) -> list[Question]:
    curve = {"run_ids": [store.curve_run_id], "metrics": [seed.CURVE_METRIC]}
    task = seed.TASKS[0]
    metrics = [f"{task}_{score}" for score in seed.SCORES]
    return [
        Question(
            "fifty runs of 20 experiments with three metrics",
            "query_runs",
            {"query": f"tags.task_name = '{task}'", "metrics": metrics, "params": [], "tags": [], "limit": 50},
            6_000,
        ),
        Question(
            "the same, columns chosen by the server", "query_runs", {"query": f"tags.task_name = '{task}'", "limit": 50}
        ),
        Question("a curve of 200,000 points, sampled", "get_metric_history", curve, 6_000),
        Question("a curve of 200,000 points, exact", "get_metric_history", curve | {"exact": True}, 6_000),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/measurements.md as well")
    parser.add_argument("--check", action="store_true", help="exit with 1 when an answer is larger than promised")
    options = parser.parse_args()
    sizes = measure()
    print("\n".join(f"{question.asked:<45}{size:>8,}" for question, size in sizes))
    if options.markdown:
        measurements.write("sizes", f"`python bench/sizes.py --markdown`.\n\n{markdown(sizes)}")
    too_large = [question.asked for question, size in sizes if question.most is not None and size >= question.most]
    for asked in too_large:
        print(f"larger than promised: {asked}", file=sys.stderr)
    return 1 if options.check and too_large else 0


def measure() -> list[Size]:
    with tempfile.TemporaryDirectory() as folder:
        demo, large = Path(folder, "demo.db"), Path(folder, "large.db")
        with contextlib.redirect_stderr(io.StringIO()):  # MLflow's migrations speak
            seeded = seed_demo(f"sqlite:///{demo}", str(Path(folder, "artifacts")), log_megabytes=0.1)
            filled = seed.fill(large, experiments=20, runs=400, curve=CURVE)
        sizes = anyio.run(ask, f"sqlite:///{demo}", of_the_demo(seeded))
        return sizes + anyio.run(ask, f"sqlite:///{large}", of_the_bench(filled))


async def ask(uri: str, questions: Sequence[Question]) -> list[Size]:
    sizes = []
    async with Client(build_server(Settings(tracking_uri=uri))) as client:
        for question in questions:
            result = await client.call_tool(question.tool, question.arguments)
            text = "\n".join(block.text for block in result.content if block.type == "text")
            assert not result.is_error, f"{question.asked}: {text}"
            sizes.append((question, len(text)))
    return sizes


def markdown(sizes: Sequence[Size]) -> str:
    rows = [
        [question.asked, f"`{question.tool}`", f"{size:,}", f"under {question.most:,}" if question.most else ""]
        for question, size in sizes
    ]
    return measurements.table(["Answer", "Tool", "Characters", "Promised"], rows)


if __name__ == "__main__":
    sys.exit(main())
