"""Servers to test against, good and bad, made by real means: processes, sockets and bytes, nothing mocked.

Each is a context manager on 127.0.0.1 and a free port, and has ended when its block ends. Most yield their
URI; `faulty_proxy` yields a `Proxy`, which also tells what was asked of it.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

HOST = "127.0.0.1"

# The shell waits on a pipe that only this process holds. When it closes, because pytest died in whatever way,
# the shell kills the whole group: MLflow's launcher, uvicorn, its workers. When the server ends by itself, so
# does the group, and whoever polls it sees that.
WATCHED = '{ "$@" </dev/null; kill -KILL 0; } & read -r _; kill -KILL 0'


@contextmanager
def running_mlflow_server(
    directory: Path,
    *,
    artifacts: Path | None = None,
    options: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
) -> Iterator[str]:
    """A real `mlflow server` over `directory`/mlflow.db (made if missing) and `artifacts` or `directory`/artifacts.

    `options` are more words for its command line, `environment` more variables. It writes server.log there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{directory / 'mlflow.db'}"),
        *("--serve-artifacts", "--artifacts-destination", str(artifacts or directory / "artifacts")),
        *options,
    ]
    log = directory / "server.log"
    with watched_process(command, log, server_environment() | (environment or {})) as process:
        wait_until_healthy(lambda: process.poll() is None, port, log)
        yield f"http://{HOST}:{port}"


@contextmanager
def forked_mlflow_server(
    session_folder: Path,
    directory: Path,
    *,
    artifacts: Path | None = None,
    environment: dict[str, str] | None = None,
    basic_auth: bool = False,
) -> Iterator[str]:
    """The same server, forked from a process of this session that has imported it: seconds less each time."""
    from tests.support.mlflow_forks import connected

    directory.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), directory / "server.log"
    # What `mlflow server` hands its workers for these options.
    options = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{directory / 'mlflow.db'}",
        "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{directory / 'mlflow.db'}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(artifacts or directory / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
    }
    variables = server_environment() | options | (environment or {})
    asked = {"port": port, "log": str(log), "environment": variables, "basic_auth": basic_auth}
    with connected(session_folder) as connection:
        connection.sendall(json.dumps(asked).encode() + b"\n")
        wait_until_healthy(lambda: True, port, log)
        yield f"http://{HOST}:{port}"


@contextmanager
def running_s3_server(directory: Path) -> Iterator[str]:
    """An S3 server that keeps everything in memory and takes any credentials."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    log = directory / "s3.log"
    with watched_process(command, log, dict(os.environ)) as process:
        wait_until_healthy(lambda: process.poll() is None, port, log, "/moto-api/")
        yield f"http://{HOST}:{port}"


@contextmanager
def watched_process(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to `log` and ends with this block, all that it started included, or with this process."""
    with (
        log.open("ab") as output,
        # An own session: a Ctrl-C meant for pytest does not reach it, and the group can be killed as one.
        subprocess.Popen(
            ["/bin/sh", "-c", WATCHED, "sh", *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def server_environment() -> dict[str, str]:
    """This process's environment without its MLflow settings, and what tests do not need turned off."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return inherited | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else more processes start
    }


def wait_until_healthy(
    lives: Callable[[], bool], port: int, log: Path, path: str = "/health", seconds: float = 90
) -> None:
    deadline = time.monotonic() + seconds
    while lives() and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)  # nobody listens yet
        finally:
            connection.close()
    raise RuntimeError(f"the server did not start; its output ends:\n{log.read_text()[-2000:] if log.exists() else ''}")


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def refused_uri() -> Iterator[str]:
    """An address where connections are refused, and go on being: the port is held, and nobody listens."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield f"http://{HOST}:{held.getsockname()[1]}"


@contextmanager
def stalling_server() -> Iterator[str]:
    """Accepts connections and reads nothing, answers nothing: the kernel takes what the client sends."""
    with socket.create_server((HOST, 0), backlog=512) as listening:
        yield f"http://{HOST}:{listening.getsockname()[1]}"


@contextmanager
def closing_server() -> Iterator[str]:
    """Accepts, hears the request, and hangs up."""

    class HangUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(30)
            with suppress(OSError):
                self.request.recv(65536)

    with serving(QuietServer((HOST, 0), HangUp)) as uri:
        yield uri


@contextmanager
def answering(
    status: int,
    body: str | bytes = b"",
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Iterator[str]:
    """Gives the same answer to every request."""
    content = body.encode() if isinstance(body, str) else body

    class SameAnswer(Handler):
        def answer(self, _request_body: bytes) -> None:
            self.reply(status, content, {"Content-Type": content_type} | (headers or {}))

    with serving(QuietServer((HOST, 0), SameAnswer)) as uri:
        yield uri


@contextmanager
def scripted(answer: Callable[[Handler], None]) -> Iterator[str]:
    """Every request is handed to `answer`, which may reply, write bytes of its own to `wfile`, or do nothing."""

    class Scripted(Handler):
        def answer(self, _request_body: bytes) -> None:
            answer(self)

    with serving(QuietServer((HOST, 0), Scripted)) as uri:
        yield uri


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and with which requests: those in whose path with its query the regular expression
    `path` is found, and of these only the ones whose number, from 1, is in `nth` (when empty, all of them).

    Made by `stall`, `hold`, `cut`, `fail`, `ignore_range`, `missing_as_500` and `unknown_route`.
    """

    kind: str
    path: str = ""
    nth: tuple[int, ...] = ()
    status: int = 500
    body: str = ""
    after: int | None = None


def stall(path: str = "", *nth: int, after: int | None = None) -> Fault:
    """The request is heard and never answered; or `after` bytes of the body come, and no more."""
    return Fault("stall", path, nth, after=after)


def hold(path: str = "", *nth: int) -> Fault:
    """The request is answered once `proxy.released` is set."""
    return Fault("hold", path, nth)


def cut(path: str = "", *nth: int, after: int | None = None) -> Fault:
    """The connection closes in the middle of the body, or after so many bytes of it."""
    return Fault("cut", path, nth, after=after)


def fail(status: int, path: str = "", *nth: int, body: str = "") -> Fault:
    """The request is answered with a status, and does not reach the real server."""
    return Fault("fail", path, nth, status=status, body=body)


def ignore_range(path: str = "", *nth: int) -> Fault:
    """The Range header is lost on the way: the whole file comes back, as from a server that has no ranges."""
    return Fault("ignore_range", path, nth)


def missing_as_500(path: str = "", *nth: int) -> Fault:
    """What the real server does not find (404) is answered with 500 and a page, as by MLflow before 3.14."""
    return Fault("missing_as_500", path, nth)


def unknown_route(path: str = "", *nth: int) -> Fault:
    """The real server is asked for a route that it does not have, as if it were older than the one asked for."""
    return Fault("unknown_route", path, nth)


@dataclass(frozen=True)
class Seen:
    """One request as the proxy heard it; `path` has its query."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass
class Proxy:
    """A running proxy: its address, all requests it heard, and its faults, which a test may change."""

    uri: str
    faults: list[Fault]
    requests: list[Seen] = field(default_factory=list)

    def count(self, path: str = "") -> int:
        """How many requests had a path that matches."""
        return sum(bool(re.search(path, seen.path)) for seen in self.requests)

    released: threading.Event = field(default_factory=threading.Event)
    """What is held until then is passed on."""

    added_headers: dict[str, str] = field(default_factory=dict)
    """What every answer carries besides, such as a log-in proxy's cookie."""


@contextmanager
def tls_server(uri: str, context: ssl.SSLContext) -> Iterator[str]:
    """The server at `uri` behind TLS, as behind a gateway: an https address on a port of its own."""
    upstream = urlsplit(uri)

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False) as client:
                try:
                    client.do_handshake()
                except OSError:
                    hear_out(client)
                    return
                with socket.create_connection((upstream.hostname or HOST, upstream.port or 80), 60) as server:
                    back = threading.Thread(target=copy_bytes, args=(server, client), daemon=True)
                    back.start()
                    copy_bytes(client, server)
                    back.join(60)

    with serving(QuietServer((HOST, 0), Relay)) as address:
        yield address.replace("http:", "https:")


def hear_out(client: ssl.SSLSocket) -> None:
    """End a connection whose handshake failed as real servers do: what the client still sends is read, because closing
    with bytes unread would reset the connection and the client might lose the alert that says why."""
    with suppress(OSError):
        socket.socket.shutdown(client, socket.SHUT_WR)
        while socket.socket.recv(client, 65536):
            pass


def copy_bytes(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty_proxy(upstream_uri: str, *faults: Fault) -> Iterator[Proxy]:
    """Passes requests on to a real server, except for its faults; of several that match, the first acts."""
    upstream = urlsplit(upstream_uri)
    proxy = Proxy("", list(faults))
    matched: dict[Fault, itertools.count[int]] = {}
    lock = threading.Lock()
    closing = threading.Event()

    def fault_of(seen: Seen) -> Fault | None:
        with lock:
            proxy.requests.append(seen)
            for fault in proxy.faults:
                if re.search(fault.path, seen.path):
                    number = next(matched.setdefault(fault, itertools.count(1)))
                    if not fault.nth or number in fault.nth:
                        return fault
        return None

    class Forward(Handler):
        def answer(self, request_body: bytes) -> None:
            headers = {name.title(): value for name, value in self.headers.items()}
            fault = fault_of(Seen(self.command, self.path, headers, request_body))
            kind = fault.kind if fault else None
            if kind == "hold":
                proxy.released.wait(600)
            if fault and kind == "stall" and fault.after is None:
                self.hang()
            elif fault and kind == "fail":
                self.reply(fault.status, fault.body.encode(), {"Content-Type": "application/json"})
            else:
                # MLflow refuses a Host that is not its own.
                passed = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
                passed["Host"] = upstream.netloc
                if kind == "ignore_range":
                    passed.pop("Range", None)
                if kind == "unknown_route":
                    self.path = "/api/2.0/mlflow/no-such-route"
                self.forward(passed, request_body, fault if kind in ("cut", "stall", "missing_as_500") else None)

        def hang(self) -> None:
            closing.wait(600)
            self.close_connection = True

        def forward(self, headers: dict[str, str], request_body: bytes, breaking: Fault | None) -> None:
            connection = http.client.HTTPConnection(upstream.hostname or HOST, upstream.port, timeout=60)
            try:
                connection.request(self.command, self.path, body=request_body or None, headers=headers)
                self.relay(connection.getresponse(), breaking)
            finally:
                connection.close()

        def relay(self, response: http.client.HTTPResponse, breaking: Fault | None) -> None:
            if breaking and breaking.kind == "missing_as_500":
                if response.status == 404:
                    self.reply(
                        500, b"<!doctype html><title>500 Internal Server Error</title>", {"Content-Type": "text/html"}
                    )
                    return
                breaking = None
            length = response.getheader("Content-Length")
            self.send_response_only(response.status, response.reason)
            for name, value in response.getheaders():
                if name.title() not in HOP_BY_HOP:
                    self.send_header(name, value)
            for name, value in proxy.added_headers.items():
                self.send_header(name, value)
            # A body without a length is passed on in chunks: only so can the client see that it was cut.
            chunked = length is None and self.command != "HEAD" and response.status not in (204, 304)
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if breaking:
                whole = response.read()
                self.chunk(whole[: len(whole) // 2 if breaking.after is None else breaking.after], chunked)
                self.close_connection = True
                if breaking.kind == "stall":
                    self.hang()
                return
            while piece := response.read(65536):
                self.chunk(piece, chunked)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")

        def chunk(self, piece: bytes, chunked: bool) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked and piece else piece)

    with serving(QuietServer((HOST, 0), Forward)) as uri:
        proxy.uri = uri
        try:
            yield proxy
        finally:
            closing.set()
            proxy.released.set()


HOP_BY_HOP = {"Host", "Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Upgrade", "Proxy-Connection"}


class Handler(BaseHTTPRequestHandler):
    """Reads one request whole and has it answered, whatever its method; says nothing on stderr."""

    protocol_version = "HTTP/1.1"
    timeout = 30  # an idle connection's thread ends

    def answer(self, request_body: bytes) -> None:
        raise NotImplementedError

    def one_request(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = one_request

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def end_headers(self) -> None:
        if self.close_connection:  # asked for by the client, who else would take the connection for a kept one
            self.send_header("Connection", "close")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    """One daemonic thread per connection."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that gave up is what many tests are about; anything else is a fault of this file.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(server: QuietServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
