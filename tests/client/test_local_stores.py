"""Stores on this machine: files that are there, missing, old, broken; never one that looking has made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mlflow_mcp.settings import Settings
from tests.support.stores import copied

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_server_info", {}),
    ("resolve_id", {"id": "71f3f3199ea5e1f0"}),
    ("search_experiments", {}),
    ("query_runs", {}),
    ("search_runs_by_tags", {"tags": {"team": "x"}}),
    ("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"}),
    ("get_run", {"run_id": "0123456789abcdef0123456789abcdef"}),
    ("list_artifacts", {"run_id": "0123456789abcdef0123456789abcdef"}),
    ("get_artifact_content", {"run_id": "0123456789abcdef0123456789abcdef", "artifact_path": "config.yml"}),
]


def every_call_is_refused(ask_many, target, snapshot_error):
    """By every tool in the same words."""
    with ask_many(target) as ask:
        answers = [ask(tool, **arguments) for tool, arguments in CALLS]
    assert len({answer.text for answer in answers}) == 1
    for answer in answers:
        snapshot_error(answer, "every call")


def test_a_missing_database_is_an_error_and_is_not_made(ask_many, tmp_path, snapshot_error):
    every_call_is_refused(ask_many, f"sqlite:///{tmp_path}/nowhere.db", snapshot_error)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_says_where_it_was_looked_for(ask, snapshot_error):
    answer = ask("sqlite:///nowhere.db", "query_runs")

    snapshot_error(answer)


def test_a_relative_path_is_read_from_where_the_server_was_started(sqlite_store, ask):
    answer = ask("sqlite:///mlflow.db", "get_server_info")  # the copy is in this test's own folder

    assert answer.data["experiments"] == 6


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_without_a_file_is_refused(uri, ask, snapshot_error):
    snapshot_error(ask(uri, "query_runs"), uri)


def test_an_empty_file_is_no_mlflow_database_and_stays_empty(ask_many, tmp_path, snapshot_error):
    (tmp_path / "empty.db").touch()

    every_call_is_refused(ask_many, f"sqlite:///{tmp_path}/empty.db", snapshot_error)
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_file_that_is_no_database_is_said_to_be_none(ask, tmp_path, snapshot_error):
    (tmp_path / "notes.db").write_text("these are notes, and long enough to be more than a header " * 9)

    answer = ask(f"sqlite:///{tmp_path}/notes.db", "query_runs")

    snapshot_error(answer)


def test_a_database_of_something_else_is_said_to_hold_no_mlflow_data(ask, tmp_path, snapshot_error):
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE songs(name)")

    answer = ask(f"sqlite:///{tmp_path}/other.db", "query_runs")

    snapshot_error(answer)


def test_an_old_schema_says_how_to_upgrade_it(sqlite_store, ask):
    database = sqlite_store.uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")

    answer = ask(sqlite_store.uri, "query_runs")

    assert answer.is_error
    assert answer.text.startswith(
        f"The database {sqlite_store.uri} was made by another version of MLflow: its schema is 451aebb31d03, and "
    )
    assert f" Take a backup, then run `mlflow db upgrade {sqlite_store.uri}` with MLflow " in answer.text
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("451aebb31d03",)]


def test_a_database_that_lacks_the_tables_of_a_newer_mlflow_is_not_migrated_by_looking(sqlite_store, ask):
    """MLflow itself migrates such a file in place; one of version 2.9 has none of the tables that came since."""
    database = sqlite_store.uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")
        connection.execute("DROP TABLE logged_model_tags")
        connection.commit()

    answer = ask(sqlite_store.uri, "query_runs")

    assert answer.is_error
    assert "was made by another version of MLflow: its schema is acf3f17fdcc7" in answer.text
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("acf3f17fdcc7",)]
        assert not connection.execute("SELECT name FROM sqlite_master WHERE name = 'logged_model_tags'").fetchall()


def test_a_database_of_a_newer_mlflow_is_not_to_be_upgraded(sqlite_store, ask):
    with closing(sqlite3.connect(sqlite_store.uri.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        connection.commit()

    answer = ask(sqlite_store.uri, "query_runs")

    assert answer.text.endswith("It is newer: install a newer MLflow beside mlflow-mcp.")


def test_a_database_without_a_schema_is_not_given_one(sqlite_store, ask):
    database = sqlite_store.uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.commit()

    answer = ask(sqlite_store.uri, "query_runs")

    assert answer.text == f"The database {sqlite_store.uri} holds no MLflow data. Correct MLFLOW_TRACKING_URI."


def test_a_store_that_appears_later_is_found_by_the_next_call(sqlite_template, ask_many, tmp_path):
    with ask_many(f"sqlite:///{tmp_path}/late.db") as ask:
        before = ask("get_server_info")
        copied(sqlite_template.uri, tmp_path / "late.db")
        after = ask("get_server_info")

    assert before.is_error
    assert after.data["experiments"] == 6


# --- folders


@pytest.fixture
def file_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An old `mlruns` folder with two runs, one with a file."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    folder = tmp_path / "mlruns"
    client = MlflowClient(folder.as_uri())
    experiment = client.create_experiment("old times")
    for number in (1, 2):
        run_id = client.create_run(experiment, run_name=f"run-{number}", tags={"invocation_id": "0123456789abcdef"})
        client.log_metric(run_id.info.run_id, "val/loss", 0.5 / number)
        client.log_param(run_id.info.run_id, "lr", str(number))
        client.log_text(run_id.info.run_id, "lr: 1\n", "config.yaml")
        client.set_terminated(run_id.info.run_id)
    return folder


@pytest.mark.filterwarnings("ignore::FutureWarning")  # MLflow's own, about folders
def test_a_folder_answers_like_any_other_store(file_store, ask_many):
    for uri in (file_store.as_uri(), str(file_store), "./mlruns", "mlruns"):
        with ask_many(uri) as ask:
            info = ask("get_server_info")
            runs = ask("query_runs", experiment_id="old times", query="metrics.val/loss < 0.4", params="lr")
            by_tag = ask("search_runs_by_tags", tags={"invocation_id": "0123456789abcdef"})
            file = ask("get_artifact_content", run_id="run-2", artifact_path="config.yml")
            run = ask("get_run", run_id="run-2")
            meanings = ask("resolve_id", id="012345")
            files = ask("list_artifacts", run_id="run-2")
            invocation = ask("get_invocation", invocation_id="012345")

        assert not info.is_error, info.text
        assert info.data["newest_experiments"][0] in ("old times", "Default")
        assert len(runs.data["runs"]["rows"]) == 1
        assert len(by_tag.data["runs"]["rows"]) == 2
        assert file.data["text"] == "lr: 1\n"
        assert run.data["metrics"] == {"val/loss": 0.25}
        assert run.data["artifacts"] == ["config.yaml (6 B)"]
        assert [found["kind"] for found in meanings.data["found"]] == ["invocation"]
        assert files.data["artifacts"]["rows"] == [["config.yaml", 6]]
        assert len(invocation.data["tasks"]["rows"]) == 2


def test_a_missing_folder_is_an_error_and_is_not_made(ask_many, tmp_path, snapshot_error):
    every_call_is_refused(ask_many, str(tmp_path / "mlruns"), snapshot_error)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_said_to_hold_no_experiments(ask, tmp_path, snapshot_error):
    (tmp_path / "songs").mkdir()

    answer = ask((tmp_path / "songs").as_uri(), "query_runs")

    snapshot_error(answer)
    assert list((tmp_path / "songs").iterdir()) == []


# --- nothing configured


def test_without_a_uri_the_server_starts_and_every_call_says_what_to_set(ask_many, tmp_path, snapshot_error):
    every_call_is_refused(ask_many, Settings(), snapshot_error)
    assert list(tmp_path.iterdir()) == []


def test_without_a_uri_the_database_of_this_folder_is_read(sqlite_store, ask):
    assert ask(Settings(), "get_server_info").data["tracking_uri"] == sqlite_store.uri


# --- artifacts that lead elsewhere
