"""Reading a large log of a run against what bare tools need for the same.

    python bench/artifacts.py
    python bench/artifacts.py --megabytes 60 --rounds 5 --json

A real `mlflow server` has one log of 180 MB and eight of an eighth of it. Measured are the last 100 lines against one bare
ranged request, counting a word in all of it against `curl | grep -c`, and eight logs in one call against eight calls.
Rounds take both in turns. What our process grew by is its peak after the rounds, less what it had after the warm-up.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent.parent))

from stdio_driver import StdioServer, stdio_server

from tests.support.servers import running_mlflow_server, server_environment

OURS = [sys.executable, "-m", "mlflow_mcp"]
WORD = "finish_reason=length"
EXPRESSION = r"HTTP (429|5\d\d)"
LINE = "2026-10-12 02:00:{:02d}.{:03d} \x1b[32mINFO\x1b[0m client: request {} finish_reason={} tokens={} HTTP {}\n"


@dataclass(frozen=True)
class Case:
    """One question in two ways, and how much longer ours may take."""

    name: str
    ours: Callable[[], Any]
    bare: Callable[[], Any]
    target: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=180)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="", help="part of the names of the cases to run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        # As many workers as `mlflow server` starts by itself: what is asked side by side is answered so.
        with running_mlflow_server(directory, options=("--workers", "4")) as uri:
            run_id = a_run_with_logs(uri, directory, options.megabytes * 1_000_000)
            env = server_environment() | {"MLFLOW_TRACKING_URI": uri}
            with stdio_server(OURS, env) as server:
                server.initialize()
                chosen = [case for case in cases(server, uri, run_id) if options.only in case.name]
                results = [compare(case, server, options.rounds) for case in chosen]
    print(json.dumps(results) if options.json else table(results))


def a_run_with_logs(uri: str, directory: Path, size: int) -> str:
    """A run with `large.log` and `small-0.log` to `small-7.log`, put where the server keeps its artifacts."""
    api = f"{uri}/api/2.0/mlflow/runs/create"
    made = requests.post(api, json={"experiment_id": "0", "start_time": 1, "run_name": "logs"}, timeout=60).json()
    info = made["run"]["info"]
    folder = directory / "artifacts" / info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    folder.mkdir(parents=True)
    write_log(folder / "large.log", size)
    for number in range(8):
        write_log(folder / f"small-{number}.log", size // 8)
    return str(info["run_id"])


def write_log(path: Path, size: int) -> None:
    reasons, codes = ["stop"] * 99 + ["length"], ["200"] * 499 + ["429"]
    lines = "".join(
        LINE.format(n % 60, n % 1000, n, reasons[n % 100], n * 7919 % 4000, codes[n % 500]) for n in range(10_000)
    )
    with path.open("w") as file:
        for _ in range(size // len(lines)):
            file.write(lines)


def cases(server: StdioServer, uri: str, run_id: str) -> list[Case]:
    url = f"{uri}/get-artifact?run_id={run_id}&path="

    def last_bytes() -> None:
        # On a kept connection a server of several workers takes 40 ms longer: head and body come as two packets.
        headers = {"Range": "bytes=-20000", "Connection": "close"}
        assert requests.get(f"{url}large.log", headers=headers, timeout=60).status_code == 206

    def last_lines() -> None:
        answer = server.call("get_artifact_content", run_id=run_id, artifact_path="large.log", tail=100)
        assert answer["structuredContent"]["text"].count("\n") == 100

    def counted(pattern: str, **more: Any) -> Callable[[], int]:
        asked = {"run_ids": run_id, "pattern": pattern, "glob": "large.log", "max_matches": 0} | more
        return lambda: server.call("search_artifacts", **asked)["structuredContent"]["total"]

    def grep(pattern: str, *options: str) -> Callable[[], int]:
        command = f"curl -s {shlex.quote(url + 'large.log')} | grep -c {' '.join(options)} {shlex.quote(pattern)}"
        return lambda: int(subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True).stdout)

    def one_by_one() -> None:
        for number in range(8):
            counted(WORD, glob=f"small-{number}.log")()

    return [
        Case("last 100 lines | one ranged request", last_lines, last_bytes, 3.0),
        Case("count a word | curl, grep -c", counted(WORD), grep(WORD, "-F"), 1.3),
        Case("count a frequent word | curl, grep -c", counted("client"), grep("client", "-F"), 1.3),
        Case("count an expression | curl, grep -cE", counted(EXPRESSION), grep("HTTP (429|5[0-9][0-9])", "-E")),
        Case("8 logs in one call | in 8 calls", counted(WORD, glob="small-*.log"), one_by_one, 1.0),
    ]


def compare(case: Case, server: StdioServer, rounds: int) -> dict[str, Any]:
    for warm_up in (case.ours, case.bare):
        found = {warm_up() for _ in range(2)}
        assert len(found) == 1, found
    before = server.memory()["VmRSS"]
    pairs = [(seconds(case.ours), seconds(case.bare)) for _ in range(rounds)]
    after = server.memory()
    return {
        "case": case.name,
        "ours_ms": statistics.median(mine for mine, _ in pairs) * 1e3,
        "bare_ms": statistics.median(base for _, base in pairs) * 1e3,
        "ratio": statistics.median(mine / base for mine, base in pairs),
        "target": case.target,
        "grown_mb": max(after["VmRSS"], after["VmHWM"]) - before,
    }


def seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'medians':<42}{'ours ms':>10}{'bare ms':>10}{'ratio':>8}{'target':>8}{'grown MB':>10}"]
    for row in results:
        target = "" if row["target"] is None else f"{row['target']:.1f}"
        times = f"{row['ours_ms']:>10.1f}{row['bare_ms']:>10.1f}{row['ratio']:>8.2f}"
        lines.append(f"{row['case']:<42}{times}{target:>8}{row['grown_mb']:>10.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
