"""A metric that a run logged for several datasets: every value is told, and none passes for the run's."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of

VALUES = {"squad": 0.5, "nq": 0.9, "trivia": 0.7}


@pytest.fixture
def logged(both_homes):
    """`logged(with_model, 0.1)`: a run in an experiment of its own that logs `auc` for three datasets, all plus 0.1."""
    import mlflow
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    mlflow.set_tracking_uri(both_homes.uri)

    def log(with_model, more=0.0):
        mlflow.set_experiment("datasets")
        with mlflow.start_run() as run:
            model = mlflow.create_external_model(name="m").model_id if with_model else None
            for name, value in VALUES.items():
                source = HTTPDatasetSource(f"https://example.com/{name}.csv")
                dataset = MetaDataset(source, name=name)  # type: ignore[abstract]  # MLflow's own kind without data
                mlflow.log_metric("auc", value + more, dataset=dataset, model_id=model)
            mlflow.log_metric("plain", 1.0)
        return run.info.run_id

    yield log
    mlflow.set_tracking_uri(None)


def test_a_run_shows_the_value_of_each_dataset_of_its_model(logged, both_homes, ask):
    answer = ask(both_homes.uri, "get_run", run_id=logged(with_model=True))

    rows = rows_of(answer.data["metrics_by_dataset"])
    assert {row["dataset"]: row["value"] for row in rows} == VALUES
    assert {row["metric"] for row in rows} == {"auc"}
    assert "notes" not in answer.data


def test_without_a_model_the_values_are_told_without_their_datasets(logged, both_homes, ask):
    run = logged(with_model=False)

    whole = ask(both_homes.uri, "get_run", run_id=run)
    ranked = ask(both_homes.uri, "best_runs", metric="auc", query=f"attributes.run_id = '{run}'")

    told = (
        "'auc' here is the last of 3 values at step 0 (0.5, 0.9, 0.7), and the run has 3 datasets; "
        "without a logged model MLflow does not keep which value is of which."
    )
    assert "metrics_by_dataset" not in whole.data
    assert whole.data["notes"] == [f"This run: {told}"]
    assert [note.partition("): ")[2] for note in ranked.data["notes"]] == [told]


def test_a_comparison_and_a_ranking_say_that_the_value_is_the_last_of_several(logged, both_homes, ask):
    one, two = logged(with_model=True), logged(with_model=True, more=0.05)

    compared = ask(both_homes.uri, "compare_runs", run_ids=[one, two])
    ranked = ask(both_homes.uri, "best_runs", metric="auc", query=f"attributes.run_id IN ('{one}', '{two}')")

    values = "'auc' here is the last of 3 values, nq 0.9, squad 0.5, trivia 0.7."
    assert f"Side A: {values}" in compared.data["notes"]
    assert any(note.startswith("Side B: 'auc' here is the last of 3") for note in compared.data["notes"])
    assert any(note.startswith("Number 2 (") and note.endswith(values) for note in ranked.data["notes"])
