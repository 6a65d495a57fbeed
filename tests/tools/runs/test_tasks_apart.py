"""compare_runs of evaluations without a task in common, and of tasks that a side or a verdict lacks."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.stores import filled

OTHER, THIRD = "b2" * 8, "c3" * 8


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The comparison of invocations, each given as what its tasks ran with."""

    def compare(*sides, **scores):
        runs, number = [], 0
        for of_side, invocation in zip(sides, (INVOCATION, OTHER, THIRD)):
            for task, params in of_side.items():
                number += 1
                files = {"artifacts/results.yml": results(task=task, **params)}
                metrics = {f"{task}_acc": 0.5 + number / 100}
                runs.append(evaluated(tmp_path, number, task, invocation=invocation, files=files, metrics=metrics))
        return ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER, THIRD][: len(sides)]).data

    return compare


def test_without_a_common_task_tasks_that_look_alike_and_what_is_unequal_are_told(compared):
    one = {"temperature": 0, "max_new_tokens": 8192}
    other = {"temperature": 0, "max_new_tokens": 32768}
    data = compared(
        {"hle": {**one, "top_p": 0.5}, "ocrbench": {**one, "top_p": 1}},
        {"hle_aa_v2": {**other, "top_p": 0.7}, "scicode": {**other, "top_p": 1}},
    )

    assert [tuple(row.values()) for row in rows_of(data["unequal"])] == [
        ("task", "hle", "hle_aa_v2", "hle / hle_aa_v2"),
        ("max_new_tokens", 8192, 32768, "all"),
        ("top_p", 0.5, 0.7, "hle / hle_aa_v2"),
    ]
    notes = data["notes"]
    assert notes[0].startswith("No metric is compared: no task is on more than one side; ")
    assert notes[1].startswith("'hle' (A) and 'hle_aa_v2' (B) look alike by their names, but are different tasks: ")


@pytest.mark.parametrize("tasks", [("hleb", "hle"), ("gpqa_main", "gpqa_diamond")])
def test_other_names_do_not_look_alike(tasks, compared):
    data = compared(*({name: {}, f"x{at}": {}} for at, name in enumerate(tasks)))

    assert not any("look alike" in note for note in data["notes"])


def test_of_tasks_that_share_others_the_alike_ones_are_told_too(compared):
    data = compared({"hle": {}, "ifeval": {}}, {"hle_aa_v2": {}, "ifeval": {}})

    assert any("look alike" in note for note in data["notes"])
    assert "No metric is compared" not in str(data)


def test_a_task_that_the_baseline_lacks_has_no_verdict_for_that_reason(compared):
    data = compared({"ifeval": {}}, {"ifeval": {}, "hle": {}}, {"ifeval": {}, "hle": {}})

    assert "No verdict on 'hle': the baseline A has no score of it." in data["notes"]
    assert "headline" not in str(data["notes"])
