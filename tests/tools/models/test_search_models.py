"""search_models: logged models with their metrics per dataset, and the registry."""

from __future__ import annotations

import pytest

from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.model_stores import SECRET, WHY_NOT
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import copied

pytestmark = pytest.mark.slow


@pytest.fixture
def changed(model_store, tmp_path):
    """A copy of the store that a test may change with SQL."""
    return copied(model_store.uri, tmp_path / "models.db")


def names_of(answer):
    return [row["name"] for row in rows_of(data_of(answer)["models"])]


def test_all_models_with_steps_and_metrics_per_dataset(both_model_stores, ask, snapshot):
    answer = ask(both_model_stores.uri, "search_models")

    assert len(answer.text) < 3_000
    assert SECRET not in str(answer.result)
    snapshot("search_models", answer)


def test_the_registry_with_the_metrics_of_latest_and_aliased_versions(both_model_stores, ask, snapshot):
    answer = ask(both_model_stores.uri, "search_models", registered=True)

    assert WHY_NOT in answer.text
    snapshot("search_models.registered", answer)


def test_an_order_by_a_metric_on_a_dataset_is_a_ranking(both_model_stores, ask, snapshot):
    answer = ask(both_model_stores.uri, "search_models", order_by="metrics.f1 DESC", dataset="val (v1)")

    assert names_of(answer) == ["large", "ckpt-200", "ckpt-300", "ckpt-100"]
    snapshot("search_models.ranking", answer)


def test_nan_and_infinity_never_win(both_model_stores, ask):
    """MLflow's databases keep NaN as 0, which would be the lowest loss, and infinity as the largest number."""
    broken = both_model_stores.models["broken"]
    for order in ("metrics.loss DESC", "metrics.f1"):
        answer = ask(both_model_stores.uri, "search_models", order_by=order, dataset="val")

        assert "broken" not in names_of(answer)
        assert any(f"is NaN or infinite: '{broken}'" in note for note in answer.data["notes"])
    shown = rows_of(ask(both_model_stores.uri, "search_models", query="name = 'broken'").data["models"])
    assert (shown[0]["metrics.f1 on val"], shown[0]["metrics.loss on val"]) == ("NaN", "Infinity")


def test_a_zero_that_was_logged_stays_a_number(changed, ask):
    with raw_store.opened(changed) as db:
        for table, name in (("metrics", "key"), ("logged_model_metrics", "metric_name")):
            value = "value" if table == "metrics" else "metric_value"
            db.execute(f"UPDATE {table} SET {value} = 0 WHERE {name} = 'loss' AND {value} = 0.41")

    answer = ask(changed, "search_models", query="name = 'ckpt-200'")

    assert rows_of(answer.data["models"])[0]["metrics.loss on val"] == 0


def test_an_order_over_several_datasets_says_so(model_store, ask):
    answer = ask(model_store.uri, "search_models", order_by="metrics.f1 DESC")

    (told,) = [note for note in answer.data["notes"] if note.startswith("MLflow orders")]
    assert "'holdout (h1)', 'val (v1)', 'val (v2)'" in told
    assert told.endswith("dataset='val (v1)' orders on that one.")


def test_an_order_against_the_words_of_the_metric_says_so(model_store, ask):
    answer = ask(model_store.uri, "search_models", order_by="metrics.loss DESC", dataset="val")

    assert "The order is highest first, but the name 'loss' says that lower is better." in answer.data["notes"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"dataset": "val"}, ["broken", "large", "ckpt-300", "ckpt-200", "ckpt-100"]),
        ({"dataset": "val", "query": "metrics.f1 > 0.85"}, ["large", "ckpt-300", "ckpt-200"]),
        ({"dataset": "val (v2)"}, ["large"]),
        ({"dataset": "val (v2)", "query": "metrics.f1 > 0.85"}, []),
        ({"dataset": "holdout", "query": "metrics.f1 < 0.8"}, []),
        ({"dataset": "holdout"}, ["large"]),
    ],
)
def test_a_dataset_is_found_by_its_name_alone(arguments, names, both_model_stores, ask):
    """MLflow's server finds nothing for a name without a digest."""
    assert names_of(ask(both_model_stores.uri, "search_models", **arguments)) == names


def test_two_digests_of_a_dataset_are_two_columns(model_store, ask):
    both = ask(model_store.uri, "search_models", query="name = 'large'", dataset="val")
    one = ask(model_store.uri, "search_models", query="name = 'large'", dataset="val (v2)")

    assert rows_of(both.data["models"])[0]["metrics.f1 on val (v1)"] == 0.88
    assert rows_of(both.data["models"])[0]["metrics.f1 on val (v2)"] == 0.79
    assert rows_of(one.data["models"])[0]["metrics.f1 on val"] == 0.79
    assert one.data["datasets"] == {"val": "v2"}


def test_the_checkpoints_of_a_run_and_the_best_of_them(both_model_stores, ask):
    answer = ask(both_model_stores.uri, "search_models", query="source_run_id = 'bert-base'")

    assert [(row["name"], row["step"]) for row in rows_of(answer.data["models"])] == [
        ("ckpt-300", 300),
        ("ckpt-200", 200),
        ("ckpt-100", 100),
    ]
    best = both_model_stores.models["ckpt-200"]
    assert answer.data["best"] == {
        "f1 on val": f"{best} 0.86 (highest of 3)",
        "loss on val": f"{best} 0.41 (lowest of 3)",
    }


def test_no_model_is_called_best_of_a_part(model_store, ask):
    answer = ask(model_store.uri, "search_models", limit=2)

    assert "best" not in answer.data


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status = 'READY'", ["large", "ckpt-300", "ckpt-200", "ckpt-100"]),
        ('status = "FAILED"', ["broken"]),
        ("status IN ('FAILED', 'PENDING')", ["broken"]),
        ('name = "ckpt-100"', ["ckpt-100"]),
        ("attributes.name LIKE 'ckpt%' AND metrics.f1 > 0.85 AND params.`lr` = '2e-5'", ["ckpt-300", "ckpt-200"]),
        ('metrics."f1" > 0.89', ["ckpt-300"]),
        ("model_type = 'classifier' AND tags.owner = 'ana'", ["ckpt-200", "ckpt-100"]),
        ("tags.owner IN ('ben')", ["large"]),
        ("created > '2026-09-21T14:16:30Z'", ["broken"]),
        ("creation_timestamp < 1790000000001", ["ckpt-100"]),
    ],
)
def test_filters_find_what_they_say(query, names, both_model_stores, ask):
    """Also where MLflow would find nothing without a word: a status in words, a value or a name in double quotes."""
    assert names_of(ask(both_model_stores.uri, "search_models", query=query)) == names


def test_a_match_by_an_earlier_value_is_told(model_store, ask):
    answer = ask(model_store.uri, "search_models", query="metrics.f1 > 0.89")

    model = model_store.models["ckpt-300"]
    assert rows_of(answer.data["models"])[0]["metrics.f1 on val"] == 0.84
    assert answer.data["notes"] == [
        f"Only an earlier value passes metrics.f1 > 0.89 in '{model}': MLflow compares every value logged, "
        "the table has the latest."
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": "f1 > 0.9"},
        {"query": "name = 'a' OR name = 'b'"},
        {"query": "tags.owner IS NULL"},
        {"query": "created > 'yesterday'"},
        {"query": 'name = "it\'s"'},
        {"query": "source_run_id = 'no-such-run'"},
        {"order_by": "params.lr"},
        {"experiment_id": "no-such-experiment"},
        {"registered": True, "query": "nme = 'intent'"},
        {"registered": True, "experiment_id": "intent"},
        {"cursor": "x"},
        {"registered": True, "cursor": "x"},
    ],
)
def test_what_cannot_be_searched_says_why(arguments, model_store, ask, snapshot_error):
    snapshot_error(ask(model_store.uri, "search_models", **arguments))


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        ("metric", {"query": "metrics.f2 > 0.9"}),
        ("dataset", {"dataset": "vall"}),
        ("value", {"query": "tags.owner = 'anna'", "experiment_id": "intent"}),
        ("name", {"query": "name = 'ckpt-400'"}),
        ("status", {"query": "status = 'DONE'"}),
        ("experiment", {"experiment_id": "elsewhere"}),
        ("registry", {"registered": True, "query": "name = 'intents'"}),
    ],
)
def test_nothing_found_says_what_was_searched_and_what_is_nearest(case, arguments, model_store, ask, snapshot):
    snapshot(f"search_models.nothing/{case}", ask(model_store.uri, "search_models", **arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"order_by": "metrics.f1 DESC", "dataset": "val"},
        {"dataset": "val", "query": "status = 'READY'"},
        {"registered": True},
    ],
)
def test_walking_the_pages_gives_what_one_page_gives(arguments, both_model_stores, ask_many):
    first = "name" if arguments.get("registered") else "model_id"
    with ask_many(both_model_stores.uri) as ask:
        whole = [row[first] for row in rows_of(ask("search_models", **arguments).data["models"])]
        found, cursor = [], None
        while True:
            page = data_of(ask("search_models", limit=1, cursor=cursor, **arguments))
            found += [row[first] for row in rows_of(page["models"])]
            cursor = page.get("next_cursor")
            if cursor is None:
                break

    assert found == whole


def test_a_page_of_the_registry_that_is_cut_goes_on_after_its_last_row(model_store, ask_many):
    with ask_many(model_store.uri) as ask:
        whole = rows_of(ask("search_models", registered=True).data["models"])
    with ask_many(Settings(tracking_uri=model_store.uri, max_tokens=500)) as ask, raw_store.opened(model_store.uri):
        pages, cursor = [], None
        while True:
            page = data_of(ask("search_models", registered=True, cursor=cursor))
            pages.append([(row["name"], row["version"]) for row in rows_of(page["models"])])
            cursor = page.get("next_cursor")
            if cursor is None:
                break

    assert [row for page in pages for row in page] == [(row["name"], row["version"]) for row in whole]


def test_models_of_more_experiments_than_one_request_may_name(changed, ask_many):
    """In one order, and each once, though they come from several requests."""
    with raw_store.opened(changed) as db:
        raw_store.add_experiments(db, {number: f"many-{number}" for number in range(10, 1_110)})
        db.execute("UPDATE logged_models SET experiment_id = 1105 WHERE name = 'ckpt-200'")
        db.execute("UPDATE logged_models SET experiment_id = 600 WHERE name = 'large'")
    with ask_many(changed) as ask:
        ranked = ask("search_models", order_by="metrics.f1 DESC", dataset="val (v1)")
        first = ask("search_models", order_by="metrics.f1 DESC", dataset="val (v1)", limit=2)
        second = ask(
            "search_models", order_by="metrics.f1 DESC", dataset="val (v1)", limit=9, cursor=first.data["next_cursor"]
        )

    assert names_of(ranked) == ["large", "ckpt-200", "ckpt-300", "ckpt-100"]
    assert names_of(first) + names_of(second) == names_of(ranked)
    assert len(first.data["next_cursor"]) < 1_000  # MLflow's own token holds the ids of all experiments


def test_a_version_whose_run_has_other_models_gets_no_metrics_of_that_run(changed, ask):
    """They may be those of any model of the run."""
    with raw_store.opened(changed) as db:
        db.execute("DELETE FROM logged_model_metrics WHERE model_id LIKE 'm-%'")

    rows = {row["version"]: row for row in rows_of(ask(changed, "search_models", registered=True).data["models"])}

    assert rows[1]["metrics"] is None  # bert-base made three models
    assert rows[2]["metrics"] is not None  # bert-large made this one alone
    assert rows[2]["metrics_of"] == "its source run"


def test_an_empty_store_says_where_models_may_be(empty_store, ask):
    logged = data_of(ask(empty_store, "search_models"))
    registered = data_of(ask(empty_store, "search_models", registered=True))

    assert logged["notes"] == ["There are no logged models here at all; registered=true searches the registry."]
    assert registered["notes"] == ["The registry holds no models; without registered=true logged models are searched."]


def test_a_cursor_belongs_to_its_search(model_store, ask):
    first = ask(model_store.uri, "search_models", limit=1)

    told = problem_of(ask(model_store.uri, "search_models", query="name = 'x'", cursor=first.data["next_cursor"]))

    assert told.startswith("This cursor belongs to other arguments.")


def test_the_registry_of_a_server_before_prompts_is_not_told_to_be_empty(models_server, ask):
    """MLflow's client filters prompts out by their tag; before 2.21 that filter finds no model at all."""
    old = [fail(200, "registered-models/search.*is_prompt", body="{}"), fail(200, "/version", body="2.16.2")]
    whole = ask(models_server.uri, "search_models", registered=True)
    with faulty_proxy(models_server.uri, *old) as proxy:
        found = ask(proxy.uri, "search_models", registered=True)

    names = [row["name"] for row in rows_of(data_of(found)["models"])]
    assert set(names) >= {row["name"] for row in rows_of(data_of(whole)["models"])}
