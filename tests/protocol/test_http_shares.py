"""What one caller may take of the server: sessions, kept connections, and requests with credentials that MLflow does not accept."""

from __future__ import annotations

import base64
import json
import socket
import sys
from contextlib import ExitStack, suppress

import httpx2
import pytest
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.connection import Connection, Credentials
from mlflow_mcp.errors import NotMlflow
from mlflow_mcp.server import connections
from mlflow_mcp.server.auth.callers import Caller, KnownUser, asker_of
from mlflow_mcp.server.transports import http, limits
from mlflow_mcp.settings import Settings
from tests.support.basic_auth import PASSWORDS, basic_auth_server
from tests.support.http_serving import ACCEPT, asked, posted, serving
from tests.support.servers import HOST, Handler, QuietServer
from tests.support.servers import serving as serving_handler

ANA, BEN = "Bearer ana-0123456789abcdef", "Bearer ben-0123456789abcdef"
BOTH = SecretStr("ana=ana-0123456789abcdef, ben=ben-0123456789abcdef")
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}


def header_of(user: str, password: str | None = None) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password or PASSWORDS[user]}".encode()).decode()


def begun(address: str, authorization: str | None = None) -> httpx2.Response:
    return posted(address, HELLO, **({"Authorization": authorization} if authorization else {}))


# --- sessions


@pytest.mark.slow
def test_one_caller_cannot_have_all_sessions(empty_store):
    with serving(empty_store, auth="shared", tokens=BOTH, sessions=8) as (address, _):
        of_ana = [begun(address, ANA) for _ in range(3)]
        of_ben = begun(address, BEN)
        session = of_ana[0].headers["mcp-session-id"]
        in_session = posted(address, Authorization=ANA, Mcp_Session_Id=session)
        modern = asked(address, "search_experiments", ANA)
        ended = httpx2.delete(f"{address}/mcp", headers=ACCEPT | {"Authorization": ANA, "Mcp-Session-Id": session})
        again = [begun(address, ANA).status_code for _ in range(2)]

    assert [each.status_code for each in of_ana] == [200, 200, 429]
    assert of_ana[2].headers["Retry-After"] == "60"
    assert json.loads(of_ana[2].text)["error"]["message"] == (
        "2 sessions of this caller are open already. End one with DELETE, or wait: "
        "a session that nobody uses for 30 minutes ends by itself."
    )
    assert (of_ben.status_code, in_session.status_code, ended.status_code) == (200, 200, 200)
    assert not modern.is_error
    assert again == [200, 429]


@pytest.mark.slow
def test_callers_without_a_name_share_what_their_address_has(empty_store):
    with serving(empty_store, sessions=20, sessions_each=3) as (address, _):
        statuses = [begun(address).status_code for _ in range(4)]
        refused = posted(address).status_code  # no session, and no beginning of one: it counts while it is answered
        again = begun(address).status_code

    assert statuses == [200, 200, 200, 429]
    assert (refused, again) == (429, 429)


@pytest.mark.slow
def test_what_begins_no_session_takes_none(empty_store):
    with serving(empty_store, sessions=4) as (address, _):
        refused = [posted(address).status_code for _ in range(3)]  # a first request that does not say hello
        begins = begun(address).status_code

    assert refused == [400] * 3
    assert begins == 200


# --- connections


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a machine has one loopback address")
@pytest.mark.slow
def test_one_address_cannot_have_all_connections(empty_store, monkeypatch):
    monkeypatch.setattr(http, "_MOST_OF_ADDRESS", 3)
    health = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def answers(address: str, source: str) -> list[bytes]:
        """What each of five open connections is answered with first."""
        port = int(address.rpartition(":")[2])
        with ExitStack() as opened:
            clients = [
                opened.enter_context(socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0)))
                for _ in range(5)
            ]
            return [_first_of(client, health) for client in clients]

    with (
        serving(empty_store) as (address, _),
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 20) as held,
    ):
        one = answers(address, "127.0.0.1")
        other = answers(address, "127.0.0.2")
        assert _first_of(held, health) == b"HTTP/1.1 200"

    assert one == [b"HTTP/1.1 200"] * 2 + [b""] * 3
    assert other == [b"HTTP/1.1 200"] * 3 + [b""] * 2


def _first_of(client: socket.socket, request: bytes) -> bytes:
    try:
        client.sendall(request)
        return client.recv(12)
    except OSError:  # closed before the request had come
        return b""


# --- credentials in mode passthrough


@pytest.fixture(scope="module")
def uri(session_folder, sqlite_template, tmp_path_factory):
    with basic_auth_server(session_folder, tmp_path_factory.mktemp("auth") / "server", sqlite_template.uri) as uri:
        yield uri


@pytest.mark.slow
def test_made_up_credentials_push_out_nobody(uri, monkeypatch):
    monkeypatch.setattr(connections, "MOST_IDENTITIES", 2)
    monkeypatch.setattr(connections, "MOST_UNPROVED", 2)
    with serving(uri, auth="passthrough") as (address, server):
        for user in ("ana", "ben"):
            assert not asked(address, "search_experiments", header_of(user)).is_error
        kept = server.parts.connections
        before = (kept.identities, kept.unproved)
        for number in range(5):
            assert asked(address, "search_experiments", header_of("ana", f"guess {number}")).is_error
        after = (kept.identities, kept.unproved)
        figures = httpx2.get(f"{address}/metrics").text

    assert before == (2, 0)
    assert after == (2, 2)
    assert "\nmlflow_mcp_identities 2\n" in figures
    assert "\nmlflow_mcp_identities_unproved 2\n" in figures


@pytest.mark.slow
def test_made_up_credentials_share_what_their_address_has(uri, monkeypatch):
    monkeypatch.setattr(limits, "UNPROVED_PER_MINUTE", 4)
    with serving(uri, auth="passthrough", sessions=8, calls_per_minute=0) as (address, _):
        assert not asked(address, "search_experiments", header_of("ben")).is_error  # two requests: it is ben now
        guesses = [begun(address, header_of("ana", f"guess {number}")) for number in range(6)]
        of_ben = [begun(address, header_of("ben")).status_code for _ in range(3)]

    statuses = [each.status_code for each in guesses]
    assert statuses[:1] == [200]
    assert statuses.count(200) <= 2
    assert statuses[-1] == 429
    assert of_ben == [200, 200, 429]  # his share of the sessions, not of the pace


@pytest.mark.parametrize(
    ("path", "status", "kind", "accepts"),
    [
        ("/api/2.0/mlflow/runs/get", 200, "application/json", True),
        ("/api/2.0/mlflow/experiments/get", 200, "application/json", False),  # another answer than MLflow's
        ("/api/2.0/mlflow/runs/get", 404, "application/json", True),
        ("/api/2.0/mlflow/runs/get", 400, "application/json; charset=utf-8", True),
        ("/api/2.0/mlflow/runs/get", 401, "application/json", False),
        ("/api/2.0/mlflow/runs/get", 403, "application/json", False),
        ("/api/2.0/mlflow/runs/get", 429, "application/json", False),
        ("/api/2.0/mlflow/runs/get", 503, "application/json", False),
        ("/api/2.0/mlflow/runs/get", 200, "text/html", False),
        ("/version", 200, "application/json", False),
        ("/health", 200, "application/json", False),
    ],
)
def test_what_proves_credentials(path, status, kind, accepts):
    class Answers(Handler):
        def answer(self, request_body: bytes) -> None:
            self.reply(status, b'{"run": {}}', {"Content-Type": kind})

    told = []
    with serving_handler(QuietServer((HOST, 0), Answers)) as uri:
        connection = Connection(Settings(tracking_uri=uri), credentials=Credentials(token="of-ana"))
        of_nobody = Connection(Settings(tracking_uri=uri))
        for each, heard in ((connection, told), (of_nobody, [])):
            call = Call(timeout=20, accepted=lambda heard=heard: heard.append(True))
            with suppress(NotMlflow):
                Client(each, call).http.get(path)
            assert each is connection or not heard

    assert bool(told) == accepts


class Request:
    def __init__(self, number: int) -> None:
        user = KnownUser(Caller(str(number), "", Credentials(token=str(number))))
        self.request = HTTPConnection({"type": "http", "user": user})


@pytest.fixture
def kept():
    return connections.Connections(Settings(tracking_uri="http://localhost:1"))


def proved(kept, number):
    connection, call = kept.of(Request(number)), Call(timeout=1)
    kept.watch(call, Request(number), connection)
    call.accepted()
    return connection


def test_connections_are_bounded_and_dropped_when_idle(kept, monkeypatch):
    monkeypatch.setattr(connections, "MOST_IDENTITIES", 3)
    first, second, _ = (proved(kept, number) for number in range(3))
    assert kept.of(Request(0)) is first
    proved(kept, 3)

    assert (kept.identities, kept.unproved) == (3, 0)
    assert kept.of(Request(0)) is first
    assert kept.of(Request(1)) is not second
    monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)
    kept.drop_idle()
    assert (kept.identities, kept.unproved) == (0, 0)


def test_a_connection_that_was_pushed_out_while_its_call_ran_is_kept_once_it_is_accepted(kept, monkeypatch):
    monkeypatch.setattr(connections, "MOST_UNPROVED", 1)
    call, connection = Call(timeout=1), kept.of(Request(0))
    kept.watch(call, Request(0), connection)
    kept.of(Request(1))
    call.accepted()

    assert kept.of(Request(0)) is connection
    assert (kept.identities, kept.unproved) == (1, 1)


def test_the_addresses_of_one_ipv6_network_are_one_caller():
    def address(host):
        return asker_of(HTTPConnection({"type": "http", "client": (host, 1)})).address

    assert address("2001:db8::1") == address("2001:db8::ffff:2")
    assert address("2001:db8::1") != address("2001:db8:0:1::1")
    assert address("10.0.0.1") != address("10.0.0.2")
