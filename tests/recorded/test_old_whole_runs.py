"""compare_runs of an old run that holds a whole invocation: what its folders tell of each task counts as in other runs."""

from __future__ import annotations

from tests.recorded.store import catalogue
from tests.support.asking import rows_of


def test_the_settings_and_samples_of_each_task_of_an_old_run_are_compared(recorded, ask):
    ids = [catalogue()["invocations"][name]["id"] for name in ("candidate", "old_whole")]
    data = ask(recorded, "compare_runs", run_ids=ids).data

    unequal = {(row["unequal"], row["tasks"]): (row["A"], row["B"]) for row in rows_of(data["unequal"])}
    assert unequal["temperature", "gpqa_diamond"] == (0.6, 0)
    assert unequal["temperature", "ifeval"] == (0.6, 1e-07)
    assert unequal["repeats per sample", "gpqa_diamond"] == (8, 1)
