"""The beginning of an invocation id with a job's number means that job in every tool, on exports of the launcher itself."""

from __future__ import annotations

import re

import pytest

from tests.recorded.store import catalogue
from tests.support.asking import problem_of, rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

CANDIDATE, BASELINE = (catalogue()["invocations"][name] for name in ("candidate", "baseline"))
SHORT = {which["id"]: which["id"][:8] for which in (CANDIDATE, BASELINE)}
# Every tool that takes runs, with what it needs beside them.
TOOLS = [
    ("compare_runs", {}),
    ("compare_samples", {}),
    ("search_artifacts", {"pattern": "temperature"}),
    ("diff_artifacts", {"artifact_path": "results.yml"}),
    ("list_artifacts", {}),
    ("get_artifact_content", {"artifact_path": "run_config.yml"}),
    ("get_metric_history", {"metrics": ["*"]}),
    ("check_run", {}),
    ("get_run", {}),
    ("find_similar_runs", {}),
]
OF_ONE_RUN = ("get_run", "find_similar_runs")
OF_SEVERAL = ("list_artifacts", "get_artifact_content")


def arguments(tool, ids):
    if tool in OF_ONE_RUN:
        return {"run_id": ids[0]}
    return {"run_id" if tool in OF_SEVERAL else "run_ids": ids}


def asked(ask, store, tool, ids, more):
    answer = ask(store, tool, **arguments(tool, ids), **more)
    text = re.sub(r'"next_cursor":"[^"]+"', "", answer.text)
    for whole, short in SHORT.items():  # what was asked for may be told again
        text = text.replace(whole, short)
    return text


@pytest.mark.slow
@pytest.mark.parametrize(("tool", "more"), TOOLS)
def test_a_short_job_id_answers_as_the_whole_one(tool, more, recorded, ask):
    whole = [f"{which['id']}.2" for which in (BASELINE, CANDIDATE)]
    short = [f"{which['id'][:8]}.2" for which in (BASELINE, CANDIDATE)]
    everything = [which["id"] for which in (BASELINE, CANDIDATE)]

    assert asked(ask, recorded, tool, short, more) == asked(ask, recorded, tool, whole, more)
    if tool not in OF_ONE_RUN:
        assert asked(ask, recorded, tool, short, more) != asked(ask, recorded, tool, everything, more)


def test_get_invocation_narrows_to_a_short_job_id(recorded, ask):
    answer = ask(recorded, "get_invocation", invocation_id=f"{CANDIDATE['id'][:6]}.2")

    assert [row["task"] for row in rows_of(answer.data["tasks"])] == ["ifeval"]


@pytest.mark.parametrize(("tool", "more"), TOOLS)
def test_a_job_that_does_not_exist_is_refused_with_those_that_do(tool, more, recorded, ask):
    ids = [f"{which['id'][:8]}.9" for which in (BASELINE, CANDIDATE)]

    problem = problem_of(ask(recorded, tool, **arguments(tool, ids), **more))

    assert problem.endswith(
        "Its jobs are .0 (ns_mmlu_pro), .1 (gpqa_diamond), .2 (ifeval), .3 (AIME_2025), .4 (ns_omniscience)."
    )
    assert "is its job '.9'" in problem


def test_a_job_of_the_config_that_never_arrived_is_named(empty_store, ask):
    whole = "abcdef0011223344"
    planned = {f"config.evaluation.tasks.{at}.name": name for at, name in enumerate(("lm.ifeval", "ns.ruler"))}
    tags = {"invocation_id": whole, "job_id": f"{whole}.0", "task_name": "ifeval"}
    uri = filled(empty_store, [RawRun(run_id(0), name=f"eval-{whole}-ifeval", tags=tags, params=planned)])

    problem = problem_of(ask(uri, "get_run", run_id="abcdef.1"))

    assert problem == (
        f"No run of invocation '{whole}' is its job '.1', which is 'ns.ruler' in its config. Its jobs are .0 (ifeval)."
    )


def test_a_run_of_a_whole_old_invocation_holds_its_jobs(recorded, ask):
    old = catalogue()["invocations"]["old_whole"]

    answer = ask(recorded, "get_run", run_id=f"{old['id'][:8]}.1")

    assert answer.data["name"] == f"eval-{old['id']}"


def test_the_beginning_of_two_invocation_ids_is_no_job_of_either(empty_store, ask):
    runs = [
        RawRun(run_id(at), name=f"eval-{whole}-ifeval", tags={"invocation_id": whole, "job_id": f"{whole}.0"})
        for at, whole in enumerate(("abcdef0011223344", "abcdef5566778899"))
    ]
    uri = filled(empty_store, runs)

    for tool in ("get_run", "get_invocation"):
        name = "run_id" if tool == "get_run" else "invocation_id"
        assert "'abcdef.0' begins 2 invocation ids: abcdef0011223344" in problem_of(
            ask(uri, tool, **{name: "abcdef.0"})
        )
    assert ask(uri, "get_run", run_id="abcdef00.0").data["run_id"] == run_id(0)
