"""Values for statistics: the same runs and the same values from the database as through `runs/search`."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.scan import count
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.client.values import Selection, runs_matching, values_of
from mlflow_mcp.client.values.database import DatabaseValues, matching
from mlflow_mcp.client.values.server import ServerValues
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import forked_mlflow_server
from tests.support.stores import artifacts_of, copied, copied_to_be_served

INFINITY, NAN = math.inf, math.nan

# Where the database is asked, and where the values are read through `runs/search`.
IN_SQL = [
    "",
    "tags.team = 'a'",
    "tags.team != 'a'",
    "tags.`odd name` LIKE '%X%'",
    "tags.`odd name` ILIKE '%X%'",
    "tags.team IS NULL",
    "params.lr IS NOT NULL AND params.lr != '0.1'",
    "params.lr LIKE '0._'",
    "metrics.rare > 0.5",
    "metrics.rare != 0.25",
    "metrics.rare = 0.25",
    "metrics.rare <= -0.5 AND tags.team = 'b'",
    "attributes.status = 'FAILED'",
    "status != 'FAILED' AND tags.team = 'a'",
    "attributes.run_name LIKE 'run-1%'",
    "attributes.run_name = 'run-11'",
    f"run_id IN ('{run_id(3)}', '{run_id(4)}')",
    f"start_time >= {raw_store.STARTED + 60_000 * 700} AND attributes.end_time < {raw_store.STARTED + 60_000 * 900}",
    f"created > {raw_store.STARTED + 60_000 * 800}",
    "user_id = 'ana'",
]
THROUGH_SEARCH = [
    # Whether NaN, which is stored as 0, passes these depends on the version of MLflow.
    "metrics.rare < 0.5",
    "metrics.rare >= -1.5 AND tags.team = 'a'",
    "metrics.rare != 0",
    "metrics.rare = 0",
    "datasets.name = 'questions'",
]


def made_up(number: int) -> RawRun:
    """One of 1,250 runs: a sixth has `rare`, which is NaN or infinite in some of them."""
    generator = random.Random(number)
    value = {1: NAN, 2: INFINITY, 3: -INFINITY, 4: 0.25}.get(number // 6 % 20, generator.uniform(-1, 1))
    tags = {"mlflow.runName": f"run-{number}", "mlflow.user": "ben" if number % 4 else "ana"}
    tags |= {"team": "ab"[number // 4 % 2]} if number % 5 else {}
    tags |= {"odd name": "axb" if number % 2 else "aXb"} if number % 5 == 0 else {}
    return RawRun(
        run_id(number),
        experiment_id=number % 3,
        name="" if number % 11 == 0 else f"run-{number}",
        status="FAILED" if number % 7 == 0 else "FINISHED",
        start_time=raw_store.STARTED + 60_000 * number,
        metrics=({"rare": value} if number % 6 == 0 else {}) | ({"often": number / 7} if number % 9 else {}),
        params={"lr": f"0.{number % 3}"} if number % 8 else {},
        tags=tags,
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, empty_template: str) -> str:
    """1,250 runs in three experiments, one of them deleted, as a sqlite file."""
    uri = copied(empty_template, tmp_path_factory.mktemp("values") / "mlflow.db")
    with raw_store.opened(uri) as db:
        raw_store.add_experiments(db, {1: "one", 2: "two"})
        raw_store.add_runs(db, map(made_up, range(1_250)))
        db.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (run_id(12),))
    return uri


@pytest.fixture(scope="module")
def server(database, empty_template, session_folder, tmp_path_factory):
    """The same runs behind a real server."""
    folder = tmp_path_factory.mktemp("values_server")
    copied_to_be_served(database, artifacts_of(empty_template), folder)
    with forked_mlflow_server(session_folder, folder) as uri:
        yield uri


def client_of(uri: str, **options: Any) -> Client:
    return Client(Connection(Settings(tracking_uri=uri)), Call(timeout=60, **options))


def read(values: Any, selection: Selection) -> dict[str, Any]:
    """All runs by id, with the values that are selected and nothing else; NaN as text, which equals itself."""
    found = {}
    for page in values:
        for run in page:
            assert run.run_id not in found, "no run comes twice"
            metrics = {name: str(run.metrics[name]) for name in selection.metrics if name in run.metrics}
            params = {name: run.params[name] for name in selection.params if name in run.params}
            tags = {name: run.tags[name] for name in selection.tags if name in run.tags}
            found[run.run_id] = (*run[1:6], metrics, params, tags)
    return found


TAGS = ["team", "mlflow.runName", "mlflow.user"]
WANTED = Selection(["rare", "often"], ["lr"], TAGS)
EXPERIMENTS = ["0", "1", "2"]


@pytest.mark.slow
@pytest.mark.parametrize("query", IN_SQL)
def test_sql_gives_the_runs_and_values_that_a_search_gives(query, database):
    client = client_of(database)
    values = values_of(client, EXPERIMENTS, query, WANTED, 50_000)

    assert isinstance(values, DatabaseValues)
    told = read(values, WANTED)
    assert told == read(ServerValues(client, EXPERIMENTS, query, WANTED, 50_000), WANTED)
    assert values.runs == runs_matching(client, EXPERIMENTS, query) == len(told) > 0


@pytest.mark.parametrize("query", THROUGH_SEARCH)
def test_a_filter_that_sql_might_read_otherwise_is_left_to_the_search(query, database):
    assert matching(client_of(database), EXPERIMENTS, query) is None


@pytest.mark.parametrize(
    "query", ["params.lr > '0'", "run_name IN ('run-1')", "attributes.status > 'F'", "metrics.rare LIKE '1'", "nothing"]
)
def test_a_filter_that_mlflow_refuses_is_refused_in_the_same_words(query, database):
    client = client_of(database)
    with pytest.raises(Problem) as ours:
        values_of(client, EXPERIMENTS, query, WANTED, 50_000)
    with pytest.raises(Problem) as searched:
        client.runs.search(EXPERIMENTS, query)

    assert str(ours.value) == str(searched.value)


def test_a_folder_and_a_server_have_no_database_to_ask(tmp_path):
    for uri in (str(tmp_path), "http://127.0.0.1:9"):
        assert matching(client_of(uri), ["0"], "") is None


def test_names_are_those_of_the_matching_runs_alone(database):
    values = values_of(client_of(database), ["1"], "tags.`odd name` = 'aXb'", WANTED, 50_000)

    assert values.names("tags") == ["odd name"]
    assert values.names("params") == ["lr"]
    assert values.names("metrics") == ["often"]


def test_more_names_than_one_statement_takes_are_all_read(empty_store):
    metrics = {f"m{number}": float(number) for number in range(2_300)}
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(1), metrics=metrics)])

    ((run,),) = values_of(client_of(empty_store), ["0"], "", Selection(["m*"]), 50_000)

    assert run.metrics == metrics


# --- through a server


@pytest.mark.slow
def test_a_server_is_asked_only_for_the_runs_that_have_a_rare_metric(database, server):
    """Those whose value is NaN or infinite among them."""
    selection = Selection(["rare"], ["lr"], TAGS)
    client = client_of(server)
    values = values_of(client, EXPERIMENTS, "", selection, 50_000)
    told = read(values, selection)

    whole = read(values_of(client_of(database), EXPERIMENTS, "", selection, 50_000), selection)
    assert told == {run: values for run, values in whole.items() if values[5]}
    assert {"nan", "1.7976931348623157e+308", "-1.7976931348623157e+308"} <= {run[5]["rare"] for run in told.values()}
    assert (values.runs, values.has_all, values.partial) == (1_249, False, None)


@pytest.mark.slow
def test_the_one_value_that_a_server_is_asked_apart_for_is_among_them(empty_template, session_folder, tmp_path):
    """No comparison of MLflow's finds NaN and every number at once."""
    uri = copied(empty_template, tmp_path / "one.db")
    odd = {7: 1.7182818284590453e-301, 8: NAN, 9: 0.0}
    with raw_store.opened(uri) as db:
        metrics = [{"x": odd[n]} if n in odd else {} for n in range(600)]
        raw_store.add_runs(db, [RawRun(run_id(n), metrics=each) for n, each in enumerate(metrics)])
    copied_to_be_served(uri, artifacts_of(empty_template), tmp_path)
    with forked_mlflow_server(session_folder, tmp_path) as served:
        told = read(values_of(client_of(served), ["0"], "", Selection(["x"]), 50_000), Selection(["x"]))

    assert {run: each[5]["x"] for run, each in told.items()} == {run_id(n): str(value) for n, value in odd.items()}


@pytest.mark.slow
@pytest.mark.parametrize("metrics", [["often"], ["r*"], ["rare", "often"]])
def test_a_server_is_read_whole_where_that_is_cheaper_or_names_are_not_known(metrics, database, server):
    selection = Selection(metrics, ["lr"], TAGS)
    values = values_of(client_of(server), EXPERIMENTS, "", selection, 50_000)

    assert read(values, selection) == read(
        values_of(client_of(database), EXPERIMENTS, "", selection, 50_000), selection
    )
    assert (values.runs, values.has_all) == (1_249, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiments", "query"), [(EXPERIMENTS, ""), (["0"], ""), (["1"], "metrics.rare > 0.9"), (["2"], "tags.no = 'x'")]
)
def test_runs_are_counted_without_reading_them(experiments, query, database, server):
    (told,) = count(client_of(server), experiments, query, 50_000) or ()

    assert told == runs_matching(client_of(database), experiments, query)
    assert told in (count(client_of(server), experiments, query, 50_000, within=500) or ())


@pytest.mark.slow
def test_more_runs_than_the_most_are_told_as_more(server):
    assert count(client_of(server), EXPERIMENTS, "", 1_000) == range(1_001, 1_002)
    assert count(client_of(server), EXPERIMENTS, "", 1_249) == range(1_249, 1_250)


@pytest.mark.slow
def test_runs_that_cannot_be_counted_in_time_are_read_by_experiment(database, server):
    selection = Selection(["rare"], ["lr"], TAGS)
    client = client_of(server)
    client.call.started -= 50  # less than a fifth of the time is left
    values = values_of(client, EXPERIMENTS, "", selection, 50_000)

    assert read(values, selection) == read(
        values_of(client_of(database), EXPERIMENTS, "", selection, 50_000), selection
    )
    assert (values.runs, values.has_all, values.partial) == (1_249, True, None)
