"""Completion of arguments against one bare request, on 20,000 runs.

    python bench/completion.py --rounds 20
    python bench/completion.py --directory /tmp/bench     # keeps the filled store for the next time
    python bench/completion.py --markdown                 # writes the table into docs/measurements.md

The store is that of calls.py, behind a real `mlflow server`; our server is driven over its pipes. The bare request, in turns
with ours, is one run of all experiments (`runs/search`), which no answer that names a run can do without. `CPU ms` is what MLflow's
server and ours compute for one completion: what it takes on a machine with nothing else to do, whatever else runs on this one.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from typing import Any, NamedTuple

import measurements
import requests
import seed
from calls import OURS, Bare, filled_server, seconds
from stdio_driver import StdioServer, stdio_server

from mlflow_mcp.client.transport.acknowledge import acknowledge_at_once
from tests.support.servers import server_environment

PROMPT = {"type": "ref/prompt", "name": "compare_invocations"}


class Case(NamedTuple):
    """What a person has typed for an argument, and a value that must be offered."""

    argument: str
    typed: str
    value: str
    given: dict[str, str] | None = None


def cases(store: seed.Filled) -> list[Case]:
    invocation, task = store.invocation_id, seed.TASKS[1]
    home = {"experiment": f"user-{int(store.invocation_experiment_id) % 20}/model-{store.invocation_experiment_id}"}
    metric = f"{seed.TASKS[0]}_{seed.SCORES[0]}"
    return [
        Case("experiment", "model-37", "user-17/model-37"),
        Case("run", f"eval-{invocation[:6]}", f"eval-{invocation}-{seed.TASKS[0]}"),
        Case("run", "", ""),
        Case("invocation", invocation[:6], invocation),
        Case("invocation", "", ""),
        Case("task", task[:3], task),
        Case("metric", metric[:4], ""),
        Case("metric", metric[:4], metric, home),
        Case("name", "registered", "registered-20"),
        Case("version", "", "@champion", {"name": "registered-20"}),
    ]


def ask(server: StdioServer, case: Case) -> list[str]:
    params: dict[str, Any] = {"ref": PROMPT, "argument": {"name": case.argument, "value": case.typed}}
    if case.given:
        params["context"] = {"arguments": case.given}
    values = server.request("completion/complete", params)["completion"]["values"]
    return list(values)


def cpu_seconds() -> float:
    """What all processes that this one started have computed up to now."""
    parents, used = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)], used[int(folder.name)] = int(fields[1]), int(fields[11]) + int(fields[12])

    def is_ours(pid: int) -> bool:
        return pid in parents and (parents[pid] == os.getpid() or is_ours(parents[pid]))

    return sum(ticks for pid, ticks in used.items() if is_ours(pid)) / os.sysconf("SC_CLK_TCK")


def measure(uri: str, store: seed.Filled, rounds: int) -> list[list[str]]:
    env = server_environment() | {"MLFLOW_TRACKING_URI": uri}
    with stdio_server(OURS, env) as server, requests.Session() as session:
        server.initialize()
        server.call("get_server_info")
        for adapter in session.adapters.values():
            acknowledge_at_once(adapter)
        plain = Bare(session, uri)
        one_run = {
            "experiment_ids": store.experiment_ids,
            "max_results": 1,
            "order_by": ["attributes.start_time DESC"],
        }
        rows = []
        for case in cases(store):
            offered = ask(server, case) or ask(server, case)  # on a busy machine the first can be late
            assert case.value in offered or (offered and not case.value), f"{case}: {offered}"
            pairs = [
                (seconds(lambda case=case: ask(server, case)), seconds(lambda: plain.search(one_run)))
                for _ in range(rounds)
            ]
            ours = statistics.median(mine for mine, _ in pairs) * 1e3
            ratio = statistics.median(mine / bare for mine, bare in pairs)
            what = f"`{case.argument}`, {f'`{case.typed}` typed' if case.typed else 'nothing typed'}"
            where = ", the experiment known" if case.given and "experiment" in case.given else ""
            before = cpu_seconds()
            for _ in range(rounds):
                ask(server, case)
            cpu = (cpu_seconds() - before) / rounds * 1e3
            rows.append([what + where, f"{cpu:.0f}", f"{ours:.0f}", f"{ratio:.1f}"])
        return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--experiments", type=int, default=500)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--directory", type=Path, help="where the store is, or is made and stays")
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/measurements.md as well")
    options = parser.parse_args()
    with filled_server(options) as (uri, store):
        rows = measure(uri, store, options.rounds)
    table = measurements.table(["Argument", "CPU ms", "ms", "ratio to the bare request"], rows)
    print(table)
    if options.markdown:
        command = f"python bench/completion.py --rounds {options.rounds}"
        measurements.write("completion", f"`{command}`, {measurements.today()}.\n\n{table}")


if __name__ == "__main__":
    main()
