"""How long an answer takes on the way, apart from the server's work."""

from __future__ import annotations

import socket
import time

import pytest

from mlflow_mcp.client import Client
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.settings import Settings
from tests.support.servers import Handler, scripted


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="other systems do not wait 40 ms")
def test_an_answer_in_two_pieces_is_not_held_back_by_a_late_acknowledgement():
    def answer(handler: Handler) -> None:
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)  # as mlflow server's workers
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n")
        handler.wfile.flush()
        handler.wfile.write(b"{}")
        handler.wfile.flush()

    def seconds() -> float:
        started = time.perf_counter()
        assert client.http.get_json("/api/2.0/mlflow/experiments/search") == {}
        return time.perf_counter() - started

    with scripted(answer) as uri:
        client = Client(Connection(Settings(tracking_uri=uri)))
        # Linux acknowledges the first answers of a connection at once anyway.
        taken = [seconds() for _ in range(40)]
    assert min(taken[20:]) < 0.03
