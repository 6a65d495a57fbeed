"""What get_invocation says about samples and copies, on exports that the launcher itself wrote."""

from __future__ import annotations

import pytest

from tests.recorded.store import catalogue, local_store
from tests.support.asking import rows_of


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return local_store(tmp_path_factory.mktemp("recorded"))


@pytest.mark.parametrize("name", ["candidate", "baseline", "resumed", "trial", "partly_limited"])
def test_only_runs_with_a_small_limit_are_called_canaries(name, recorded, ask):
    """The limits are those that the catalogue knows; repeats per question and limits of neighbours are none."""
    invocation = catalogue()["invocations"][name]
    limited = {job["job_id"] for job in invocation["jobs"] if job["arrived"] and (job["limit"] or 0) >= 1}
    shares = {job["job_id"] for job in invocation["jobs"] if job["arrived"] and 0 < (job["limit"] or 0) < 1}

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    remarks = {row["job_id"]: row.get("remarks") or "" for row in rows}
    assert {job for job, remark in remarks.items() if "canary (limit_samples=" in remark} == limited
    assert {job for job, remark in remarks.items() if "limited (limit_samples=0.01" in remark} == shares
    assert not any("canary" in remark for job, remark in remarks.items() if job not in limited)


def test_a_count_that_is_shown_is_the_true_one(recorded, ask):
    invocation = catalogue()["invocations"]["candidate"]
    true = {job["job_id"]: job["samples"] for job in invocation["jobs"]}

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    shown = {row["job_id"]: row["samples"] for row in rows if row.get("samples")}
    assert shown
    assert shown == {job: true[job] for job in shown}


def test_copies_differ_in_the_corrected_score_and_in_no_other_metric(recorded, ask):
    invocation = catalogue()["invocations"]["candidate"]

    answer = ask(recorded, "get_invocation", invocation_id=invocation["id"])

    differs = {row["task"]: row["differs"] for row in rows_of(answer.data["duplicates"])}
    assert differs.pop("AIME_2025")["AIME_2025_score_micro"] == 0.7133
    assert set(differs.values()) == {"no metric"}
