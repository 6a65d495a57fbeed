"""MLFLOW_MCP_SERVERS as it is written, and what stands before the colon of an id."""

from __future__ import annotations

import os

import pytest

from mlflow_mcp.client.transport.connection import Connection, Credentials
from mlflow_mcp.client.transport.servers import with_own_variables
from mlflow_mcp.servers import NamedServer, parsed_servers
from mlflow_mcp.settings import Settings, SettingsError, unknown_variables

TWO = "prod=https://mlflow.example.com/prod,dev=sqlite:///dev.db"


def names_and_uris(settings: Settings) -> list[tuple[str, str]]:
    return [(server.name, server.uri) for server in settings.servers]


def test_servers_are_listed_by_name_and_the_first_is_the_default():
    settings = Settings.from_environment({"MLFLOW_MCP_SERVERS": TWO})

    assert names_and_uris(settings) == [("prod", "https://mlflow.example.com/prod"), ("dev", "sqlite:///dev.db")]
    assert settings.default_uri == "https://mlflow.example.com/prod"


def test_an_address_may_hold_commas_and_equals_signs():
    found = parsed_servers('a1=postgresql://h/db?sslmode=require&options=x,y , b1="http://h:5000"\nc1=./mlruns')

    assert [(each.name, each.uri) for each in found] == [
        ("a1", "postgresql://h/db?sslmode=require&options=x,y"),
        ("b1", "http://h:5000"),
        ("c1", "./mlruns"),
    ]


@pytest.mark.parametrize(
    "text", ["a1=http://h,b1=http://i,", "a1=http://h,,b1=http://i", " ,a1=http://h, ,\n, b1=http://i ,,\n"]
)
def test_a_comma_too_many_is_no_part_of_an_address(text):
    assert [(each.name, each.uri) for each in parsed_servers(text)] == [("a1", "http://h"), ("b1", "http://i")]


def test_the_tracking_uri_names_the_default_server():
    listed = Settings.from_environment({"MLFLOW_MCP_SERVERS": TWO, "MLFLOW_TRACKING_URI": "sqlite:///dev.db"})
    other = Settings.from_environment({"MLFLOW_MCP_SERVERS": TWO, "MLFLOW_TRACKING_URI": "http://own:5000"})

    assert [name for name, _ in names_and_uris(listed)] == ["dev", "prod"]
    assert names_and_uris(other)[0] == ("default", "http://own:5000")
    assert len(other.servers) == 3


def test_user_and_password_are_taken_out_of_an_address():
    (server,) = parsed_servers("prod=https://ana:p%40ss@mlflow.example.com:8443/x")

    assert server == NamedServer("prod", "https://mlflow.example.com:8443/x", "ana", "p@ss")
    assert "p@ss" not in repr(server)


def test_each_server_has_credentials_of_its_own():
    settings = Settings.from_environment(
        {
            "MLFLOW_MCP_SERVERS": "prod=https://one,dev-2=https://ana:old@two",
            "MLFLOW_MCP_SERVER_PROD_TOKEN": "prod-token",
            "MLFLOW_MCP_SERVER_DEV_2_PASSWORD": "new",
        }
    )
    prod, dev = Connection(settings).servers.connections

    assert prod.credentials == Credentials(token="prod-token")
    assert dev.credentials == Credentials("ana", "new")
    assert "prod-token" not in repr(settings)


def test_mlflows_own_variables_are_the_default_servers_alone():
    prod, dev = Connection(Settings(servers="prod=https://one,dev=https://two")).servers.connections

    assert prod.credentials is None  # stands for MLflow's own
    assert dev.credentials is not None
    assert not any((dev.credentials.username, dev.credentials.password, dev.credentials.token))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://ana:secret@host", "each part is written name=address"),
        ("https://ana:secret@host/?a=b", "each part is written name=address"),
        ("prod", "each part is written name=address"),
        ("prod=", "each part is written name=address"),
        ("prod=https://", "the address of 'prod' names no host, or no valid port"),
        ("prod=https:///path", "the address of 'prod' names no host, or no valid port"),
        ("prod=https://one:port", "the address of 'prod' names no host, or no valid port"),
        ("prod=https://ana:secret@", "the address of 'prod' names no host, or no valid port"),
        ("prod=https://one,two.example.com", "the address of 'prod' names no host, or no valid port"),
        ("p=https://host", "'p' is no name"),
        ("9x=https://host", "'9x' is no name"),
        ("models=https://host", "'models' cannot be a server's name"),
        ("prod=https://one,PROD=https://two", "it names 'prod' and 'PROD', which are too much alike"),
        ("dev-a=https://one,dev_a=https://two", "it names 'dev-a' and 'dev_a', which are too much alike"),
    ],
)
def test_what_cannot_be_read_is_told_without_the_password(text, reason):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"MLFLOW_MCP_SERVERS": text})

    assert str(caught.value).startswith(f"MLFLOW_MCP_SERVERS cannot be used: {reason}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"MLFLOW_MCP_SERVER_PROD_USERNAME": "ana"},
            "MLFLOW_MCP_SERVER_PROD_USERNAME is set without MLFLOW_MCP_SERVER_PROD_PASSWORD.",
        ),
        (
            {"MLFLOW_MCP_SERVER_PROD_TOKEN": "secret", "MLFLOW_MCP_SERVER_PROD_PASSWORD": "secret"},
            "MLFLOW_MCP_SERVER_PROD_TOKEN is set beside a user name or password: set one of both.",
        ),
        (
            {"MLFLOW_MCP_SERVER_DEV_TOKEN": "secret"},
            "MLFLOW_MCP_SERVER_DEV_TOKEN is set, and the server 'dev' takes no credentials.",
        ),
    ],
)
def test_credentials_that_cannot_be_used_are_told(variables, sentence):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"MLFLOW_MCP_SERVERS": TWO, **variables})

    assert str(caught.value) == sentence


def test_two_servers_cannot_both_be_called_default():
    with pytest.raises(SettingsError, match="'default' is another server than MLFLOW_TRACKING_URI"):
        Settings.from_environment(
            {"MLFLOW_TRACKING_URI": "http://a", "MLFLOW_MCP_SERVERS": "default=http://b,x1=http://c"}
        )


def test_the_credentials_of_no_server_are_told():
    settings = Settings.from_environment({"MLFLOW_MCP_SERVERS": TWO})
    environment = {"MLFLOW_MCP_SERVER_PROD_TOKEN": "x", "MLFLOW_MCP_SERVER_PRDO_TOKEN": "x"}

    assert unknown_variables(environment, settings.servers) == [
        "MLFLOW_MCP_SERVER_PRDO_TOKEN is of no server of MLFLOW_MCP_SERVERS and is ignored. "
        "Nearest: MLFLOW_MCP_SERVER_PROD_TOKEN."
    ]


# --- before the colon


@pytest.fixture
def servers():
    listed = "prod=https://host/prod,dev=https://host/dev,local=sqlite:///a.db"
    return Connection(Settings(servers=listed)).servers


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("dev:71f3f3", "dev", "71f3f3"),
        ("DEV:71f3f3", "dev", "71f3f3"),
        (" dev:71f3f3 ", "dev", "71f3f3"),
        ("prod:dev:evals", "prod", "dev:evals"),
        ("dev:", "dev", ""),
        ("dev:a name: with colons", "dev", "a name: with colons"),
        ("dev:models:/intent@champion", "dev", "models:/intent@champion"),
        ("models:/dev:intent/3", "dev", "models:/intent/3"),
        ("runs:/dev:abc/model", "dev", "runs:/abc/model"),
        ("https://host/dev/#/experiments/1/runs/abc", "dev", "https://host/dev/#/experiments/1/runs/abc"),
        ("https://ana@HOST/prod", "prod", "https://ana@HOST/prod"),
    ],
)
def test_a_configured_name_is_a_prefix(servers, text, name, rest):
    connection, own = servers.split(text)

    assert connection is servers.named(name)
    assert own == rest


@pytest.mark.parametrize(
    "text",
    [
        "71f3f3",
        "test:71f3f3",
        "C:\\runs",
        "C:/runs",
        "models:/intent/3",
        "runs:/abc/model",
        "prompts:/greeting/1",
        f"tr-{'0' * 32}",
        "experiment: with a colon",
        "https://other/dev/#/experiments/1",
        "https://host/devel/#/experiments/1",
        "dev",
        "development:x",
        "dev://x",
        "",
    ],
)
def test_nothing_else_is_a_prefix(servers, text):
    assert servers.split(text) == (None, text)


def test_without_named_servers_nothing_is_a_prefix():
    servers = Connection(Settings(tracking_uri="https://host")).servers

    assert servers.split("dev:71f3f3") == (None, "dev:71f3f3")
    assert servers.split("https://host/#/experiments/1") == (None, "https://host/#/experiments/1")


def test_what_to_set_is_told_by_the_variables_of_the_server(servers):
    text = "Set MLFLOW_TRACKING_URI=http://x, MLFLOW_TRACKING_USERNAME/PASSWORD or MLFLOW_TRACKING_TOKEN. See MLFLOW_TRACKING_URI."

    assert with_own_variables(text, servers.named("dev")) == (
        "Set MLFLOW_MCP_SERVERS=dev=http://x, MLFLOW_MCP_SERVER_DEV_USERNAME/PASSWORD or MLFLOW_MCP_SERVER_DEV_TOKEN. "
        "See MLFLOW_MCP_SERVERS (its dev)."
    )
    assert "MLFLOW_TRACKING_TOKEN" in with_own_variables(text, servers.default)


def test_a_callers_own_credentials_are_for_the_default_server_and_open_no_other():
    settings = Settings.from_environment({"MLFLOW_MCP_SERVERS": "prod=https://one,dev=https://ana:secret@two"})
    prod, dev = Connection(settings, credentials=Credentials(token="of the caller")).servers.connections

    assert prod.credentials == Credentials(token="of the caller")
    assert dev.credentials == Credentials()


def test_a_named_server_leaves_the_netrc_of_the_default_one(tmp_path, monkeypatch):
    """The file tells requests to a host who asks; without it the default server might not let one in."""
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    _, dev = Connection(Settings(servers="prod=http://127.0.0.1:1,dev=http://127.0.0.1:2")).servers.connections

    _ = dev.mlflow

    assert os.environ["NETRC"] == str(tmp_path / "netrc")
