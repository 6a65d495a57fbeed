"""Pages and filters of several servers: a cursor is of one server, and so is a filter that names one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import Ask, data_of, problem_of, rows_of
from tests.support.stores import copied


@pytest.fixture(scope="module")
def dev_uri(sqlite_template, tmp_path_factory):
    return copied(sqlite_template.uri, tmp_path_factory.mktemp("dev") / "dev.db")


@pytest.fixture(params=[8_000, 500], ids=["whole", "cut"])
def ask(ask_many, sqlite_template, dev_uri, request) -> Iterator[Ask]:
    settings = Settings(servers=f"prod={sqlite_template.uri},dev={dev_uri}", max_tokens=request.param)
    with ask_many(settings) as asked:
        yield asked


def page(ask, **arguments):
    return data_of(ask("query_runs", limit=10, **arguments))


def test_a_cursor_continues_on_the_server_that_gave_it(ask):
    first = page(ask, experiment_id="dev:")
    second = page(ask, experiment_id="dev:", cursor=first["next_cursor"])
    both = [row["run_id"] for each in (first, second) for row in rows_of(each["runs"])]

    assert first["next_cursor"].startswith("dev:")
    assert all(id_.startswith("dev:") for id_ in both)
    assert len(set(both)) == len(both) > len(rows_of(first["runs"]))


@pytest.mark.parametrize(("gives", "takes"), [("dev:", "prod:"), ("prod:", "dev:")])
def test_a_cursor_of_one_server_is_refused_by_another(gives, takes, ask):
    """Its rows would be skipped there."""
    cursor = page(ask, experiment_id=gives)["next_cursor"]

    answer = ask("query_runs", limit=10, experiment_id=takes, cursor=cursor)

    assert "works on one MLflow server at a time" in problem_of(answer)


def test_a_filter_with_ids_of_two_servers_is_refused(ask, sqlite_template):
    one, two = (run.info.run_id for run in MlflowClient(sqlite_template.uri).search_runs(["0", "1", "2"])[:2])

    mixed = ask("query_runs", query=f"attributes.run_id IN ('dev:{one}', '{two}')")
    same = page(ask, query=f"attributes.run_id IN ('dev:{one}', 'dev:{two}')")

    assert "these arguments name dev and prod" in problem_of(mixed)
    assert {row["run_id"] for row in rows_of(same["runs"])} == {f"dev:{one}", f"dev:{two}"}
