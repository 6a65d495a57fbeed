"""What is called nearly as a name that no run has."""

from __future__ import annotations

import pytest

from tests.support.asking import problem_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled


def named(*names):
    return [RawRun(run_id(number), name=name, tags={"mlflow.runName": name}) for number, name in enumerate(names, 1)]


@pytest.mark.parametrize("tool", ["get_run", "resolve_id"])
@pytest.mark.parametrize(
    ("names", "text", "told"),
    [
        ([f"trial-{n:02}" for n in range(40)], "trial-41", "There are 'trial-00' to 'trial-39' (40 runs)."),
        (["trial-2", "trial-10"], "trial-3", "There are 'trial-2' to 'trial-10' (2 runs)."),
        (["trial-1", "trial-x"], "trial-41", "Nearest: 'trial-1', "),
        (["fold_1", "foldX1", "fold_2"], "fold_7", "There are 'fold_1' to 'fold_2' (2 runs)."),
        (["sft-base"], "sft-bas", "Nearest: 'sft-base'."),
    ],
)
def test_the_names_nearest_to_one_that_no_run_has_are_told(tool, names, text, told, empty_store, ask):
    refused = problem_of(
        ask(filled(empty_store, named(*names)), tool, **{"run_id" if tool == "get_run" else "id": text})
    )

    assert told in refused
    assert "  " not in refused
    assert "deleted" in refused
