"""What is written into MLFLOW_TRACKING_URI by mistake: it is corrected or named, and never makes a store."""

from __future__ import annotations

import subprocess

import pytest

from mlflow_mcp.address import check_address, cleaned
from mlflow_mcp.cli.doctor import run_doctor
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings, unknown_variables
from mlflow_mcp.text import safe_uri
from tests.support.servers import server_environment

MISTYPED = {
    "1http://127.0.0.1:5000": "Did you mean http://127.0.0.1:5000?",
    "http ://127.0.0.1:5000": "Did you mean http://127.0.0.1:5000?",
    "htp://127.0.0.1:5000": "Did you mean http://127.0.0.1:5000?",
    "htps://mlflow.example.com": "Did you mean https://mlflow.example.com?",
    "sqllite:///mlflow.db": "Did you mean sqlite:///mlflow.db?",
    "postgres://u:secret@db/mlflow": "Did you mean postgresql://***@db/mlflow?",
    "1http://ana:secret@127.0.0.1": "Did you mean http://***@127.0.0.1?",
    "xyz://127.0.0.1": "Use https://…, sqlite:///…, postgresql://…, mysql://…, mssql://…, databricks, or a folder.",
    "s3://bucket/mlruns": "Use https://…, sqlite:///…, postgresql://…, mysql://…, mssql://…, databricks, or a folder.",
    "sqlite+a+b:///x.db": "Did you mean sqlite:///x.db?",
    "127.0.0.1:5000": "Set MLFLOW_TRACKING_URI=http://127.0.0.1:5000 (or https://127.0.0.1:5000).",
    "localhost:5000": "Set MLFLOW_TRACKING_URI=http://localhost:5000 (or https://localhost:5000).",
    "mlflow.example.com:443/prefix": (
        "Set MLFLOW_TRACKING_URI=http://mlflow.example.com:443/prefix (or https://mlflow.example.com:443/prefix)."
    ),
    "http:/127.0.0.1:5000": "Write it as http://127.0.0.1:5000.",
    "https:mlflow.example.com": "Write it as https://mlflow.example.com.",
    "http://": "Write it as http://host:port.",
    "http://127.0.0.1:port": "Write it as http://host:port.",
    "http://127.0.0.1:99999": "Write it as http://host:port.",
    "http://[::1": "Write it as http://host:port.",
    "http://127.0.0.1:5000/#/experiments/1": "Set MLFLOW_TRACKING_URI=http://127.0.0.1:5000.",
    "https://mlflow.example.com/team/#/experiments/1/runs/2?x=y": (
        "Set MLFLOW_TRACKING_URI=https://mlflow.example.com/team."
    ),
    "mlflow.example.com": "If a server is meant, set MLFLOW_TRACKING_URI=https://mlflow.example.com.",
    "localhost": "If a server is meant, set MLFLOW_TRACKING_URI=https://localhost.",
}
GOOD = [
    "http://127.0.0.1:5000",
    "https://ana:secret@mlflow.example.com/prefix/",
    "http://[::1]:5000",
    "sqlite:///mlflow.db",
    "sqlite+pysqlite:////data/mlflow.db",
    "postgresql+psycopg2://u:p@db/mlflow",
    "mysql+pymysql://u:p@db/mlflow",
    "mssql+pyodbc://u:p@db/mlflow",
    "file:///data/mlruns",
    "file:/data/mlruns",
    "databricks",
    "databricks://profile",
    "databricks-uc",
    "uc:profile",
    "/data/mlruns",
    "./mlruns",
    "mlruns",
    "C:\\mlruns",
]


@pytest.mark.parametrize("address", MISTYPED)
def test_a_mistyped_address_says_which_to_use_and_makes_nothing(address, ask, capsys, tmp_path):
    answer = ask(address, "query_runs")
    code = run_doctor(Settings(tracking_uri=address))
    screen = " ".join(capsys.readouterr().out.split())

    assert answer.is_error
    assert answer.text.endswith(f" {MISTYPED[address]}")
    assert (code, answer.text in screen) == (1, True)
    assert "secret" not in answer.text + screen
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", GOOD)
def test_a_right_address_is_left_to_mlflow(address):
    assert cleaned(address) == address
    check_address(address)


def test_every_scheme_of_mlflows_registry_is_known():
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    # The last is ours, by which an HTTP connection is told from others of this process.
    schemes = set(_tracking_store_registry._registry) - {"", "mlflow-mcp-connection"}

    assert {"http", "sqlite", "databricks"} <= schemes
    for scheme in schemes:
        check_address(f"{scheme}://host")


def test_an_unknown_scheme_is_named():
    with pytest.raises(Problem) as raised:
        check_address("htp://127.0.0.1:5000")

    assert str(raised.value) == (
        "MLFLOW_TRACKING_URI=htp://127.0.0.1:5000 begins with 'htp:', which MLflow does not know. "
        "Did you mean http://127.0.0.1:5000?"
    )


@pytest.mark.parametrize("pattern", ['"{}"', "'{}'", ' "{}" ', '"{}', "“{}”", "`{}`"])
def test_quotes_around_an_address_are_dropped(pattern, sqlite_template, ask, tmp_path):
    answer = ask(pattern.format(sqlite_template.uri), "get_server_info")

    assert answer.data["tracking_uri"] == sqlite_template.uri
    assert answer.data["experiments"] == 6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", ["HTTP://127.0.0.1:9", "Http://127.0.0.1:9", "http://127.0.0.1:9"])
def test_an_address_in_capitals_is_a_server_too(written):
    tracking = Connection(Settings(tracking_uri=written))

    assert (tracking.uri, tracking.is_http) == ("http://127.0.0.1:9", True)


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite", "SQLITE"])
def test_a_database_that_is_not_there_is_not_made(scheme, ask, tmp_path):
    answer = ask(f"{scheme}:///{tmp_path}/new.db", "query_runs")

    assert answer.is_error
    assert answer.text.startswith(f"The database {tmp_path}/new.db does not exist.")
    assert list(tmp_path.iterdir()) == []


def test_a_database_with_a_driver_is_read(sqlite_store, ask):
    answer = ask(sqlite_store.uri.replace("sqlite:", "sqlite+pysqlite:"), "get_server_info")

    assert answer.data["experiments"] == 6


@pytest.mark.parametrize("path", ["{folder}/mlflow.db", "mlflow.db", "file://{folder}/mlflow.db"])
def test_the_path_of_a_database_gets_its_address(path, sqlite_store, ask, tmp_path):
    answer = ask(path.format(folder=tmp_path), "query_runs")

    assert answer.is_error
    assert answer.text.endswith(
        "mlflow.db is a file, not a folder. "
        f"If it is a database of MLflow's, set MLFLOW_TRACKING_URI=sqlite:///{tmp_path}/mlflow.db."
    )


@pytest.mark.parametrize(
    ("address", "shown"),
    [("http://[::1", "http://[::1"), ("1http://a:b@h/x", "1http://***@h/x"), ("http ://a:b@h", "http ://***@h")],
)
def test_a_mistyped_address_is_shown_without_its_password(address, shown):
    assert safe_uri(address) == shown


# --- misspelt variables


def test_a_misspelt_variable_is_named_with_the_nearest():
    environment = {
        "MLFLOW_MCP_MAX_TOKEN": "100",
        "MLFLOW_MCP_TIMEOUT": "9",
        "MLFLOW_MCP_ZZZ": "",
        "MLFLOW_TRACKING_X": "",
    }

    assert unknown_variables(environment) == [
        "MLFLOW_MCP_MAX_TOKEN is not a setting of mlflow-mcp and is ignored. Nearest: MLFLOW_MCP_MAX_TOKENS.",
        "MLFLOW_MCP_ZZZ is not a setting of mlflow-mcp and is ignored.",
    ]


def test_no_setting_of_ours_is_taken_for_misspelt():
    assert unknown_variables({str(field.alias): "" for field in Settings.model_fields.values()}) == []


@pytest.mark.slow
def test_the_server_and_the_doctor_name_a_misspelt_variable(forked_python):
    warning = "MLFLOW_MCP_MAX_TOKEN is not a setting of mlflow-mcp and is ignored. Nearest: MLFLOW_MCP_MAX_TOKENS."

    served, examined = (started(forked_python, command, MLFLOW_MCP_MAX_TOKEN="100") for command in ("serve", "doctor"))

    assert (served.returncode, served.stdout, served.stderr) == (0, "", f"mlflow-mcp: {warning}\n")
    assert f"!! settings {warning} ok tools" in " ".join(examined.stdout.split())


def started(python: str, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "mlflow_mcp", command],
        env=server_environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
