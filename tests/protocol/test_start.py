"""How `serve` begins and ends: on a terminal, by Ctrl-C, and after a failure. Real processes, a real terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlflow_mcp.installation import shown
from tests.support.servers import server_environment

pytestmark = pytest.mark.slow  # processes of their own

COMMAND = [sys.executable, "-m", "mlflow_mcp"]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@dataclass
class Typed:
    """A process whose stdin is a terminal, or a pipe, that a test types into."""

    process: subprocess.Popen[bytes]
    keyboard: int

    def press(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)


@contextmanager
def at_a_terminal(*arguments: str, python: str = sys.executable) -> Iterator[Typed]:
    """In a session of its own with that terminal, so that Ctrl-C is a signal as it is for a person."""
    keyboard, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLED, python, *COMMAND[1:], *arguments],
        env=server_environment(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        try:
            yield Typed(process, keyboard)
        finally:
            process.kill()
            os.close(keyboard)


# Makes stdin the terminal that controls the session, then becomes the server.
CONTROLLED = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def line_of(stream) -> str:
    ready, _, _ = select.select([stream], [], [], 120)
    assert ready, "nothing was written within two minutes"
    return stream.readline().decode()


@pytest.mark.parametrize("arguments", [(), ("serve",)])
def test_on_a_terminal_one_line_says_what_this_is_and_the_first_ctrl_c_ends_it(arguments, forked_python):
    with at_a_terminal(*arguments, python=forked_python if arguments else sys.executable) as typed:
        assert line_of(typed.process.stderr) == (
            "mlflow-mcp: This is an MCP server. An agent's host starts it and speaks JSON with it over stdin and stdout. "
            f"To check your setup, run `{shown('doctor')}`. Ctrl-C ends this.\n"
        )
        typed.press(json.dumps(HELLO).encode() + b"\n")
        assert json.loads(line_of(typed.process.stdout))["id"] == 1  # it serves, its loop waits for more
        typed.press(b"\x03")

        assert typed.process.wait(timeout=60) == 0
        assert typed.process.stderr.read() == b""


def test_ctrl_d_ends_it_too(forked_python):
    with at_a_terminal(python=forked_python) as typed:
        line_of(typed.process.stderr)
        typed.press(b"\x04")

        assert typed.process.wait(timeout=60) == 0


@contextmanager
def with_pipes(python: str) -> Iterator[subprocess.Popen[Any]]:
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([python, *COMMAND[1:]], env=server_environment(), **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_interrupt_ends_a_server_that_a_host_started(forked_python):
    with with_pipes(forked_python) as process:
        process.stdin.write(json.dumps(HELLO).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(line_of(process.stdout))["id"] == 1
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def ended(
    *words: str, python: str = sys.executable, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """The command through a shell, which does with its streams what `words` say."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {" ".join(words)}', "sh", python, *COMMAND[1:]],
        env=server_environment() | variables,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full: Linux")
def test_a_failure_while_serving_ends_with_its_reason(forked_python):
    done = ended("> /dev/full", python=forked_python, stdin=json.dumps(HELLO).encode() + b"\n")

    assert done.returncode == 1
    assert done.stderr.decode() == (
        "mlflow-mcp: The server failed (OSError: [Errno 28] No space left on device). "
        "MLFLOW_MCP_LOG_LEVEL=DEBUG shows where.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full: Linux")
def test_where_it_failed_is_told_to_who_asks_for_it(forked_python):
    hello = json.dumps(HELLO).encode() + b"\n"
    done = ended("> /dev/full", python=forked_python, stdin=hello, MLFLOW_MCP_LOG_LEVEL="DEBUG")

    assert done.returncode == 1
    assert b"mlflow-mcp: The server failed (OSError: [Errno 28] No space left on device).\nTraceback" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_stream_that_is_closed_at_the_start_is_named(closed):
    done = ended(closed)

    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode() == "mlflow-mcp: stdin or stdout is closed: the host has to keep both open.\n"


def test_an_input_that_cannot_be_read_ends_with_its_reason(forked_python):
    done = ended("0> /dev/null", python=forked_python)

    assert done.returncode == 1
    assert b"mlflow-mcp: The server failed (" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_host_that_is_gone_is_no_failure(forked_python):
    """Both pipes closed while an answer is on its way."""
    with with_pipes(forked_python) as process:
        process.stdout.close()
        process.stdin.write(json.dumps(HELLO).encode() + b"\n")
        process.stdin.close()

        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def test_an_input_that_ends_is_the_normal_end():
    done = ended()

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_ctrl_c_ends_the_doctor_without_a_traceback():
    with at_a_terminal("doctor") as typed:
        deadline = time.monotonic() + 60
        assert b"Can an agent use" in typed.process.stdout.readline()
        typed.press(b"\x03")
        code = typed.process.wait(timeout=max(1, deadline - time.monotonic()))

        # It may have found first that nothing is configured, and be ending.
        assert code in (1, 130, -signal.SIGINT)
        assert b"Traceback" not in typed.process.stderr.read()


def test_a_flag_is_read_before_and_after_the_command(forked_python):
    before = ended("--tools get_rum", python=forked_python)
    after = ended("serve --tools get_rum", python=forked_python)

    assert (before.returncode, after.returncode) == (2, 2)
    assert before.stderr == after.stderr
    assert before.stderr.startswith(
        b"mlflow-mcp: MLFLOW_MCP_TOOLS names 'get_rum', which is no tool. Nearest: get_run."
    )
