"""What each experiment has of an invocation that the others have not."""

from __future__ import annotations

from tests.support import raw_store
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.stores import filled


def test_each_place_names_jobs_logs_tags_description_and_files_that_the_others_lack(empty_store, tmp_path, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, {1: "team", 2: "own"})
    files = {"artifacts/results.yml": results()}
    more = {"artifacts/report.html": "<p>", "artifacts/acme__nova/samples_ifeval_2026.jsonl": "{}"}
    tags = {"release": "v2.1 GA", "mlflow.note.content": "for the model card"}
    runs = [
        evaluated(tmp_path, 1, files={**files, "logs/client-1.log": "x"}, experiment_id=1),
        evaluated(tmp_path, 2, "mmlu", files=files, experiment_id=1),
        evaluated(tmp_path, 11, files={**files, **more}, experiment_id=2, tags=tags),
    ]

    answer = ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION)

    assert answer.data["places"] == {
        "own": "1 of 2 jobs, without mmlu (.2); description; tags release=v2.1 GA; files artifacts/report.html, artifacts/samples_*.jsonl",
        "team": "2 of 2 jobs; logs of ifeval (.1)",
    }


def test_places_that_have_the_same_are_not_told(empty_store, tmp_path, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, {1: "team", 2: "own"})
    runs = [evaluated(tmp_path, number, experiment_id=number % 9) for number in (1, 11)]

    answer = ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION)

    assert len(answer.data["experiments"]) == 2
    assert "places" not in answer.data
