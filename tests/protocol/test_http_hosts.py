"""Host and Origin: what is answered, what is refused, and what is no host at all."""

from __future__ import annotations

import socket

import pytest
from starlette.requests import Request

from mlflow_mcp.server.transports.hosts import KnownHosts
from mlflow_mcp.settings import Settings, SettingsError
from tests.support.http_serving import posted, serving


def status(settings: Settings, *headers: tuple[str, str]) -> int:
    """What a request with these headers is answered; 200 where nothing stands against it."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    refused = KnownHosts(settings).refusal_of(Request({"type": "http", "headers": raw}))
    return refused.status_code if refused else 200


LOCAL = Settings()
PUBLIC = Settings(
    public_url="https://MCP.example.com/mcp", host="0.0.0.0", allowed_hosts="mcp:8000, 10.0.0.7:*, bücher.example"
)


@pytest.mark.parametrize(
    ("settings", "host", "expected"),
    [
        (LOCAL, "localhost", 200),
        (LOCAL, "LOCALHOST:8000", 200),
        (LOCAL, "localhost.:8000", 200),
        (LOCAL, "127.0.0.1:8000", 200),
        (LOCAL, "[::1]:8000", 200),
        (LOCAL, "[0:0:0:0:0:0:0:1]:8000", 200),
        (LOCAL, "localhost:", 200),
        (LOCAL, "evil.example.com", 421),
        (LOCAL, "127.0.0.1.evil.example.com:8000", 421),
        (LOCAL, "localhost.evil.example.com", 421),
        (LOCAL, "[::2]:8000", 421),
        (LOCAL, "mcp.example.com", 421),
        (PUBLIC, "mcp.example.com", 200),
        (PUBLIC, "mcp.EXAMPLE.com:443", 200),
        (PUBLIC, "mcp.example.com.:443", 200),
        (PUBLIC, "mcp.example.com:8443", 421),
        (PUBLIC, "mcp:8000", 200),
        (PUBLIC, "mcp", 421),
        (PUBLIC, "10.0.0.7:31337", 200),
        (PUBLIC, "xn--bcher-kva.example", 200),
        (PUBLIC, "0.0.0.0:8000", 421),
    ],
)
def test_a_host_is_compared_as_a_host(settings, host, expected):
    assert status(settings, ("Host", host)) == expected


@pytest.mark.parametrize(
    "host",
    [
        "",
        " localhost",
        "localhost:port",
        "localhost:*",
        "localhost:0",
        "localhost:65536",
        "localhost:\uff18000".encode().decode("latin-1"),
        "localhost:8000:8000",
        "localhost, localhost",
        "user@localhost",
        "localhost/mcp",
        "[::1",
        "[localhost]",
        "::1",
        ".",
        "a..b",
        "localhost..",
        "lo\u00e7alhost",
    ],
)
def test_what_is_no_host_is_refused(host):
    assert status(LOCAL, ("Host", host)) == 400


def test_one_host_header_is_needed_and_one_origin_allowed():
    twice = ("Host", "localhost")

    assert status(LOCAL) == 400
    assert status(LOCAL, twice, twice) == 400
    assert status(LOCAL, twice, ("Origin", "http://localhost"), ("Origin", "http://localhost")) == 403


@pytest.mark.parametrize(
    ("settings", "origin", "expected"),
    [
        (LOCAL, "http://localhost:5173", 200),
        (LOCAL, "HTTP://LocalHost:5173", 200),
        (LOCAL, "https://[::1]:5173", 200),
        (LOCAL, "https://evil.example.com", 403),
        (LOCAL, "http://localhost.evil.example.com", 403),
        (LOCAL, "http://localhost:5173, http://localhost", 403),
        (LOCAL, "http://localhost@evil.example.com", 403),
        (LOCAL, "file://", 403),
        (LOCAL, "null", 403),
        (LOCAL, "localhost", 403),
        (LOCAL, "", 403),
        (LOCAL, "http://localhost:*", 403),
        (PUBLIC, "https://mcp.example.com", 200),
        (PUBLIC, "https://mcp.example.com:443", 200),
        (PUBLIC, "http://mcp.example.com", 403),
        (PUBLIC, "https://mcp.example.com:8443", 403),
        (Settings(allowed_origins="https://Chat.example.com/, vscode-webview://abc"), "https://chat.example.com", 200),
        (Settings(allowed_origins="https://chat.example.com, vscode-webview://abc"), "vscode-webview://abc", 200),
    ],
)
def test_an_origin_is_compared_as_an_origin(settings, origin, expected):
    assert status(settings, ("Host", "localhost"), ("Origin", origin)) == expected


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"allowed_hosts": "https://mcp.example.com"}, "MLFLOW_MCP_ALLOWED_HOSTS: 'https://mcp.example.com' is not"),
        ({"allowed_hosts": "mcp:http"}, "MLFLOW_MCP_ALLOWED_HOSTS: 'mcp:http' is not"),
        ({"allowed_origins": "chat.example.com"}, "MLFLOW_MCP_ALLOWED_ORIGINS: 'chat.example.com' is not"),
        ({"public_url": "https://mcp:port/mcp"}, "MLFLOW_MCP_PUBLIC_URL: 'mcp:port' is not"),
    ],
)
def test_a_setting_that_no_request_could_match_does_not_start(options, named):
    with pytest.raises(SettingsError, match=named):
        KnownHosts(Settings(**options))


@pytest.mark.slow
def test_both_are_looked_at_before_who_asks_and_before_a_body(empty_store):
    with serving(empty_store, auth="shared", tokens="ana=0123456789abcdef") as (address, _):
        port = int(address.rpartition(":")[2])
        answers = [
            posted(address, MCP_Protocol_Version=version, **header).status_code
            for version in ("2025-11-25", "2026-07-28")
            for header in (
                {"Host": "evil.example.com"},
                {"Origin": "https://evil.example.com"},
                {"Host": f"LOCALHOST:{port}"},
            )
        ]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(20)
            client.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            two_hosts = client.recv(12)

    assert answers == [421, 403, 401] * 2
    assert two_hosts == b"HTTP/1.1 400"
