"""get_artifact_content of an invocation's runs, on exports that the launcher itself wrote."""

from __future__ import annotations

from tests.recorded.store import catalogue
from tests.support.asking import data_of

CANDIDATE = catalogue()["invocations"]["candidate"]


def test_the_config_of_an_invocation_is_read_once_where_it_is_the_same(recorded, ask):
    data = data_of(
        ask(
            recorded,
            "get_artifact_content",
            run_id=CANDIDATE["id"],
            artifact_path="config.yml",
            select="deployment.type",
        )
    )

    assert data["content"] == "vllm"
    assert f"The same in all {len(CANDIDATE['jobs'])} runs." in data["notes"]


def test_of_a_file_that_every_task_has_its_own_of_the_outline_is_shown(recorded, ask):
    answer = ask(recorded, "get_artifact_content", run_id=CANDIDATE["id"], artifact_path="run_config.yml")
    data = data_of(answer)

    assert f"differs between these {len(CANDIDATE['jobs'])} runs" in data["notes"][0]
    assert any(line.startswith("config.params: object of") for line in data["outline"])
    assert len(answer.text) < 2_500


def test_of_copies_that_differ_the_one_that_counts_is_read_and_named(recorded, ask):
    corrected = catalogue()["corrected"]
    data = data_of(
        ask(recorded, "get_artifact_content", run_id=CANDIDATE["id"], artifact_path="results.yml", select="config.type")
    )

    assert len(data["content"]) == len(CANDIDATE["jobs"])
    assert any(note.endswith(f"this is run {corrected['overwritten']}.") for note in data["notes"])
