"""Many `mlflow server`s for the price of one: a process that has imported MLflow's server forks one for each request.

`mlflow server` takes nine seconds of processor time to import what it needs, twice. This process does it once for a
whole session of pytest and is started by the first test that needs a server:

    python -m tests.support.mlflow_forks FILE

It writes to FILE the port where it listens. Who connects there sends one line of JSON, `{"port", "log", "environment"}`,
and gets a server that lives until the connection is closed, by whatever end of the process that holds it. The process
itself ends with its standard input.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from filelock import FileLock


@contextmanager
def connected(session_folder: Path) -> Iterator[socket.socket]:
    """A connection to this session's process, which is started if there is none."""
    port_file = session_folder / "mlflow_forks.port"
    with FileLock(session_folder / "mlflow_forks.lock"):
        try:
            connection = connect(port_file)
        except (OSError, ValueError):
            start(port_file)
            connection = connect(port_file)
    with connection:
        yield connection


def connect(port_file: Path) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(port_file.read_text())))


def start(ready: Path, module: str = __name__) -> None:
    """Start this process, or that of another module. It ends when this one does, however that ends: nobody else holds its
    standard input. It is ready when it has written the file."""
    ready.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with ready.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(ready)],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    atexit.register(end, process)
    deadline = time.monotonic() + 90
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"nothing could be started:\n{ready.with_suffix('.log').read_text()[-2000:]}")
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()  # closes its standard input, then waits


def main(port_file: str) -> None:
    gc.set_threshold(50_000, 20, 100)
    import uvicorn  # before MLflow, which looks whether it runs in a server
    from mlflow.server.fastapi_app import app

    gc.freeze()  # no server looks through what all of them have imported, nor copies it by that
    signal.signal(signal.SIGCHLD, reap)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        complete = Path(f"{port_file}.new")
        complete.write_text(str(listening.getsockname()[1]))
        complete.rename(port_file)
        threading.Thread(target=end_with, args=(sys.stdin.fileno(),), daemon=True).start()
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                serve(connection, app, uvicorn)
            connection.close()


def reap(*_: object) -> None:
    """Forks that have ended leave nothing behind, and their processor time is counted."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os._exit(0)


def serve(connection: socket.socket, app: object, uvicorn: object) -> NoReturn:
    request = json.loads(connection.makefile().readline())
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(Path(request["log"]).parent)
    threading.Thread(target=end_with, args=(connection.fileno(),), daemon=True).start()
    try:
        if request.get("basic_auth"):
            from mlflow.server.auth import create_app

            app = create_app()
        uvicorn.run(app, host="127.0.0.1", port=request["port"], log_level="warning")  # type: ignore[attr-defined]
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
