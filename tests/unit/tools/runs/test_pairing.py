"""Which jobs of two invocations are compared with each other."""

from __future__ import annotations

import pytest

from mlflow_mcp.entities.launcher import group_jobs
from mlflow_mcp.tools.runs.comparing.pairing import pair_jobs
from tests.unit.entities.test_launcher import launched

SHOTS = "config.evaluation.tasks.{}.overrides.num_fewshot"


def jobs_of(invocation: str, *jobs: tuple[int, str, str | None]):
    """Jobs by number, task and shots, in the order of their exports."""
    runs = [
        launched(
            f"{invocation}-{number}",
            tags={"task_name": task, "job_id": f"{invocation * 16}.{number}"},
            params={} if shots is None else {SHOTS.format(number): shots, "config.deployment.model": invocation},
        )
        for number, task, shots in jobs
    ]
    return group_jobs(runs)


def ids_of(paired):
    return [{key: job.run_id for key, job in side.items()} for side in paired.sides]


def test_jobs_of_different_tasks_are_paired_by_task():
    paired = pair_jobs([jobs_of("a", (0, "mmlu", None)), jobs_of("b", (1, "gpqa", None), (0, "mmlu", None))])

    assert ids_of(paired) == [{"mmlu": "a-0"}, {"gpqa": "b-1", "mmlu": "b-0"}]
    assert paired.by_number == []


def test_jobs_of_one_task_are_paired_by_their_settings_whatever_their_order():
    paired = pair_jobs(
        [
            jobs_of("a", (0, "mmlu", "0"), (1, "mmlu", "5")),
            jobs_of("b", (0, "mmlu", "5"), (1, "mmlu", "0")),
        ]
    )

    assert ids_of(paired) == [
        {"mmlu (num_fewshot=0)": "a-0", "mmlu (num_fewshot=5)": "a-1"},
        {"mmlu (num_fewshot=5)": "b-0", "mmlu (num_fewshot=0)": "b-1"},
    ]
    assert paired.by_number == []


@pytest.mark.parametrize("shots", [(None, None), ("0", None), ("0", "0")])
def test_jobs_of_one_task_without_telling_settings_are_paired_by_number_and_that_is_said(shots):
    first, second = shots
    paired = pair_jobs(
        [
            jobs_of("a", (1, "mmlu", second), (0, "mmlu", first)),
            jobs_of("b", (0, "mmlu", first), (1, "mmlu", second)),
        ]
    )

    assert ids_of(paired) == [
        {"mmlu (job .1)": "a-1", "mmlu (job .0)": "a-0"},
        {"mmlu (job .0)": "b-0", "mmlu (job .1)": "b-1"},
    ]
    assert paired.by_number == ["mmlu"]
