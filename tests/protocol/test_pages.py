"""Pages: walking them gives exactly what one long page gives, however they are cut."""

from __future__ import annotations

import base64
import json

import pytest

from mlflow_mcp.client.cursors import decode_cursor, encode_cursor
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.asking import rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import copied

CURSORLESS = "Leave cursor out to start at the first page."


def walked(ask_on, tool, table, first_column, **arguments):
    """The values of one column over all pages, and how many pages there were."""
    found, pages, cursor = [], 0, None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = ask_on(tool, **arguments, **more)
        assert not answer.is_error, answer.text
        part = answer.data[table]
        at = part["columns"].index(first_column)
        # Long pages have the beginnings of run ids, where these tell the runs apart.
        is_cut = first_column == "run_id" and not part["rows"][0][at].startswith("0" * 12)
        found += [row[at][:12] if is_cut else row[at] for row in part["rows"]]
        pages += 1
        cursor = answer.data.get("next_cursor")
        if cursor is None:
            return found, pages
        assert part["rows"], "a page that continues has shown something"


@pytest.mark.parametrize(
    ("limit", "arguments"),
    [
        (1, {"experiment_id": "sweeps", "order_by": "metrics.accuracy DESC"}),
        (2, {"experiment_id": ["evals", "sweeps"]}),
        (3, {"experiment_id": "sweeps", "order_by": "metrics.accuracy DESC"}),
        (3, {}),
        (7, {}),
        (7, {"order_by": ["params.optimizer", "metrics.loss"]}),
    ],
)
def test_walking_the_pages_gives_what_one_page_gives(limit, arguments, sqlite_template, ask_many):
    with ask_many(sqlite_template.uri) as ask:
        whole, pages = walked(ask, "query_runs", "runs", "run_id", limit=1_000, **arguments)
        in_parts, parts = walked(ask, "query_runs", "runs", "run_id", limit=limit, **arguments)

    assert pages == 1
    assert in_parts == whole
    assert len(set(whole)) == len(whole)
    assert parts == -(-len(whole) // limit)


def test_the_limit_may_change_on_the_way(sqlite_template, ask_many):
    with ask_many(sqlite_template.uri) as ask:
        whole, _ = walked(ask, "query_runs", "runs", "run_id", limit=1_000)
        first = ask("query_runs", limit=3)
        rest, _ = walked_from(ask, first, limit=5)

    assert rest == whole


def walked_from(ask, first, **arguments):
    found = [row[0][:12] for row in first.data["runs"]["rows"]]
    cursor = first.data["next_cursor"]
    while cursor:
        answer = ask("query_runs", cursor=cursor, **arguments)
        found += [row[0][:12] for row in answer.data["runs"]["rows"]]
        cursor = answer.data.get("next_cursor")
    return found, None


def test_a_page_cut_by_the_budget_goes_on_after_its_last_row(sqlite_template, ask_many):
    with ask_many(sqlite_template.uri) as ask:
        whole, _ = walked(ask, "query_runs", "runs", "run_id", limit=1_000)
    small = Settings(tracking_uri=sqlite_template.uri, max_tokens=500)
    with ask_many(small) as ask:
        first = ask("query_runs", limit=1_000, params=[], tags=[], metrics=[])
        in_parts, parts = walked(ask, "query_runs", "runs", "run_id", limit=1_000, params=[], tags=[], metrics=[])

    shown = len(first.data["runs"]["rows"])
    assert first.data["notes"] == [
        f"Only the first {shown} of {len(whole)} rows fit into one answer; next_cursor continues after them, "
        "or name fewer columns."
    ]
    assert in_parts == whole
    assert parts > 1


def test_a_page_cut_by_the_budget_in_the_middle_of_a_walk_goes_on_too(sqlite_template, ask_many):
    with ask_many(Settings(tracking_uri=sqlite_template.uri, max_tokens=1_000)) as ask:
        whole, _ = walked(ask, "query_runs", "runs", "run_id", limit=3)
        in_parts, _ = walked(ask, "query_runs", "runs", "run_id", limit=17)

    assert in_parts == whole


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_experiments_are_walked_too(limit, sqlite_template, ask_many):
    with ask_many(sqlite_template.uri) as ask:
        whole, _ = walked(ask, "search_experiments", "experiments", "name", limit=1_000)
        in_parts, _ = walked(ask, "search_experiments", "experiments", "name", limit=limit)

    assert whole == ["sweeps", "llm-training", "ben/qwen2.5-7b", "ana/llama-3.1-8b", "evals", "Default"]
    assert in_parts == whole


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_files_are_walked_too(limit, store, ask_many):
    run_id = store.seeded.runs[store.seeded.log_run]
    with ask_many(store.uri) as ask:
        whole, _ = walked(ask, "list_artifacts", "artifacts", "path", run_id=run_id, recursive=True)
        in_parts, _ = walked(ask, "list_artifacts", "artifacts", "path", run_id=run_id, recursive=True, limit=limit)

    assert len(whole) == 14
    assert in_parts == whole


# --- more experiments than one request may name


EXPERIMENTS, RUNS = 1_100, 60


@pytest.fixture(scope="module")
def many_experiments(sqlite_template, tmp_path_factory):
    """A store of 1,100 experiments with 60 runs spread over them, each with a metric `score`; four have none."""
    uri = copied(sqlite_template.uri, tmp_path_factory.mktemp("many") / "mlflow.db")
    with raw_store.opened(uri) as connection:
        connection.execute("DELETE FROM runs WHERE run_uuid NOT IN (SELECT run_uuid FROM metrics)")
        raw_store.add_experiments(connection, {number: f"many-{number}" for number in range(10, 10 + EXPERIMENTS)})
        runs = [
            RawRun(
                run_id(number),
                10 + number * 18,
                start_time=1_700_000_000_000 + number % 7,
                tags={"of": "many"},
                metrics={"score": float(number * 37 % 23)} if number % 15 else {},
            )
            for number in range(RUNS)
        ]
        raw_store.add_runs(connection, runs)
    return uri


@pytest.mark.slow
@pytest.mark.parametrize("limit", [7, 60])
@pytest.mark.parametrize(
    "order_by", [None, "metrics.score DESC", "metrics.score", ["start_time", "metrics.score DESC"]]
)
def test_pages_across_more_than_a_thousand_experiments_are_in_one_order(limit, order_by, many_experiments, ask_many):
    arguments = {"query": "tags.of = 'many'"} | ({"order_by": order_by} if order_by else {})
    with ask_many(many_experiments) as ask:
        whole, pages = walked(ask, "query_runs", "runs", "run_id", limit=1_000, **arguments)
        in_parts, _ = walked(ask, "query_runs", "runs", "run_id", limit=limit, **arguments)

    assert pages == 1
    assert sorted(whole) == [f"{number:032x}" for number in range(RUNS)]
    assert in_parts == whole


def test_an_order_by_metric_holds_across_more_than_a_thousand_experiments(many_experiments, ask):
    answer = ask(many_experiments, "query_runs", query="tags.of = 'many'", order_by="metrics.score DESC", limit=1_000)

    at = answer.data["runs"]["columns"].index("metrics.score")
    scores = [row[at] for row in answer.data["runs"]["rows"]]
    assert scores[:-4] == sorted(scores[:-4], reverse=True)
    assert scores[-4:] == [None] * 4, "runs without the metric come last"


def test_an_invocation_is_found_among_more_than_a_thousand_experiments(many_experiments, ask):
    answer = ask(many_experiments, "get_invocation", invocation_id="71f3f3")

    assert len(answer.data["tasks"]["rows"]) == 4


# --- cursors


def test_a_cursor_of_another_query_is_refused(sqlite_template, ask_many, snapshot_error):
    with ask_many(sqlite_template.uri) as ask:
        cursor = ask("query_runs", limit=2).data["next_cursor"]
        for other in (
            {"query": "metrics.loss > 0"},
            {"experiment_id": "evals"},
            {"order_by": "start_time"},
            {"deleted": True},
        ):
            answer = ask("query_runs", cursor=cursor, limit=2, **other)

            snapshot_error(answer)


def test_a_cursor_of_another_tool_is_refused(sqlite_template, ask_many):
    with ask_many(sqlite_template.uri) as ask:
        cursor = ask("query_runs", limit=2).data["next_cursor"]
        answer = ask("search_experiments", cursor=cursor)

    assert answer.is_error
    assert answer.text.startswith("This cursor belongs to other arguments.")


@pytest.mark.parametrize(
    "cursor", ["2", "page 2", "eyJvZmZzZXQiOiA1fQ", "W10", "WzFd", "ünïcode", "AAAA", "=" * 9, "x" * 5_000]
)
@pytest.mark.parametrize("tool", ["query_runs", "search_experiments", "list_artifacts"])
def test_a_made_up_cursor_is_refused(tool, cursor, sqlite_template, ask, snapshot_error):
    arguments = {"run_id": sqlite_template.seeded.log_run} if tool == "list_artifacts" else {}

    answer = ask(sqlite_template.uri, tool, cursor=cursor, **arguments)

    snapshot_error(answer)


def test_a_truncated_cursor_is_refused(sqlite_template, ask_many):
    with ask_many(sqlite_template.uri) as ask:
        cursor = ask("query_runs", limit=2).data["next_cursor"]
        for length in range(1, len(cursor)):
            answer = ask("query_runs", limit=2, cursor=cursor[:length])

            assert answer.is_error
            assert answer.text.startswith("This cursor "), length


@pytest.mark.parametrize("limit", [2, 3])
@pytest.mark.parametrize("change", ["deleted", "added", "nothing"])
def test_a_list_that_changed_between_two_pages_is_told(change, limit, empty_store, ask):
    """MLflow's tokens are places in the list: three runs fewer before a place, and three runs are passed over."""
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(n), start_time=raw_store.STARTED + n) for n in range(10)])
    first = ask(empty_store, "query_runs", limit=limit)
    with raw_store.opened(empty_store) as db:
        if change == "deleted":
            db.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (run_id(9),))
        elif change == "added":
            raw_store.add_runs(db, [RawRun(run_id(20), start_time=raw_store.STARTED + 20)])

    second = ask(empty_store, "query_runs", limit=limit, cursor=first.data["next_cursor"])

    notes = [note for note in second.data.get("notes", ()) if note.startswith("The list changed since the page before")]
    assert bool(notes) == (change != "nothing")
    assert len(second.data["runs"]["rows"]) == limit


@pytest.mark.slow
@pytest.mark.parametrize("change", ["deleted", "a new experiment", "nothing"])
def test_a_list_of_models_that_changed_between_two_pages_is_told(change, model_store, tmp_path, ask):
    """And a new experiment, which MLflow's token does not name, is no reason to refuse it."""
    uri = copied(model_store.uri, tmp_path / "models.db")
    first = ask(uri, "search_models", limit=2)
    with raw_store.opened(uri) as db:
        if change == "deleted":
            db.execute("UPDATE logged_models SET lifecycle_stage = 'deleted' WHERE name = 'broken'")
        elif change == "a new experiment":
            raw_store.add_experiments(db, {77: "new"})

    second = ask(uri, "search_models", limit=2, cursor=first.data["next_cursor"])

    shown = [[row["name"] for row in rows_of(page.data["models"])] for page in (first, second)]
    notes = [note for note in second.data.get("notes", ()) if note.startswith("The list changed since the page before")]
    assert shown[0] == ["broken", "large"]
    if change == "deleted":
        assert "(models added, deleted," in notes[0]
    else:
        assert (shown[1], notes) == (["ckpt-300", "ckpt-200"], [])


@pytest.mark.slow
def test_a_cursor_of_models_is_short_however_many_experiments_there_are(model_store, tmp_path, ask):
    uri = copied(model_store.uri, tmp_path / "models.db")
    with raw_store.opened(uri) as db:
        raw_store.add_experiments(db, {number: f"many-{number}" for number in range(10, 900)})
    arguments = {"query": "name != 'x'", "order_by": "metrics.f1 DESC", "limit": 2}

    first = ask(uri, "search_models", **arguments)
    second = ask(uri, "search_models", cursor=first.data["next_cursor"], **arguments)

    assert len(first.data["next_cursor"]) < 400
    assert len(rows_of(second.data["models"])) == 2


@pytest.mark.parametrize(
    "content",
    ["x", 7, [["token", "skip"]], [[1]], [["no token", 0]], [["no token", 0, "x"]], {"a": 1}, [[None, 10**30, None]]],
)
def test_a_forged_cursor_is_refused_or_harmless(content, sqlite_template, ask):
    """Bound to the right arguments, and yet not a place that this server named."""
    cursor = ask(sqlite_template.uri, "query_runs", limit=2).data["next_cursor"]

    answer = ask(sqlite_template.uri, "query_runs", limit=2, cursor=forged(cursor, content))

    assert answer.is_error
    assert "unexpectedly" not in answer.text


def forged(cursor, content):
    """The cursor with another content."""
    bound_to, _ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return base64.urlsafe_b64encode(json.dumps([bound_to, content]).encode()).decode().rstrip("=")


def test_a_cursor_is_short_however_long_the_arguments_are(sqlite_template, ask_many):
    runs = list(sqlite_template.seeded.runs.values())[:20]
    calls = [
        ("query_runs", {"query": f"attributes.run_name != '{'x' * 400}'"}),
        ("search_experiments", {"query": f"name != '{'x' * 400}'"}),
        ("list_artifacts", {"run_id": [*runs, sqlite_template.seeded.log_run], "recursive": True}),
    ]
    with ask_many(sqlite_template.uri) as ask:
        for tool, arguments in calls:
            first = ask(tool, limit=1, **arguments)
            assert not first.is_error, first.text
            assert len(first.data["next_cursor"]) < 120, tool
            assert not ask(tool, limit=1, cursor=first.data["next_cursor"], **arguments).is_error, tool


def test_a_cursor_carries_its_content_and_belongs_to_its_arguments():
    cursor = encode_cursor([["a", 1]], "x" * 1_000, None, ["b"])

    assert decode_cursor(cursor, "x" * 1_000, None, ["b"]) == [["a", 1]]
    assert len(cursor) < 120
    with pytest.raises(Problem):
        decode_cursor(cursor, "x" * 999, None, ["b"])
