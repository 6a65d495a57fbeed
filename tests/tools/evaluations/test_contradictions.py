"""get_invocation where params and files record other values of one setting."""

from __future__ import annotations

import pytest

from tests.recorded.store import catalogue, local_store
from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.stores import filled

RESULTS, RUN_CONFIG = "artifacts/results.yml", "artifacts/run_config.yml"
OF_ALL = "config.evaluation.nemo_evaluator_config.config.params."
OWN = "config.evaluation.tasks.1.nemo_evaluator_config.config.params."
OTHER_TASK = "config.evaluation.tasks.2.nemo_evaluator_config.config.params."


@pytest.fixture
def remarks(empty_store, tmp_path, ask):
    """The remarks on a run with these params and this file."""

    def told(params, recorded, file=RESULTS):
        uri = filled(empty_store, [evaluated(tmp_path, 1, params=params, files={file: recorded})])
        (row,) = rows_of(ask(uri, "get_invocation", invocation_id=INVOCATION).data["tasks"])
        return row.get("remarks", "")

    return told


@pytest.mark.parametrize("file", [RESULTS, RUN_CONFIG])
def test_a_limit_of_the_params_that_the_file_has_not_is_no_canary(file, remarks):
    told = remarks({f"{OF_ALL}limit_samples": "10"}, results(temperature=0), file)

    name = file.rpartition("/")[2]
    assert told.startswith(f"params and {name} contradict each other: limit_samples 10 in params, none in {name}")
    assert "canary" not in told


@pytest.mark.parametrize(
    ("params", "recorded", "told"),
    [
        ({f"{OF_ALL}limit_samples": "10"}, {"limit_samples": 20}, "limit_samples 10 in params, 20 in results.yml"),
        ({f"{OWN}temperature": "0.6"}, {"temperature": 0}, "temperature 0.6 in params, 0 in results.yml"),
    ],
)
def test_unlike_values_of_a_setting_are_named_with_both_sources(params, recorded, told, remarks):
    assert remarks(params, results(**recorded)) == f"params and results.yml contradict each other: {told}"


@pytest.mark.parametrize(
    ("params", "recorded"),
    [
        ({f"{OF_ALL}temperature": "0.60"}, {"temperature": 0.6}),
        ({f"{OF_ALL}temperature": "0.6", f"{OWN}temperature": "0"}, {"temperature": 0}),
        ({f"{OTHER_TASK}temperature": "0.6"}, {"temperature": 0}),
        ({f"{OF_ALL}temperature": "0.6"}, {"top_p": 1}),
        ({f"{OF_ALL}parallelism": "8"}, {"parallelism": 4}),
    ],
    ids=["written otherwise", "set for the task", "of another task", "not in the file", "changes no score"],
)
def test_other_differences_are_no_contradiction(params, recorded, remarks):
    assert remarks(params, results(**recorded)) == ""


@pytest.mark.slow
def test_no_recorded_export_is_called_contradictory(tmp_path, ask_many):
    with ask_many(local_store(tmp_path)) as ask:
        for each in catalogue()["invocations"].values():
            assert "contradict" not in ask("get_invocation", invocation_id=each["id"]).text
