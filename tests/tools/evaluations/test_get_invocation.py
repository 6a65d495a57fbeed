"""get_invocation against everything that launchers leave behind, in a sqlite file and on a real server alike."""

from __future__ import annotations

import pytest

from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.asking import rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import filled

TRAPS = (
    "candidate",
    "baseline",
    "canary",
    "canary_unmarked",
    "duplicated",
    "two_homes",
    "reexported",
    "broken",
    "old_short",
    "whole",
    "param_only",
)


@pytest.mark.parametrize("trap", TRAPS)
def test_an_invocation_has_the_same_answer_from_sqlite_and_http(trap, both_stores, ask, snapshot):
    answer = ask(both_stores.uri, "get_invocation", invocation_id=getattr(both_stores.seeded, trap))

    snapshot(f"get_invocation.{trap}", answer)


def test_the_scores_of_an_invocation_need_one_call(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.candidate)

    scores = {row["task"]: row["metrics"] for row in rows_of(answer.data["tasks"])}
    assert scores["gpqa_diamond"] == {"gpqa_diamond_score_macro": 0.318182, "gpqa_diamond_score_micro": 0.328283}
    assert sorted(scores) == ["aime_2025", "gpqa_diamond", "ifeval", "mmlu-pro"]
    assert len(answer.text) < 1_700


@pytest.mark.parametrize("length", [6, 7, 15])
def test_a_prefix_means_the_invocation_that_it_begins(length, store, ask):
    with_prefix = ask(store.uri, "get_invocation", invocation_id=store.seeded.candidate[:length])

    assert with_prefix.data == ask(store.uri, "get_invocation", invocation_id=store.seeded.candidate).data


def test_a_prefix_of_an_id_known_only_by_a_param_is_found(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.param_only[:6])

    assert answer.data["invocation_id"] == store.seeded.param_only


def test_an_ambiguous_prefix_lists_the_invocations_it_begins(store, ask, snapshot_error):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.ambiguous_prefix)

    snapshot_error(answer)


def test_a_job_id_shows_that_job_and_says_what_else_there_is(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id="71f3f3199ea5e1f0.2")

    assert [row["task"] for row in rows_of(answer.data["tasks"])] == ["aime_2025"]
    assert answer.data["notes"][0] == (
        "Only job 71f3f3199ea5e1f0.2; get_invocation('71f3f3199ea5e1f0') has all 4 runs."
    )


def test_a_job_that_was_never_exported_shows_the_whole_invocation_and_says_so(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id="71f3f3199ea5e1f0.9")

    assert len(answer.data["tasks"]["rows"]) == 4
    assert answer.data["notes"][0] == "No run has job id 71f3f3199ea5e1f0.9; these are all runs of the invocation."


def test_an_id_written_as_a_number_is_the_same_id(sqlite_store, ask):
    written, number = store_with_a_numeric_invocation(sqlite_store), 48213377

    assert ask(written, "get_invocation", invocation_id=number).data["invocation_id"] == "48213377"


def store_with_a_numeric_invocation(store):
    with raw_store.opened(store.uri) as connection:
        connection.execute("UPDATE tags SET value = '48213377' WHERE value = ?", (store.seeded.old_short,))
        connection.execute("UPDATE params SET value = '48213377' WHERE value = ?", (store.seeded.old_short,))
    return store.uri


def test_an_old_short_id_is_not_taken_for_the_beginning_of_a_longer_one(sqlite_store, ask):
    """`48e10937` is an old id in full, though another invocation now begins with the same 8 digits."""
    with raw_store.opened(sqlite_store.uri) as connection:
        connection.execute("UPDATE tags SET value = '48e10937aaaaaaaa' WHERE value = ?", (sqlite_store.seeded.canary,))

    answer = ask(sqlite_store.uri, "get_invocation", invocation_id="48e10937")

    assert answer.data["invocation_id"] == "48e10937"


@pytest.mark.parametrize("trap", ["canary", "canary_unmarked"])
def test_a_canary_never_passes_for_a_full_run(trap, store, ask):
    """Its ten samples are told by a param in one case, and by nothing but results.yml in the other."""
    answer = ask(store.uri, "get_invocation", invocation_id=getattr(store.seeded, trap))

    for row in rows_of(answer.data["tasks"]):
        assert row["samples"] == 10
        assert row["remarks"].startswith("canary (limit_samples=10 in ")


def test_the_later_of_two_exports_is_shown_and_the_other_listed_as_duplicate(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.duplicated)

    name = f"eval-{store.seeded.duplicated}-ifeval"
    shown = next(row for row in rows_of(answer.data["tasks"]) if row["task"] == "ifeval")
    (other,) = rows_of(answer.data["duplicates"])
    assert (shown["run_id"], other["run_id"]) == (store.seeded.runs[f"{name}#2"], store.seeded.runs[name])
    assert other["scores"]["ifeval_prompt_level_strict_acc"] == 0.781885


def test_tasks_exported_to_two_experiments_are_all_taken_from_one(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.two_homes)

    assert {row["experiment"] for row in rows_of(answer.data["tasks"])} == {"ben/qwen2.5-7b"}
    assert {row["experiment"] for row in rows_of(answer.data["duplicates"])} == {"evals"}
    assert answer.data["experiments"] == ["ben/qwen2.5-7b", "evals"]


def test_a_finished_export_is_preferred_to_a_later_failed_one(sqlite_store, ask):
    seeded = sqlite_store.seeded
    later = seeded.runs[f"eval-{seeded.duplicated}-ifeval#2"]
    with raw_store.opened(sqlite_store.uri) as connection:
        connection.execute("UPDATE runs SET status = 'FAILED' WHERE run_uuid = ?", (later,))

    answer = ask(sqlite_store.uri, "get_invocation", invocation_id=seeded.duplicated)

    shown = next(row for row in rows_of(answer.data["tasks"]) if row["task"] == "ifeval")
    assert shown["run_id"] == seeded.runs[f"eval-{seeded.duplicated}-ifeval"]
    assert rows_of(answer.data["duplicates"])[0]["status"] == "FAILED"


def test_experiment_id_narrows_an_invocation_to_one_of_its_homes(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.two_homes, experiment_id="evals")

    assert answer.data["experiments"] == ["evals"]
    assert "duplicates" not in answer.data


def test_an_invocation_of_another_experiment_advises_to_leave_experiment_id_out(store, ask, snapshot_error):
    answer = ask(store.uri, "get_invocation", invocation_id=store.seeded.candidate, experiment_id="evals")

    snapshot_error(answer)


def test_an_unknown_invocation_says_where_it_was_looked_for_and_why_it_may_be_missing(store, ask, snapshot_error):
    answer = ask(store.uri, "get_invocation", invocation_id="ffffffffffffffff")

    snapshot_error(answer)


def test_a_short_prefix_is_refused(store, ask, snapshot_error):
    answer = ask(store.uri, "get_invocation", invocation_id="71f3f")

    snapshot_error(answer)


def test_an_empty_id_is_refused(store, ask):
    answer = ask(store.uri, "get_invocation", invocation_id="")

    assert answer.is_error
    assert answer.text.startswith("'invocation_id' cannot be '':")


def test_an_id_with_quotes_and_wildcards_is_data(store, ask):
    for text in ("71f3%", "' OR 1=1", "71f3f3199ea5e1f0'", '"; drop'):
        answer = ask(store.uri, "get_invocation", invocation_id=text)

        assert answer.is_error
        assert answer.text.startswith("No run in any of the 6 experiments has "), text


def test_the_number_of_requests_does_not_grow_with_the_experiments(mlflow_server, ask_many):
    with faulty_proxy(mlflow_server.uri) as proxy, ask_many(proxy.uri) as ask:
        ask("get_invocation", invocation_id=mlflow_server.seeded.candidate)
        proxy.requests.clear()
        ask("get_invocation", invocation_id=mlflow_server.seeded.candidate)

    assert 1 <= proxy.count("runs/search") <= 2, "by tag and perhaps by param, over all experiments at once"
    assert proxy.count("experiments/search") <= 1, "the list of experiments is only checked"


def test_scores_are_shown_though_results_yml_cannot_be_read(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(500, "get-artifact")) as proxy:
        answer = ask(proxy.uri, "get_invocation", invocation_id=mlflow_server.seeded.canary_unmarked)

    assert not answer.is_error
    assert answer.data["tasks"]["rows"]
    assert answer.data["notes"][0].startswith(
        "Whether 1 run had a sample limit is unknown, results.yml could not be read: The MLflow server at http://127.0.0.1:"
    )
    assert not any("presumably the full dataset" in note for note in answer.data["notes"])


def test_an_invocation_of_many_tasks_keeps_within_its_budget(store, ask):
    answer = ask(Settings(tracking_uri=store.uri, max_tokens=500), "get_invocation", invocation_id=store.seeded.whole)

    assert len(answer.text) <= 2_000


def test_a_task_of_the_config_without_a_run_is_named(empty_store, ask):
    names = {f"config.evaluation.tasks.{number}.name": name for number, name in enumerate(("mmlu", "ifeval"))}
    tags = {"invocation_id": "a" * 16, "job_id": f"{'a' * 16}.0", "task_name": "mmlu"}
    uri = filled(empty_store, [RawRun(run_id(1), name="eval", params=names, tags=tags, metrics={"mmlu_acc": 0.5})])

    answer = ask(uri, "get_invocation", invocation_id="a" * 16)

    assert "In the config, but without a run here: ifeval (job .1); nor is a deleted run of it." in answer.data["notes"]


def test_a_value_that_is_no_number_is_said_to_be_no_score(empty_store, ask):
    tags = {"invocation_id": "a" * 16, "job_id": f"{'a' * 16}.0", "task_name": "gpqa"}
    metrics = {"gpqa_score": 0.5, "gpqa_other": float("nan")}

    answer = ask(
        filled(empty_store, [RawRun(run_id(1), metrics=metrics, tags=tags)]), "get_invocation", invocation_id="a" * 16
    )

    assert "no score: gpqa_other is NaN" in rows_of(answer.data["tasks"])[0]["remarks"]
