"""Python processes for the price of a fork: a process that has imported MLflow and this package forks one for each command.

`import mlflow` takes two to four seconds of processor time. What a test gets is a file to run instead of `sys.executable`:

    subprocess.run([forked_python, "-m", "mlflow_mcp", "wait", run_id], env=..., capture_output=True)

It takes `-m module`, `-c code` or a script, and passes on its streams, folder, environment and signals; its end is that of the
process it stands for, and when it is killed that process is killed too. A forked process that starts `sys.executable` gets a
fork again. Not for tests of what is imported, or of how a process itself begins and ends.

The process that forks is started by the first test that needs it:

    python -m tests.support.python_forks FILE

It writes to FILE the path of a socket, where `fork_client.py` says what to run. It ends when its standard input is closed and
no worker needs it any more.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock

from tests.support.mlflow_forks import start

CLIENT = Path(__file__).with_name("fork_client.py")


@contextmanager
def forking(session_folder: Path) -> Iterator[str]:
    """The path of the file to run, for this block. Its process is this session's, which is started if there is none."""
    ready, executable = session_folder / "python_forks.socket", session_folder / "python"
    with socket.socket(socket.AF_UNIX) as needed:
        with FileLock(session_folder / "python_forks.lock"):
            if not ready.exists() or needed.connect_ex(ready.read_text()):
                start(ready, __name__)
                address = ready.read_text()
                needed.connect(address)
                executable.write_text(f"#!/bin/sh\nexec '{sys.executable}' -IS '{CLIENT}' '{address}' \"$0\" \"$@\"\n")
                executable.chmod(0o755)
            needed.sendall(b"\0")
            needed.recv(1)  # it is counted
        yield str(executable)


def main(ready: str) -> None:
    gc.set_threshold(50_000, 20, 100)
    import_all()
    gc.collect()
    gc.freeze()  # no fork looks through what all of them have imported, nor copies it by that
    folder = Path(tempfile.mkdtemp(prefix="forks"))  # a socket's path may have a hundred characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        listening.listen(16)
        complete = Path(f"{ready}.new")
        complete.write_text(listening.getsockname())
        complete.rename(ready)
        Forks(listening).serve()
    shutil.rmtree(folder)


def import_all() -> None:
    """What the commands import when they are used. What MLflow reads at its import is as they set it before."""
    os.environ["MLFLOW_LOGGING_LEVEL"] = "WARNING"
    import mlflow
    import mlflow.store.tracking.rest_store
    import mlflow.store.tracking.sqlalchemy_store
    from sqlalchemy.orm import configure_mappers

    from mlflow_mcp.server.app import build_server
    from mlflow_mcp.settings import Settings

    mlflow.MlflowClient  # noqa: B018  # it is imported when it is named
    configure_mappers()
    build_server(Settings())


class Forks:
    """One process for each connection that hands over its streams. Its end is told there; when the other end is gone it is
    killed. Connections without streams are of who may need more. No threads: a fork has none of them, and would keep their
    locks."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening
        self.needed = [sys.stdin.fileno()]
        self.of: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.ended, wakeup = os.pipe()
        os.set_blocking(self.ended, False)
        os.set_blocking(wakeup, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup)
        self.selector.register(listening, selectors.EVENT_READ, self.accept)
        self.selector.register(self.ended, selectors.EVENT_READ, self.reap)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.not_needed)

    def serve(self) -> None:
        while self.needed or self.of:
            for key, _ in self.selector.select():
                key.data(key.fd)

    def accept(self, _: int) -> None:
        connection, _address = self.listening.accept()
        _byte, streams, _flags, _from = socket.recv_fds(connection, 1, 3)
        if not streams:
            connection.sendall(b"\0")
            self.selector.register(connection, selectors.EVENT_READ, self.not_needed)
            self.needed.append(connection.detach())
            return
        request = connection.makefile().readline()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.selector.close()
            for other in (*self.needed[1:], *(each.detach() for each in self.of.values()), self.listening.detach()):
                os.close(other)
            become(connection, streams, request)
        for stream in streams:
            os.close(stream)
        self.of[pid] = connection
        self.selector.register(connection, selectors.EVENT_READ, lambda _: self.kill(pid))

    def not_needed(self, descriptor: int) -> None:
        self.selector.unregister(descriptor)
        self.needed.remove(descriptor)
        os.close(descriptor)

    def kill(self, pid: int) -> None:
        """After its request the other end says nothing. So it is gone."""
        self.let_go(pid).close()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def reap(self, _: int) -> None:
        with suppress(BlockingIOError):
            os.read(self.ended, 4096)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid in self.of:
                    with suppress(OSError), self.let_go(pid) as connection:
                        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())

    def let_go(self, pid: int) -> socket.socket:
        connection = self.of.pop(pid)
        self.selector.unregister(connection)
        return connection


def become(connection: socket.socket, streams: list[int], request_line: str) -> NoReturn:
    """Be what the request describes, to the end of this process."""
    code: Any = 1
    try:
        request = json.loads(request_line)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        connection.sendall(f"{os.getpid()}\n".encode())
        connection.close()
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.executable = request["executable"]
        open_streams()
        code = run(request["arguments"])
    except BaseException as error:
        traceback.print_exc()
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        end(code)


def open_streams() -> None:
    """Text streams as Python opens them at its start."""
    said, complained = sys.stdout, sys.stderr
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(open(0, "rb", closefd=False), said.encoding, said.errors)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(
        open(1, "wb", closefd=False), said.encoding, said.errors, line_buffering=os.isatty(1)  # noqa: SIM115
    )  # fmt: skip
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(
        open(2, "wb", closefd=False), complained.encoding, complained.errors, line_buffering=True  # noqa: SIM115
    )  # fmt: skip


def run(arguments: list[str]) -> Any:
    """As `python` does with these arguments. The value of its SystemExit."""
    how, what = arguments[0], arguments[1:]
    try:
        if how == "-m":
            sys.argv = what
            runpy.run_module(what[0], run_name="__main__", alter_sys=True)
        elif how == "-c":
            sys.argv = ["-c", *what[1:]]
            exec(compile(what[0], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = arguments
            sys.path.insert(0, str(Path(how).parent))
            runpy.run_path(how, run_name="__main__")
    except SystemExit as ended:
        return ended.code
    return 0


def end(code: Any) -> NoReturn:
    """What Python does at its end, except for freeing what the end of the process frees."""
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
