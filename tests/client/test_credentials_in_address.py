"""User info in an address of MLflow is not sent where there are other credentials: a caller's, or a token of the server's own."""

from __future__ import annotations

import base64

import pytest

from mlflow_mcp.client.transport.connection import Connection, Credentials
from mlflow_mcp.settings import Settings
from tests.support.servers import HOST, Handler, QuietServer, serving


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("credentials", "authorization"),
    [
        (Credentials(token="of-the-caller"), "Bearer of-the-caller"),
        (Credentials("ana", "her password"), basic("ana", "her password")),
    ],
)
def test_mlflow_is_sent_the_callers_credentials_and_not_those_in_the_address(credentials, authorization):
    shown: set[str | None] = set()

    class Noting(Handler):
        def answer(self, _: bytes) -> None:
            shown.add(self.headers["Authorization"])
            self.reply(200, b"{}", {"Content-Type": "application/json"})

    with serving(QuietServer((HOST, 0), Noting)) as uri:
        settings = Settings(tracking_uri=uri.replace("http://", "http://operator:hunter22@"))
        Connection(settings, credentials=credentials).mlflow.search_experiments()

    assert shown == {authorization}


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [
        (Settings(tracking_uri="https://operator:hunter22@mlflow.example/x"), Credentials(token="of the caller")),
        (Settings(servers="prod=https://operator:hunter22@mlflow.example/x"), Credentials(token="of the caller")),
        (
            Settings.from_environment(
                {
                    "MLFLOW_TRACKING_URI": "https://operator:hunter22@mlflow.example/x",
                    "MLFLOW_MCP_SERVERS": "dev=https://dev.example,prod=https://mlflow.example/x",
                    "MLFLOW_MCP_SERVER_PROD_TOKEN": "its own",
                }
            ),
            None,
        ),
    ],
    ids=["passthrough", "passthrough, named", "a token of its own"],
)
def test_an_address_with_credentials_beside_it_has_none_itself(settings, credentials):
    assert Connection(settings, credentials=credentials).uri == "https://mlflow.example/x"


def test_without_other_credentials_the_address_keeps_its_own():
    uri = "https://ana:hunter22@mlflow.example"

    assert Connection(Settings(tracking_uri=uri)).uri == uri
