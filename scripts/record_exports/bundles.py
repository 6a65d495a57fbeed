"""Run inside the newer launcher's environment: evaluation bundles as `nel eval run` leaves them on disk.

Reads a JSON description from standard input. Bundles, scores and files are made by nemo-evaluator's own functions.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from nemo_evaluator.engine.artifacts import build_artifact_bundle, write_all
from nemo_evaluator.metrics.aggregation import summary_stats
from nemo_evaluator.metrics.headline import headline_score_metrics


def main() -> None:
    description = json.load(sys.stdin)
    folder = Path(description["folder"])
    write_bundle(folder, "gsm8k", [short_answer(problem, repeat) for problem in range(20) for repeat in range(2)], 2)
    write_bundle(folder, "terminal-bench/core", [with_tools(problem) for problem in range(6)], 1)


def write_bundle(folder: Path, benchmark: str, results: list[dict[str, Any]], repeats: int) -> None:
    rewards: dict[int, list[float]] = {}
    for result in results:
        rewards.setdefault(result["problem_idx"], []).append(result["reward"])
    metrics = dict(headline_score_metrics(rewards, repeats))
    metrics["summary"] = summary_stats([result["reward"] for result in results])
    config = {
        "benchmark": benchmark,
        "model": "acme/nova-30b-sft",
        "base_url": "https://models.example.com/v1",
        "repeats": repeats,
        "temperature": 0.6,
        "max_tokens": 8192,
        "seed": 7,
    }
    bundle = build_artifact_bundle(benchmark, results, metrics, config)
    bundle["_results"] = results
    write_all(bundle, folder / benchmark.replace("/", "_"))


def short_answer(problem: int, repeat: int) -> dict[str, Any]:
    rng = random.Random(100 * problem + repeat)
    apples, right = 3 + problem, rng.random() < 0.8
    return {
        "problem_idx": problem,
        "repeat": repeat,
        "reward": float(right),
        "scorer_rewards": {},
        "prompt": f"Ana has {apples} apples and buys {apples} more. How many has she?",
        "model_response": f"{apples} + {apples} = {2 * apples if right else 2 * apples + 1}",
        "extracted_answer": str(2 * apples if right else 2 * apples + 1),
        "expected_answer": str(2 * apples),
        "scoring_details": {"method": "exact_match"},
        "metadata": {"category": "addition" if problem % 2 else "counting", "source": "gsm8k"},
        "tokens": rng.randrange(90, 400),
        "latency_ms": round(rng.uniform(400, 2600), 1),
    }


def with_tools(problem: int) -> dict[str, Any]:
    solved = problem % 3 != 0
    steps = [
        {"source": "user", "message": f"Make the tests of task {problem} pass."},
        {
            "source": "agent",
            "message": "I look at the failing test first.",
            "tool_calls": [{"tool_call_id": "c1", "function_name": "bash", "arguments": {"command": "pytest -x"}}],
            "observation": {"results": [{"source_call_id": "c1", "content": f"{1 + problem} failed, 3 passed"}]},
        },
        {"source": "agent", "message": "Fixed." if solved else "I could not find the cause."},
    ]
    return {
        "problem_idx": problem,
        "repeat": 0,
        "reward": float(solved),
        "scorer_rewards": {},
        "prompt": f"Make the tests of task {problem} pass.",
        "model_response": steps[-1]["message"],
        "extracted_answer": None,
        "expected_answer": "",
        "scoring_details": {"tests_passed": 4 + problem if solved else 3},
        "metadata": {"task_id": f"task-{problem}", "category": "debugging"},
        "tokens": 1800 + problem,
        "latency_ms": 42000.0 + problem,
        "trajectory": [{"schema_version": "ATIF-v1.6", "steps": steps}],
    }


if __name__ == "__main__":
    main()
