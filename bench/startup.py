"""How soon our server answers, and what memory it then holds, against the smallest server of the same SDK.

    python bench/startup.py --pairs 10 --json

Every pair starts both servers, each first in turns, so that a busy machine slows both. A server is spawned,
asked to `initialize`, for `tools/list`, and for one call. Ours calls `search_experiments` on a real MLflow
server; the smallest one calls its one tool, and to that is added what `import mlflow` takes in a fresh process:
the least that a first real call can cost. Ratios are medians over the pairs; seconds depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import measurements
from stdio_driver import stdio_server

from tests.support.servers import running_mlflow_server, server_environment

OURS = [sys.executable, "-m", "mlflow_mcp"]
FLOOR = [sys.executable, str(Path(__file__).parent / "one_tool_server.py")]
IMPORT_MLFLOW = "import time; t = time.perf_counter(); import mlflow; print(time.perf_counter() - t)"

Sample = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--uri", help="a running MLflow server; without it an empty one is started")
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/measurements.md as well")
    options = parser.parse_args()
    if options.uri:
        pairs = measure(options.uri, options.pairs)
    else:
        with tempfile.TemporaryDirectory() as folder, running_mlflow_server(Path(folder)) as uri:
            pairs = measure(uri, options.pairs)
    summary = summarise(pairs)
    print(json.dumps(summary) if options.json else table(summary, options.pairs))
    if options.markdown:
        command = f"python bench/startup.py --pairs {options.pairs}"
        measurements.write("startup", f"`{command}`, {measurements.today()}.\n\n{markdown(summary)}")


def measure(uri: str, count: int) -> list[tuple[Sample, Sample]]:
    ours(uri), floor()  # fills the page cache and the .pyc files, for both
    pairs = []
    for number in range(count):
        if number % 2:
            first = ours(uri)
            pairs.append((first, floor()))
        else:
            first = floor()
            pairs.append((ours(uri), first))
    return pairs


def ours(uri: str) -> Sample:
    return spawned(OURS, {"MLFLOW_TRACKING_URI": uri}, "search_experiments", {})


def floor() -> Sample:
    sample = spawned(FLOOR, {}, "add", {"a": 1, "b": 2})
    printed = subprocess.run(
        [sys.executable, "-c", IMPORT_MLFLOW], env=server_environment(), check=True, capture_output=True
    )
    return sample | {"first call": sample["first call"] + float(printed.stdout)}


def spawned(command: list[str], variables: dict[str, str], tool: str, arguments: dict[str, int]) -> Sample:
    sample: Sample = {}
    with stdio_server(command, server_environment() | variables) as server:

        def mark(name: str) -> None:
            sample[name] = time.perf_counter() - server.started

        server.initialize()
        mark("initialize")
        server.request("tools/list", {})
        mark("tools/list")
        server.call(tool, **arguments)
        mark("first call")
        memory = server.memory()
    return sample | {"resident MB": memory["VmRSS"], "peak MB": memory["VmHWM"]}


def summarise(pairs: list[tuple[Sample, Sample]]) -> dict[str, dict[str, float]]:
    def medians(name: str) -> dict[str, float]:
        return {
            "ours": statistics.median(mine[name] for mine, _ in pairs),
            "floor": statistics.median(base[name] for _, base in pairs),
            "ratio": statistics.median(mine[name] / base[name] for mine, base in pairs),
        }

    return {name: medians(name) for name in pairs[0][0]}


def table(summary: dict[str, dict[str, float]], count: int) -> str:
    lines = [f"{'medians of ' + str(count) + ' pairs':<24}{'ours':>10}{'floor':>10}{'ratio':>8}"]
    for name, row in summary.items():
        unit = "" if name.endswith("MB") else " (s)"
        lines.append(f"{name + unit:<24}{row['ours']:>10.3f}{row['floor']:>10.3f}{row['ratio']:>8.2f}")
    return "\n".join(lines)


def markdown(summary: dict[str, dict[str, float]]) -> str:
    columns = ["Medians", "ours", "smallest server of the SDK", "ratio"]
    rows = []
    for name, row in summary.items():
        digits = 1 if name.endswith("MB") else 2
        told = name if name.endswith("MB") else f"{name} (s)"
        rows.append([told, f"{row['ours']:.{digits}f}", f"{row['floor']:.{digits}f}", f"{row['ratio']:.2f}"])
    return measurements.table(columns, rows)


if __name__ == "__main__":
    main()
