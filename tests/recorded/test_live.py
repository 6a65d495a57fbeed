"""check_run on what launchers export: nothing about it is training."""

from __future__ import annotations

from tests.recorded.store import catalogue
from tests.support.asking import data_of


def test_no_export_is_called_anything_but_what_mlflow_calls_it(recorded, ask):
    run_ids = [run["run_id"] for run in catalogue()["runs"]]
    for run_id in run_ids:
        (check,) = data_of(ask(recorded, "check_run", run_ids=[run_id]))["runs"]

        assert check["state"] == check["status"].lower()
        assert "progress" not in check
        assert len(str(check)) < 1_200


def test_the_times_of_an_export_are_told_as_such(recorded, ask):
    job = catalogue()["invocations"]["candidate"]["jobs"][0]["job_id"]

    (check,) = data_of(ask(recorded, "check_run", run_ids=[job]))["runs"]

    assert check["evidence"][0].endswith("; these are the times of the export")
