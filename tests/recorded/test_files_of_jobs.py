"""Files of whole invocations: what is equal in them, and rows that stand for several of their jobs."""

from __future__ import annotations

import pytest

from tests.recorded.store import catalogue
from tests.support.asking import data_of, rows_of


def test_many_equal_values_are_counted_with_the_call_that_shows_one(recorded, ask):
    ids = [catalogue()["invocations"][name]["id"] for name in ("candidate", "baseline")]

    data = data_of(ask(recorded, "diff_artifacts", run_ids=ids, artifact_path="config.yml"))

    assert data["equal"] > 20
    assert "equal_values" not in data
    told = f"{data['equal']} equal values not shown: get_artifact_content with these runs and select takes one out."
    assert told in data["notes"]


def searched(ask, uri, pattern, ids):
    return data_of(ask(uri, "search_artifacts", run_ids=ids, pattern=pattern, glob="results.yml"))


@pytest.mark.parametrize(
    ("names", "jobs"), [(("candidate",), "5 jobs of {}"), (("candidate", "baseline"), "10 jobs (5 of {}, 5 of {})")]
)
def test_rows_of_many_files_are_labelled_by_jobs_and_invocations(names, jobs, recorded, ask):
    ids = [catalogue()["invocations"][name]["id"] for name in names]

    data = searched(ask, recorded, "^target:", ids)

    (of_files,), (of_matches,) = rows_of(data["files"]), rows_of(data["matches"])
    told = jobs.format(*(id_[:8] for id_ in ids))
    assert of_files["run"] == f"all searched, {told}"
    assert of_matches["run"].removeprefix("all searched, ") == told
