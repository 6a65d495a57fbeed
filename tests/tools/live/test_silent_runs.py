"""check_run of a run that may have stopped: what was left at its pace, where it runs, and whether there is a log to look into."""

from __future__ import annotations

import pytest

from tests.support.asking import data_of
from tests.support.stores import artifacts_of, copied
from tests.support.training import HOUR, Training, losses, training

pytestmark = pytest.mark.slow
TAGS = {"host": "gpu-118", "slurm_job_id": "4711", "owner": "ana", "host_note": "none"}


@pytest.fixture(scope="module")
def checked(empty_template, tmp_path_factory, ask):
    """`checked(name)`: the answer on one of two runs that have half of their 1,000 steps: one was silent for three hours."""
    folder = tmp_path_factory.mktemp("silent")
    uri = copied(empty_template, folder / "mlflow.db")
    files = artifacts_of(empty_template) / "0" / "of silent runs"
    for name in ("silent", "alive", "with a file"):
        (files / name).mkdir(parents=True)
    (files / "with a file" / "model.txt").write_text("weights")
    common = {"params": {"max_steps": "1000"}, "tags": TAGS, "gap": 60, "started": 24 * HOUR}
    with training(uri) as add:
        for name, ago in (("silent", 3 * HOUR), ("with a file", 3 * HOUR), ("alive", 5)):
            add(Training(name, {"train/loss": losses(501)}, ago=ago, artifact_uri=(files / name).as_uri(), **common))

    def check(name):
        (found,) = data_of(ask(uri, "check_run", run_ids=[name]))["runs"]
        return found

    return check


def test_what_was_left_is_told_at_the_former_pace_and_not_as_time_left(checked):
    silent = checked("silent")

    assert silent["state"] == "stuck"
    assert silent["at_its_former_pace"] == "about 8 h 20 min would be left"
    assert "left" not in silent


def test_a_silent_run_names_its_machine(checked):
    assert checked("silent")["machine"] == {"host": "gpu-118", "slurm_job_id": "4711"}


def test_a_silent_run_without_logs_says_so(checked):
    assert checked("silent")["log"] == ["no log: it has no artifacts"]
    assert checked("with a file")["log"] == ["no log in its root and folders of logs"]


def test_a_run_that_is_alive_needs_none_of_this(checked):
    alive = checked("alive")

    assert alive["state"] == "alive"
    assert not {"at_its_former_pace", "machine", "log"} & set(alive)
