"""A real `mlflow server` for the exports, and a proxy that lets only so many uploads through."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from environments import Environment

HOST = "127.0.0.1"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


@contextmanager
def mlflow_server(environment: Environment, store: Path) -> Iterator[str]:
    """Its address. The database is `store`/mlflow.db, the files are in `store`/artifacts."""
    (store / "artifacts").mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [
        *(environment.program("python"), "-m", "mlflow", "server", "--host", HOST, "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}"),
        *("--artifacts-destination", str(store / "artifacts")),
    ]
    with (store.parent / "mlflow-server.log").open("wb") as log:
        # A session of its own: the server starts workers, and the group is ended as one.
        process = subprocess.Popen(
            command, env=server_environment(), stdout=log, stderr=log, cwd=store.parent, start_new_session=True
        )
        try:
            wait_until_healthy(process, port)
            yield f"http://{HOST}:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def server_environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return {**inherited, **quiet, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # else more processes start


def wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError("The MLflow server did not start; see mlflow-server.log in the working folder.")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextmanager
def refusing_proxy(server: str, uploads: int) -> Iterator[str]:
    """Passes everything on to `server`, but answers uploads after the first `uploads` with 413.

    An ingress with a size limit does the same. MLflow's client does not try a 413 again.
    """
    left = threading.Semaphore(uploads)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PUT" and "/mlflow-artifacts/" in self.path and not left.acquire(blocking=False):
                self.answer(413, [], b"Request Entity Too Large")
                return
            connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            response = connection.getresponse()
            self.answer(response.status, response.getheaders(), response.read())
            connection.close()

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

        def log_message(self, format: str, *args: object) -> None:
            return

    proxy = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
