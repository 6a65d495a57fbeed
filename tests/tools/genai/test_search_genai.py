"""search_genai: prompts, evaluation datasets and scorers."""

from __future__ import annotations

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.genai_stores import SECRET
from tests.support.servers import faulty_proxy, unknown_route

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(genai_store):
    return Settings(tracking_uri=genai_store.uri, toolsets=("genai",))


def names_of(answer):
    return [row["name"] for row in rows_of(data_of(answer)["found"])]


@pytest.mark.parametrize("kind", ["prompts", "datasets", "scorers"])
def test_all_of_a_kind(kind, both_genai, ask, snapshot):
    answer = ask(Settings(tracking_uri=both_genai.uri, toolsets=("genai",)), "search_genai", kind=kind)

    assert len(answer.text) < 3_000
    assert SECRET not in answer.text
    snapshot(f"search_genai.{kind}", answer)


@pytest.mark.parametrize(
    ("kind", "query", "names"),
    [
        ("prompts", "NSW", ["answer"]),
        ("prompts", "tags.team = 'support'", ["answer"]),
        ("prompts", "name LIKE '%a%'", ["answer", "summary", "triage"]),
        ("datasets", "golden", ["golden-questions", "golden-questions"]),
        ("datasets", "tags.stage = 'gold'", ["golden-questions"]),
        ("datasets", "golden_questions", []),
        ("scorers", "polite", ["polite"]),
        ("scorers", "r", ["grounded", "is_short", "terse"]),
    ],
)
def test_a_part_of_a_name_or_a_filter(kind, query, names, settings, ask):
    assert names_of(ask(settings, "search_genai", kind=kind, query=query)) == names


@pytest.mark.parametrize(
    ("kind", "names"),
    [("prompts", ["summary"]), ("datasets", ["golden-questions"]), ("scorers", ["terse"])],
)
def test_only_of_an_experiment(kind, names, settings, ask):
    assert names_of(ask(settings, "search_genai", kind=kind, experiment_id="elsewhere")) == names


def test_a_scorer_found_alone_has_all_versions_with_whole_instructions(settings, ask):
    answer = ask(settings, "search_genai", kind="scorers", query="grounded")

    judged_by = [(row["version"], row["judges_by"]) for row in rows_of(answer.data["found"])]
    assert judged_by == [
        (2, "Does {{ outputs }} follow from {{ inputs }} alone? Say 'no' when in doubt."),
        (1, "Does {{ outputs }} follow from {{ inputs }}?"),
    ]


@pytest.mark.parametrize("kind", ["prompts", "datasets", "scorers"])
def test_pages_hold_everything_once(kind, settings, ask_many):
    with ask_many(settings) as ask:
        whole = names_of(ask("search_genai", kind=kind))
        names, cursor = [], None
        while True:
            page = ask("search_genai", kind=kind, limit=1, cursor=cursor)
            names += names_of(page)
            cursor = page.data.get("next_cursor")
            if not cursor:
                break

    assert len(whole) >= 3
    assert names == whole


@pytest.mark.parametrize("kind", ["prompts", "datasets", "scorers"])
def test_nothing_found_names_what_there_is(kind, settings, ask, snapshot):
    snapshot(f"search_genai.no_{kind}", ask(settings, "search_genai", kind=kind, query="golden qestions"))


@pytest.mark.parametrize("kind", ["prompts", "datasets", "scorers"])
def test_an_empty_store_says_so(kind, empty_store, ask):
    answer = ask(Settings(tracking_uri=empty_store, toolsets=("genai",)), "search_genai", kind=kind)

    assert answer.data["notes"] == [f"There are no {kind} here at all."]


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "prompts", "query": "nonsense = 3"},
        {"kind": "datasets", "query": "nonsense = 3"},
        {"kind": "datasets", "query": "name = 'a' OR name = 'b'"},
        {"kind": "scorers", "query": "name = 'a'"},
        {"kind": "prompts", "experiment_id": ["assistant", "elsewhere"]},
        {"kind": "judges"},
        {"kind": "prompts", "cursor": "abc"},
    ],
    ids=str,
)
def test_what_cannot_be_asked(arguments, settings, ask, snapshot_error):
    answer = ask(settings, "search_genai", **arguments)

    # MLflow writes the keys that it knows in an order that changes.
    snapshot_error(problem_of(answer).partition(" Valid keys")[0], arguments)


@pytest.mark.parametrize("kind", ["datasets", "scorers"])
def test_a_folder_keeps_neither_datasets_nor_scorers(kind, tmp_path, ask, snapshot_error):
    from mlflow import MlflowClient

    folder = tmp_path / "mlruns"
    MlflowClient(str(folder)).create_experiment("plans")

    snapshot_error(ask(Settings(tracking_uri=str(folder), toolsets=("genai",)), "search_genai", kind=kind))


@pytest.mark.parametrize("kind", ["datasets", "scorers"])
def test_a_server_without_the_route_is_told_the_version_that_has_it(kind, genai_server, ask):
    with faulty_proxy(genai_server.uri, unknown_route(f"3.0/mlflow/{kind}")) as proxy:
        answer = ask(Settings(tracking_uri=proxy.uri, toolsets=("genai",)), "search_genai", kind=kind)

    assert "MLflow 3.4 or newer" in problem_of(answer)
