"""Ids: what the text alone says, and that every way of asking means the same runs by it."""

from __future__ import annotations

import pytest

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.invocations import find_invocation
from mlflow_mcp.client.ids.matches import INVOCATION_WAYS, RUN_WAYS, find_matches
from mlflow_mcp.client.ids.parse import (
    JobId,
    experiment_in_url,
    is_id_prefix,
    is_whole_invocation_id,
    job_id,
    plain_id,
    run_id_or_name,
)
from mlflow_mcp.client.ids.runs import groups_of, run_id_of, runs_of
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.artifacts.owners import owners_of, sources_of
from tests.support import raw_store
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

RUN_ID = "0123456789abcdef0123456789abcdef"
INVOCATION = "5d1e0c7a9b21f346"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (" 71F3F3199EA5E1F0 ", "71f3f3199ea5e1f0"),
        ("71F3F3.2", "71f3f3.2"),
        ("ABC", "ABC"),
        ("Deadbeat", "Deadbeat"),
    ],
)
def test_hexadecimal_ids_are_written_small_and_names_are_left_alone(text, plain):
    assert plain_id(text) == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"runs:/{RUN_ID}/model", RUN_ID),
        (f"https://mlflow.example/#/experiments/2/runs/{RUN_ID}?tab=1", RUN_ID),
        (f"https://mlflow.example/get-artifact?path=a&run_id={RUN_ID}", RUN_ID),
        (RUN_ID.upper(), RUN_ID),
        ("my/runs/are/names", "my/runs/are/names"),
    ],
)
def test_a_run_is_read_out_of_urls(text, expected):
    assert run_id_or_name(text) == expected


def test_an_experiment_is_read_out_of_urls():
    assert experiment_in_url("https://mlflow.example/#/experiments/2?x=1") == "2"
    assert experiment_in_url("experiments/2") is None


@pytest.mark.parametrize(
    ("text", "prefix", "whole"),
    [("71f3f", False, True), ("71f3f3", True, False), ("71f3f3199ea5e1f0", True, True), ("friday", False, True)],
)
def test_six_digits_may_begin_an_id(text, prefix, whole):
    assert (is_id_prefix(text), is_whole_invocation_id(text)) == (prefix, whole)


def test_a_job_id_is_an_invocation_id_and_a_number():
    assert job_id("71f3f3199ea5e1f0.2") == JobId("71f3f3199ea5e1f0", "2")
    assert job_id("model.2") is None


@pytest.fixture(scope="module")
def client(sqlite_template):
    return Client(Connection(Settings(tracking_uri=sqlite_template.uri)))


@pytest.fixture(scope="module")
def seeded(sqlite_template):
    return sqlite_template.seeded


def resolved(client, text):
    """The runs that resolve_id's search finds."""
    experiments = list(client.experiments.names())
    return {match.run.info.run_id for match in find_matches(client, experiments, text, (*RUN_WAYS, *INVOCATION_WAYS))}


@pytest.mark.parametrize("spelling", ["{}", " {} ", "runs:/{}/model", "https://mlflow.example/#/experiments/1/runs/{}"])
def test_a_run_is_the_same_run_however_it_is_named(spelling, client, seeded):
    run_id = seeded.runs["trial-04"]
    text = spelling.format(run_id)

    assert run_id_of(client, text) == sources_of(client, [text])[0][1].owner == run_id
    assert [run.info.run_id for run in runs_of(client, [text])] == [run_id]
    assert [owner.id for owner in owners_of(client, [text])] == [run_id]


@pytest.mark.parametrize("text", ["prefix", "trial-04"])
def test_a_prefix_and_a_name_mean_the_run_in_every_tool(text, client, seeded):
    run_id = seeded.runs["trial-04"]
    text = run_id[:9] if text == "prefix" else text

    assert run_id_of(client, text) == run_id
    assert [owner.id for owner in owners_of(client, [text])] == [run_id]
    assert resolved(client, text) == {run_id}


@pytest.mark.parametrize("name", ["candidate", "two_homes", "old_short", "param_only", "whole"])
def test_an_invocation_has_the_same_runs_in_every_tool(name, client, seeded):
    invocation_id = getattr(seeded, name)

    of_invocation = {run.run_id for run in find_invocation(client, invocation_id).runs}

    assert {run.info.run_id for run in runs_of(client, [invocation_id])} == of_invocation
    assert {owner.id for owner in owners_of(client, [invocation_id])} == of_invocation
    assert resolved(client, invocation_id) == of_invocation


@pytest.mark.parametrize("name", ["candidate", "param_only"])
def test_a_prefix_means_the_invocation_in_every_tool(name, client, seeded):
    prefix = getattr(seeded, name)[:6]

    of_invocation = {run.run_id for run in find_invocation(client, prefix).runs}

    assert find_invocation(client, prefix).invocation_id == getattr(seeded, name)
    assert {run.info.run_id for run in runs_of(client, [prefix])} == of_invocation
    assert resolved(client, prefix) == of_invocation


def test_a_job_id_means_the_canonical_copy_where_runs_are_read(client, seeded):
    (group,) = groups_of(client, [f"{seeded.duplicated}.0"])
    (job,) = group.jobs

    assert job.run_id == seeded.runs[f"eval-{seeded.duplicated}-ifeval#2"]
    assert run_id_of(client, f"{seeded.duplicated}.0") == job.run_id
    assert [run.info.run_id for run in runs_of(client, [f"{seeded.duplicated}.0"])] == [job.run_id]


def test_a_job_id_means_every_copy_where_files_are_searched(client, seeded):
    (group,) = groups_of(client, [f"{seeded.duplicated}.0"])

    copies = {run.info.run_id for run in group.runs}
    assert len(copies) == 2
    assert {owner.id for owner in owners_of(client, [f"{seeded.duplicated}.0"])} == copies


def test_a_job_id_selects_the_runs_of_the_job_and_keeps_those_of_the_invocation(client, seeded):
    found = find_invocation(client, f"{seeded.candidate}.2")

    assert [run.task for run in found.job_runs] == ["aime_2025"]
    assert len(found.runs) == 4


def test_a_job_that_was_never_exported_has_no_runs(client, seeded):
    assert find_invocation(client, f"{seeded.candidate}.9").job_runs == []


def test_an_ambiguous_prefix_is_refused_alike(client, seeded):
    with pytest.raises(Problem, match="begins 2 invocation ids") as by_invocation:
        find_invocation(client, seeded.ambiguous_prefix)
    with pytest.raises(Problem, match="begins 2 invocation ids") as by_run_ids:
        runs_of(client, [seeded.ambiguous_prefix])

    assert str(by_invocation.value) == str(by_run_ids.value)


def test_what_an_ambiguous_id_may_mean_is_told_with_status_and_scores(empty_store, ask):
    own = {"mlflow.runName": "twin-run", "task_name": "ifeval"}
    tags = [{**own, "invocation_id": f"abcdef0{n}" + "0" * 8} for n in (1, 2)]
    runs = [
        RawRun(run_id(1), metrics={"acc": 0.5}, tags=tags[0]),
        RawRun(run_id(2), status="FAILED", tags=tags[1]),
    ]
    uri = filled(empty_store, runs)

    by_name = ask(uri, "get_run", run_id="twin-run").text
    by_prefix = ask(uri, "get_invocation", invocation_id="abcdef").text
    found = {each["id"]: each for each in ask(uri, "resolve_id", id="twin-run").data["found"]}

    assert ", acc 0.5)" in by_name
    assert ", FAILED)" in by_name
    assert ", scores acc 0.5)" in by_prefix
    assert "1 not FINISHED" in by_prefix
    assert "no scores)" in by_prefix
    assert (found[run_id(1)]["scores"], found[run_id(2)]["status"]) == ({"acc": 0.5}, "FAILED")


@pytest.mark.parametrize("find", [run_id_of, find_invocation, lambda client, text: runs_of(client, [text])])
@pytest.mark.parametrize(("text", "sentence"), [("abc", "'abc' is too short"), ("f" * 12, "No run")])
def test_an_id_that_nothing_has_is_not_found(text, sentence, find, client):
    with pytest.raises(NotFound, match=sentence):
        find(client, text)


def test_ids_are_answered_in_their_order_and_once(client, seeded):
    names = ["trial-05", seeded.candidate, "trial-04", "trial-05"]

    assert [group.id for group in groups_of(client, names)] == ["trial-05", seeded.candidate, "trial-04"]


def test_models_own_artifacts_under_the_id_they_were_named_by(client):
    model = "m-" + "0" * 32

    assert sources_of(client, [f" {model} "])[0][1].owner == model
    assert [owner.id for owner in owners_of(client, [model, "models:/classifier/3"])] == [model, "models:/classifier/3"]


# --- runs of one invocation that say so in different ways


@pytest.fixture
def mixed(empty_store):
    """Two runs with the tag, one in another experiment with the param only, and a run named by the invocation's id."""
    runs = [
        RawRun(run_id(1), name="eval-a", tags={"invocation_id": INVOCATION, "task_name": "a"}),
        RawRun(run_id(2), name="eval-b", tags={"invocation_id": INVOCATION, "task_name": "b"}),
        RawRun(run_id(3), 1, name="eval-c", params={"invocation_id": INVOCATION}, tags={"task_name": "c"}),
        RawRun(run_id(4), name=INVOCATION, tags={"mlflow.runName": INVOCATION}),
    ]
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, {1: "elsewhere"})
        raw_store.add_runs(db, runs)
    return Client(Connection(Settings(tracking_uri=empty_store)))


def test_runs_that_name_the_invocation_in_a_param_only_belong_to_it_too(mixed):
    expected = {run_id(1), run_id(2), run_id(3)}

    assert {run.run_id for run in find_invocation(mixed, INVOCATION).runs} == expected
    assert {run.run_id for run in find_invocation(mixed, INVOCATION[:7]).runs} == expected
    assert {run.info.run_id for run in runs_of(mixed, [INVOCATION])} == expected


def test_an_id_is_an_invocation_before_it_is_the_name_of_a_run(mixed):
    assert run_id(4) not in {run.info.run_id for run in runs_of(mixed, [INVOCATION])}


def test_digits_that_begin_an_invocation_and_a_run_are_refused(empty_store):
    both = "abcdef12"
    runs = [
        RawRun(both + "0" * 24, name="run"),
        RawRun(run_id(1), name="eval", tags={"invocation_id": both + "3" * 8, "task_name": "a"}),
    ]
    client = Client(Connection(Settings(tracking_uri=filled(empty_store, runs))))

    with pytest.raises(Problem) as refused:
        runs_of(client, [both])
    assert all(run.id in str(refused.value) for run in runs)


@pytest.mark.parametrize("find", [run_id_of, lambda client, text: runs_of(client, [text])])
def test_digits_that_begin_a_run_id_and_are_the_name_of_another_run_are_refused(find, empty_store):
    digits = "69f086e9"
    runs = [
        RawRun(digits + "0" * 24, name="probe"),
        RawRun(run_id(1), name=digits, tags={"mlflow.runName": digits}),
    ]
    client = Client(Connection(Settings(tracking_uri=filled(empty_store, runs))))

    with pytest.raises(Problem, match=f"'{digits}' begins the id of 1 run: .*; it is the name of 1 run: ") as refused:
        find(client, digits)
    assert all(run.id in str(refused.value) for run in runs)


def test_a_job_id_without_an_invocation_is_said_to_be_one(empty_store):
    runs = [RawRun(run_id(1), name="eval-eval-1-gsm8k", tags={"job_id": "eval-1-gsm8k", "benchmark": "gsm8k"})]
    client = Client(Connection(Settings(tracking_uri=filled(empty_store, runs))))

    with pytest.raises(NotFound, match="is the job id of a run without an invocation"):
        find_invocation(client, "eval-1-gsm8k")
