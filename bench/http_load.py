"""Our server over HTTP under load, against a bare proxy that sends MLflow the same requests.

    python bench/http_load.py                       # less than four minutes
    python bench/http_load.py --seconds 20 --soak-seconds 600
    python bench/http_load.py --markdown            # writes the tables into docs/measurements.md

A real `mlflow server` serves the demo's data. Each caller sends one `query_runs` after another, as a client of 2026-07-28 does;
the bare proxy answers each with the bytes of the requests that this call makes of MLflow. The soak then sends short calls
for a while and prints the server's memory, threads and descriptors on the way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parent.parent))

import measurements

from tests.support.servers import faulty_proxy, free_port, running_mlflow_server, server_environment, wait_until_healthy

CALLERS = (1, 10, 50)
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
}


def call_of(tool: str, **arguments: Any) -> tuple[dict[str, Any], dict[str, str]]:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return body, HEADERS | {"Mcp-Method": "tools/call", "Mcp-Name": tool}


@contextmanager
def process(command: list[str], port: int, path: str, folder: Path, **variables: str) -> Iterator[int]:
    log = folder / f"{port}.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, env=server_environment() | variables, stdout=file, stderr=file) as started,
    ):
        try:
            wait_until_healthy(lambda: started.poll() is None, port, log, path)
            yield started.pid
        finally:
            started.terminate()


@contextmanager
def ours(uri: str, folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "mlflow_mcp", "serve", "--transport", "http", "--port", str(port)]
    limits = {"MLFLOW_MCP_CALLS_PER_MINUTE": "0", "MLFLOW_MCP_CALLS_AT_ONCE": "50"}
    with process(command, port, "/ready", folder, MLFLOW_TRACKING_URI=uri, **limits) as pid:
        yield f"http://127.0.0.1:{port}/mcp", pid


@contextmanager
def bare(uri: str, requests: list[tuple[str, str, str]], folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, __file__, "--bare", json.dumps([uri, requests, port])]
    with process(command, port, "/health", folder):
        yield f"http://127.0.0.1:{port}/mcp"


def serve_bare(uri: str, requests: list[tuple[str, str, str]], port: int) -> None:
    client = httpx2.AsyncClient(base_url=uri, limits=httpx2.Limits(max_connections=100, keepalive_expiry=1), timeout=60)

    async def answer(request: Request) -> Response:
        await request.body()
        parts = [
            (await client.request(method, path, content=body, headers={"Content-Type": "application/json"})).content
            for method, path, body in requests
        ]
        return Response(b"".join(parts), media_type="application/json")

    async def health(_: Request) -> Response:
        return Response(b"ok")

    routes = [Route("/mcp", answer, methods=["POST"]), Route("/health", health)]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="warning")


async def load(
    address: str, call: tuple[dict[str, Any], dict[str, str]], callers: int, seconds: float, most: int = 0
) -> list[float]:
    """The seconds of each call."""
    took: list[float] = []
    body, headers = call
    end = time.monotonic() + seconds

    async def caller() -> None:
        async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
            while time.monotonic() < end and (not most or len(took) < most):
                started = time.monotonic()
                answer = await client.post(address, json=body)
                took.append(time.monotonic() - started)
                assert answer.status_code == 200, (address, answer.text)
                assert b'"isError":true' not in answer.content, answer.text

    await asyncio.gather(*(caller() for _ in range(callers)))
    return took


def state_of(pid: int) -> list[str]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory = int(status["VmRSS"].split()[0]) / 1024
    return [f"{memory:.0f}", status["Threads"].strip(), str(len(list(Path(f"/proc/{pid}/fd").iterdir())))]


def seen_at_mlflow(uri: str, call: tuple[dict[str, Any], dict[str, str]], folder: Path) -> list[tuple[str, str, str]]:
    """The requests that one warm call makes."""
    with faulty_proxy(uri) as proxy, ours(proxy.uri, folder) as (address, _):
        asyncio.run(load(address, call, 1, 60, most=2))
        before = len(proxy.requests)
        asyncio.run(load(address, call, 1, 60, most=1))
        return [(seen.method, seen.path, seen.body.decode()) for seen in proxy.requests[before:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="of each number of callers, for each of both servers")
    parser.add_argument("--soak-seconds", type=float, default=60)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        serve_bare(*json.loads(arguments.bare))
        return
    with tempfile.TemporaryDirectory() as name:
        lines = measured(Path(name), arguments.seconds, arguments.soak_seconds)
    text = "\n".join(lines)
    print(text)
    if arguments.markdown:
        command = f"python bench/http_load.py --seconds {arguments.seconds:g} --soak-seconds {arguments.soak_seconds:g}"
        measurements.write("http", f"`{command}`, {measurements.today()}.\n\n{text}")


def measured(folder: Path, seconds: float, soak_seconds: float) -> list[str]:
    from mlflow_mcp.cli.demo.data import seed
    from tests.support.stores import make_empty

    make_empty(folder)
    seed(f"sqlite:///{folder / 'mlflow.db'}", str(folder / "artifacts"), log_megabytes=1)
    call = call_of("query_runs", experiment_id="sweeps", limit=20)
    cheap = call_of("search_experiments")
    with running_mlflow_server(folder) as uri:
        requests = seen_at_mlflow(uri, call, folder)
        lines = [f"One call makes {len(requests)} requests of MLflow.", ""]
        lines += [
            "| Callers | Calls/s | Bare calls/s | Ratio | p50 (ms) | Bare p50 (ms) | p95 (ms) | Bare p95 (ms) |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        with ours(uri, folder) as (address, pid), bare(uri, requests, folder) as plain:
            for callers in CALLERS:
                asyncio.run(load(address, call, callers, 3))
                mine, other = in_turns(call, callers, seconds, address, plain)
                cells = [f"{len(mine) / seconds:.0f}", f"{len(other) / seconds:.0f}", f"{len(mine) / len(other):.2f}"]
                cells += [f"{1000 * at(each, part):.0f}" for part in (0.5, 0.95) for each in (mine, other)]
                lines.append(f"| {callers} | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
            lines += ["", "| Calls so far | Memory (MB) | Threads | Descriptors |", "| --- | --- | --- | --- |"]
            asyncio.run(load(address, cheap, 20, 2))
            calls = 0
            for step in range(6):
                if step:
                    calls += len(asyncio.run(load(address, cheap, 20, soak_seconds / 5)))
                time.sleep(6)  # idle connections are closed
                lines.append(f"| {calls:,} | {' | '.join(state_of(pid))} |")
                print(lines[-1], flush=True)
    return lines


def in_turns(
    call: tuple[dict[str, Any], dict[str, str]], callers: int, seconds: float, *addresses: str
) -> list[list[float]]:
    """What each call took, sorted, by address; in four slices, because other work on the machine comes and goes."""
    took: list[list[float]] = [[] for _ in addresses]
    for _ in range(4):
        for found, address in zip(took, addresses):
            found += asyncio.run(load(address, call, callers, seconds / 4))
    return [sorted(each) for each in took]


def at(sorted_values: list[float], part: float) -> float:
    return statistics.quantiles(sorted_values, n=100)[round(part * 100) - 1]


if __name__ == "__main__":
    main()
