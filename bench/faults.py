"""How many faults of a server every tool survives: it answers, in time, with a sentence that names something.

    python bench/faults.py               # prints the table, about two minutes
    python bench/faults.py --markdown    # and writes it into docs/reliability.md

Each fault is a real server on this machine that answers wrongly. Survived is a call that ended as an error of one sentence
within LATEST seconds, did not call anything absent that it could not ask for, and did not fail "unexpectedly".
"""

from __future__ import annotations

import argparse
import json
import socketserver
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import measurements
from mcp import Client

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the tests' bad servers

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support.servers import HOST, QuietServer, refused_uri, serving, stalling_server

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"
LATEST = 10.5
RUN = "0" * 32
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_server_info", {}),
    ("resolve_id", {"id": "71f3f3199ea5e1f0"}),
    ("search_experiments", {}),
    ("query_runs", {}),
    ("best_runs", {"metric": "accuracy", "mode": "max"}),
    ("aggregate_runs", {"metrics": "accuracy", "group_by": "params.lr"}),
    ("compare_runs", {"run_ids": [RUN, "1" * 32]}),
    ("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"}),
    ("get_run", {"run_id": RUN}),
    ("get_metric_history", {"run_ids": RUN, "metrics": "loss"}),
    ("list_artifacts", {"run_id": RUN}),
    ("download_artifacts", {"run_ids": RUN}),
]
FALSE = ("No run", "No experiment", "is no id", "There are no", "unexpectedly", "failed inside")


def http(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + body


def packed(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)) + packer.flush()


JSON = "Content-Type: application/json"
STATUSES = [400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 429, 451, 500, 501, 502, 503, 504, 520]
BODIES = {
    "{}": b"{}",
    "a status": b'{"status": "ok"}',
    "nothing": b"",
    "null": b"null",
    "a list": b"[1]",
    "a number": b"17",
    "half of a JSON": b'{"experiments": [',
    "HTML": b"<html>Sign in</html>",
    "no ids": b'{"experiments": [{}], "runs": [{}], "run": {}, "files": [{}], "metrics": [{}]}',
    "wrong types": b'{"experiments": 7, "runs": "x", "run": [], "files": {}, "metrics": 3}',
    "nulls": b'{"experiments": null, "runs": null, "run": null, "files": null}',
    "deep JSON": b"[" * 50_000,
    "5,000 digits": b'{"experiments": [{"experiment_id": ' + b"9" * 5_000 + b"}]}",
    "not UTF-8": b'{"experiments": "\xff\xfe"}',
    "binary": bytes(range(256)) * 10,
}
FAULTS: dict[str, bytes] = {
    **{f"status {status}": http(f"{status} x", b"", "Retry-After: 3600") for status in STATUSES},
    **{f"200 with {name}": http("200 OK", body, JSON) for name, body in BODIES.items()},
    "an answer that is cut": http("200 OK", b'{"experiments"', JSON, length=500),
    "no gzip": http("200 OK", b"no gzip", "Content-Encoding: gzip"),
    "a cut gzip": http("200 OK", packed(1_000_000)[:200], "Content-Encoding: gzip"),
    "600 MB in 600 kB": http("200 OK", packed(600_000_000), "Content-Encoding: gzip"),
    "80 MB": http("200 OK", b" " * 80_000_000, JSON),
    "a redirect to another host": http("302 x", b"", "Location: http://mlflow.invalid/"),
    "a redirect in circles": http("302 x", b"", "Location: /again"),
    "a redirect to nowhere": http("302 x", b"", "Location: http://["),
    "a redirect to a file": http("302 x", b"", "Location: file:///etc/passwd"),
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "a length of words": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing but a line end": b"\r\n",
    "HTTP/0.9": b"hello",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000,
    "a header of 1 MB": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
    "nothing at all": b"",
}


@contextmanager
def sending(answer: bytes, hold: bool = False) -> Iterator[str]:
    """Sends these bytes to whoever asks, and closes, or holds the connection."""

    class Send(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(60)
            try:
                self.request.recv(65536)
                self.request.sendall(answer)
                while hold and self.request.recv(65536):
                    pass
            except OSError:
                pass

    with serving(QuietServer((HOST, 0), Send)) as uri:
        yield uri


OTHERS: dict[str, Callable[[], Any]] = {
    "a port where nobody listens": refused_uri,
    "a server that is silent": stalling_server,
    "a head without a body": lambda: sending(http("200 OK", b"", JSON, length=100), hold=True),
    "half a body and silence": lambda: sending(http("200 OK", b'{"experi', JSON, length=100), hold=True),
    "half a head and silence": lambda: sending(b"HTTP/1.1 200 OK\r\nX: y\r\n", hold=True),
}


async def survived(uri: str) -> tuple[int, float, list[str]]:
    """Of CALLS how many, the slowest, and what was wrong with the others."""
    slowest, good, wrong = 0.0, 0, []
    async with Client(build_server(Settings(tracking_uri=uri, download_dir="/nonexistent"))) as client:

        async def one(tool: str, arguments: dict[str, Any]) -> None:
            nonlocal slowest, good
            started = time.monotonic()
            result = await client.call_tool(tool, arguments)
            took = time.monotonic() - started
            slowest = max(slowest, took)
            text = " ".join(getattr(block, "text", "") for block in result.content)
            if result.is_error and took < LATEST and not any(word in text for word in FALSE):
                good += 1
            else:
                wrong.append(f"{tool} after {took:.1f} s: {text[:150]}")

        async with anyio.create_task_group() as tasks:
            for tool, arguments in CALLS:
                tasks.start_soon(one, tool, arguments)
    return good, slowest, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--only", default="", help="faults with this in their name")
    chosen = parser.parse_args()
    servers: dict[str, Callable[[], Any]] = {name: (lambda a=answer: sending(a)) for name, answer in FAULTS.items()}
    rows, total, tried, slowest = [], 0, 0, 0.0
    for name, make in (servers | OTHERS).items():
        if chosen.only not in name:
            continue
        with make() as uri:
            good, longest, wrong = anyio.run(survived, uri)
        total, tried, slowest = total + good, tried + len(CALLS), max(slowest, longest)
        rows.append([name, f"{good} of {len(CALLS)}", f"{longest:.1f}"])
        print(json.dumps(rows[-1]), *wrong, sep="\n    ", flush=True)
    summary = f"{len(rows)} faults, {total} of {tried} calls survived, the slowest took {slowest:.1f} s."
    print(summary)
    if chosen.markdown:
        shown = measurements.table(["Fault", "Calls survived", "Slowest (s)"], rows)
        measurements.write("faults", f"{measurements.today()}: {summary}\n\n{shown}", PAGE)


if __name__ == "__main__":
    main()
