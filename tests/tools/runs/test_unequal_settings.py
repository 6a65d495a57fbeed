"""compare_runs where sides were evaluated with other settings: options of commands, and numbers written otherwise."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.stores import filled

RESULTS = "artifacts/results.yml"
OTHER = "b2" * 8
SERVED = "config.deployment.extra_args"


@pytest.fixture
def unequal(empty_store, tmp_path, ask):
    """What is unequal of two runs of a task: by name, the values of both sides. A side is (params, settings of its file)."""

    def told(*sides):
        runs = [
            evaluated(tmp_path, number, invocation=invocation, params=params, files={RESULTS: results(**recorded)})
            for number, (invocation, (params, recorded)) in enumerate(zip((INVOCATION, OTHER), sides), 1)
        ]
        data = ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER]).data
        return {
            row["unequal"]: (row["A"], row["B"]) for row in rows_of(data.get("unequal", {"columns": [], "rows": []}))
        }

    return told


def test_options_of_a_servers_command_are_compared_as_settings(unequal):
    told = unequal(({SERVED: "--max-model-len 32768 --dtype bfloat16"}, {}), ({SERVED: "--max-model-len 16384"}, {}))

    assert told == {"max_model_len": (32768, 16384)}


@pytest.mark.parametrize("top_p", [0.9999999, 1.0])
def test_a_number_written_otherwise_is_not_unequal(top_p, unequal):
    assert unequal(({}, {"top_p": top_p}), ({}, {"top_p": 1})) == {}


def test_values_that_six_digits_do_not_tell_apart_are_shown_as_they_are_written(unequal):
    told = unequal(({}, {"temperature": 1.000002}), ({}, {"temperature": 1.000004}))

    assert told == {"temperature": ("1.000002", "1.000004")}
