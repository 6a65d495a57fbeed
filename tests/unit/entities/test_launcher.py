"""What is read out of a launcher's runs, and which copy of a job is canonical."""

from __future__ import annotations

from itertools import permutations

import pytest
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag

from mlflow_mcp.entities.flattened_config import model_in
from mlflow_mcp.entities.launcher import LauncherRun, group_invocations, group_jobs, metrics_by_task, shared_model
from mlflow_mcp.entities.samples import Samples

INVOCATION = "71f3f3199ea5e1f0"


def run_of(run_id="r", *, name="", status="FINISHED", end=2_000, experiment="1", tags=None, params=None, metrics=None):
    info = RunInfo(run_id, experiment, "ana", status, 1_000, end, "active", run_name=name)
    data = RunData(
        [Metric(key, value, 0, 0) for key, value in (metrics or {}).items()],
        [Param(key, value) for key, value in (params or {}).items()],
        [RunTag(key, value) for key, value in (tags or {}).items()],
    )
    return Run(info, data)


def launched(run_id="r", **fields):
    return LauncherRun.of(run_of(run_id, **fields))


def copy_of_job(run_id, job="0", **fields):
    return launched(run_id, tags={"task_name": "ifeval", "job_id": f"{INVOCATION}.{job}"}, **fields)


def ids_of(jobs):
    return [[copy.run_id for copy in job.copies] for job in jobs]


def test_a_run_that_no_launcher_made_has_nothing():
    run = launched(name="resnet")

    assert (run.invocation_id, run.job_id, run.task, run.harness, run.model) == ("", *[None] * 4)
    assert run.samples == Samples()
    assert (run.results_folder, run.has_config, run.has_invocation_tag) == (None, False, False)


def test_the_invocation_id_is_read_from_the_tag_and_else_from_the_param():
    by_tag = launched(tags={"invocation_id": "a" * 16}, params={"invocation_id": "b" * 16})
    by_param = launched(params={"invocation_id": "b" * 16})

    assert (by_tag.invocation_id, by_tag.has_invocation_tag) == ("a" * 16, True)
    assert (by_param.invocation_id, by_param.has_invocation_tag) == ("b" * 16, False)


@pytest.mark.parametrize(
    ("name", "tags", "task"),
    [
        ("", {"task_name": "ifeval", "benchmark": "other"}, "ifeval"),
        ("", {"benchmark": "ifeval"}, "ifeval"),
        (f"eval-{INVOCATION}-mmlu-pro", {}, "mmlu-pro"),
        ("eval-48e10937-mmlu", {}, "mmlu"),
        (f"eval-{INVOCATION}", {}, None),
        ("eval-friday-mmlu", {}, None),
    ],
)
def test_the_task_is_read_from_tags_and_else_from_the_name(name, tags, task):
    assert launched(name=name, tags=tags).task == task


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"eval-{INVOCATION}-ifeval", True),
        (f"eval-{INVOCATION}-ifeval-rerun", False),
        ("gpqa-rerun-friday", False),
    ],
)
def test_a_name_is_the_launchers_only_when_it_says_just_the_invocation_and_the_task(name, expected):
    run = launched(name=name, tags={"invocation_id": INVOCATION, "task_name": "ifeval"})

    assert run.is_named_by_launcher is expected


def test_results_are_in_the_folder_of_harness_and_task():
    run = launched(tags={"harness": "simple_evals", "task_name": "mmlu-pro"})

    assert run.results_folder == "simple_evals.mmlu-pro/artifacts"


@pytest.mark.parametrize(
    ("tags", "params", "model"),
    [
        ({"model": "llama"}, {"config.model_id": "qwen"}, "llama"),
        ({}, {"config.target.model": "late", "config.target.model_id": "qwen"}, "qwen"),
        ({}, {"config.model_id": "None", "config.checkpoint_path": "/models/x"}, "/models/x"),
        ({}, {"config.judge.model": "judge", "config.deployment.model": "qwen"}, "qwen"),
        ({}, {"lr": "0.1"}, None),
    ],
)
def test_the_model_is_read_from_the_tag_and_else_from_the_params(tags, params, model):
    assert launched(tags=tags, params=params).model == model


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_finished_copy_is_canonical_before_a_failed_one_and_then_the_latest(order):
    copies = [
        copy_of_job("failed-last", status="FAILED", end=9_000),
        copy_of_job("latest", end=5_000),
        copy_of_job("older", end=3_000),
        copy_of_job("unfinished", status="RUNNING", end=None),
    ]

    (job,) = group_jobs([copies[at] for at in order])

    assert job.canonical.run_id == "latest"
    assert [other.run_id for other in job.others] == ["older", "failed-last", "unfinished"]


def test_of_copies_made_at_one_moment_the_larger_experiment_is_canonical():
    """Experiments count as numbers, so that all tasks of an invocation are taken from one of them."""
    (job,) = group_jobs([copy_of_job("z", experiment="9"), copy_of_job("a", experiment="10")])

    assert job.canonical.run_id == "a"


def test_jobs_of_one_task_are_kept_apart_and_keep_the_order_of_their_first_runs():
    jobs = group_jobs([copy_of_job("b", "1"), copy_of_job("a", "0"), copy_of_job("c", "1", end=1_500)])

    assert ids_of(jobs) == [["b", "c"], ["a"]]


@pytest.mark.parametrize(
    ("params", "job_params", "is_copy"),
    [
        ({}, {}, False),
        ({"results_dir": "/r/a"}, {"results_dir": "/r/a"}, True),
        ({"results_dir": "/r/a"}, {"results_dir": "/r/b"}, False),
        ({"config.execution.type": "slurm"}, {"config.execution.type": "slurm"}, True),
        ({"config.shots": "0"}, {"config.shots": "5"}, False),
        ({"config.shots": "0"}, {}, False),
    ],
)
def test_a_run_without_job_id_is_a_copy_only_when_its_params_prove_it(params, job_params, is_copy):
    without = launched("without", tags={"task_name": "ifeval"}, params=params, end=1_500)

    jobs = group_jobs([without, copy_of_job("a", params=job_params)])

    assert ids_of(jobs) == ([["a", "without"]] if is_copy else [["without"], ["a"]])


def test_two_runs_of_a_task_without_job_ids_are_two_jobs():
    runs = [launched(name, tags={"task_name": "mmlu"}) for name in ("a", "b")]

    assert ids_of(group_jobs(runs)) == [["a"], ["b"]]


def test_the_config_of_its_own_task_is_told_from_that_of_others():
    params = {
        "config.evaluation.tasks.0.name": "gpqa",
        "config.evaluation.tasks.1.name": "ifeval",
        "config.deployment.type": "vllm",
        "config.export.mlflow.copy_logs": "True",
        "timestamp": "1.0",
    }

    assert copy_of_job("a", "1", params=params).own_config == {
        "config.evaluation.tasks.<n>.name": "ifeval",
        "config.deployment.type": "vllm",
    }


def test_what_another_copy_proves_is_said_to_be_of_that_copy():
    (job,) = group_jobs([copy_of_job("a"), copy_of_job("b", params={"limit_samples": "10"}, end=1_500)])

    assert job.run_id == "a"
    assert job.samples.limit.evidence == "limit_samples=10 in params of copy b"


def test_metrics_of_several_tasks_in_one_run_are_told_apart_by_the_longest_name():
    metrics = {"mmlu_pro_acc": 1.0, "mmlu_acc": 2.0, "time": 3.0}

    assert metrics_by_task(metrics, ["mmlu", "mmlu_pro"]) == {
        "mmlu": {"mmlu_acc": 2.0},
        "mmlu_pro": {"mmlu_pro_acc": 1.0},
        "": {"time": 3.0},
    }


@pytest.mark.parametrize(
    ("models", "shared"),
    [
        (["acme/nova", "nova"], "acme/nova"),
        (["b", "a", "a", None], "a, b"),
        (["acme/nova", "other/nova"], "acme/nova, other/nova"),
        ([None], None),
    ],
)
def test_two_spellings_of_a_model_are_one(models, shared):
    assert shared_model(models) == shared


def test_runs_without_a_task_are_jobs_of_their_own():
    jobs = group_jobs([launched("a", params={"job_id": "x.0"}), launched("b", params={"job_id": "x.0"})])

    assert ids_of(jobs) == [["a"], ["b"]]


def test_runs_are_grouped_by_invocation_in_their_order():
    tagged = {name: run_of(name, tags={"invocation_id": name[0] * 16}) for name in ("b1", "a1", "b2")}

    groups = group_invocations(tagged.values())

    assert {key: [run.run_id for run in runs] for key, runs in groups.items()} == {
        "b" * 16: ["b1", "b2"],
        "a" * 16: ["a1"],
    }
    assert list(groups) == ["b" * 16, "a" * 16]


def test_the_tasks_that_were_planned_are_read_from_the_config():
    params = {"config.evaluation.tasks.0.name": "a", "config.evaluation.tasks.1.name": "b", "config.name": "c"}

    assert launched(params=params).planned_tasks == {"0": "a", "1": "b"}


EXTRA = "config.evaluation.tasks.2.nemo_evaluator_config.config.params.extra."
MODEL = "config.evaluation.tasks.{}.nemo_evaluator_config.target.api_endpoint.model_id"


@pytest.mark.parametrize(
    ("params", "model"),
    [
        ({"config.deployment.served_model_name": "llama"}, "llama"),
        ({"config.deployment.served_model_name": "llama", f"{EXTRA}user.model_id": "a simulated user"}, "llama"),
        ({f"{EXTRA}user.model_id": "a simulated user", f"{EXTRA}judge.model_id": "a judge"}, None),
        ({"config.target.api_endpoint.model_id": "llama", "config.deployment.hf_model_handle": "meta/llama"}, "llama"),
        ({MODEL.format(1): "of another task"}, None),
        ({MODEL.format(2): "of this task", "config.target.api_endpoint.model_id": "of all"}, "of this task"),
        ({"model": "llama"}, "llama"),
        ({"config.deployment.served_model_name": "null"}, None),
    ],
)
def test_the_evaluated_model_is_named_by_the_endpoint_or_the_deployment(params, model):
    """The params of a task name other models too: judges, and users that a model plays."""
    assert model_in({}, params, "2") == model
    assert model_in({"model": "the tag"}, params, "2") == "the tag"
