"""A host in a few lines: JSON-RPC over a server's pipes, one message per line, standard library only.

No client library is imported or scheduled, so that what is timed is the server.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROTOCOL_VERSION = "2025-11-25"


@dataclass
class StdioServer:
    """A running server. Requests go one at a time; the server's own notifications are passed over."""

    process: subprocess.Popen[bytes]
    started: float  # time.perf_counter() just before the process was made
    received: bytes = b""  # read and not yet used
    last_id: int = 0

    def initialize(self) -> dict[str, Any]:
        client = {"name": "bench", "version": "0"}
        hello = {"protocolVersion": PROTOCOL_VERSION, "capabilities": {}, "clientInfo": client}
        result = self.request("initialize", hello)
        self.send({"method": "notifications/initialized"})
        return result

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The tool's result; RuntimeError when it is an error, whose time would say nothing."""
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise RuntimeError(f"{tool}: {result['content'][0]['text']}")
        return result

    def request(self, method: str, params: Mapping[str, Any], seconds: float = 120) -> dict[str, Any]:
        self.last_id += 1
        self.send({"id": self.last_id, "method": method, "params": params})
        deadline = time.monotonic() + seconds
        while (message := json.loads(self.line(deadline))).get("id") != self.last_id:
            pass
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return message["result"]

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n")
        self.process.stdin.flush()

    def line(self, deadline: float) -> bytes:
        assert self.process.stdout
        while b"\n" not in self.received:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{self.process.args} did not answer in time")
            # Past Python's buffer: select cannot see what lies in there.
            if not (piece := os.read(self.process.stdout.fileno(), 1 << 20)):
                raise EOFError(f"{self.process.args} ended with {self.process.wait()}")
            self.received += piece
        line, _, self.received = self.received.partition(b"\n")
        return line

    def forget_peak(self) -> float:
        """Let `VmHWM` start anew, from the resident memory of now, which is returned in MB."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory()["VmRSS"]

    def memory(self) -> dict[str, float]:
        """Resident memory in MB: `VmRSS` now, `VmHWM` at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}


@contextmanager
def stdio_server(command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> Iterator[StdioServer]:
    """Start `command`, and end it as hosts do: by closing its stdin, and by force when that does not help."""
    started = time.perf_counter()
    with subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield StdioServer(process, started)
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
