"""A metric that a run logged for several datasets: every value is told, and none passes for the run's."""

from __future__ import annotations

import math
import re

import pytest

from tests.support.asking import data_of, problem_of, rows_of

VALUES = {"squad": 0.5, "nq": 0.9, "trivia": 0.7}


@pytest.fixture
def logged(both_homes):
    """`logged(with_model, 0.1)`: a run in an experiment of its own that logs `auc` for three datasets, all plus 0.1."""
    import mlflow
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    mlflow.set_tracking_uri(both_homes.uri)

    def log(with_model, more=0.0, version="v1"):
        mlflow.set_experiment("datasets")
        with mlflow.start_run() as run:
            model = mlflow.create_external_model(name="m").model_id if with_model else None
            for name, value in VALUES.items():
                source = HTTPDatasetSource(f"https://example.com/{version}/{name}.csv")
                dataset = MetaDataset(source, name=name)  # type: ignore[abstract]  # MLflow's own kind without data
                mlflow.log_metric("auc", value + more, dataset=dataset, model_id=model)
            mlflow.log_metric("plain", 1.0)
        return run.info.run_id

    yield log
    mlflow.set_tracking_uri(None)


def test_a_run_shows_the_value_of_each_dataset_of_its_model(logged, both_homes, ask):
    run = logged(with_model=True)
    answer = ask(both_homes.uri, "get_run", run_id=run)
    (found,) = ask(both_homes.uri, "resolve_id", id=run).data["found"]

    assert answer.data["metrics"] == {"plain": 1}  # what was written last is not the run's
    assert "scores" not in found
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
    assert ranked.data["partial"].partition("): ")[2] == told


def test_values_are_compared_on_each_dataset(logged, both_homes, ask_many):
    one, two = logged(with_model=True), logged(with_model=True, more=0.05)

    with ask_many(both_homes.uri) as ask:
        compared = ask("compare_runs", run_ids=[one, two])
        named = ask("compare_runs", run_ids=[one, two], metrics=["auc"])

    rows = {row["metric"]: row for row in rows_of(compared.data["metrics"])}
    assert set(rows) == {*(f"auc [{name}]" for name in VALUES), "plain"}
    assert {row["B-A"] for name, row in rows.items() if name != "plain"} == {0.05}
    assert {row["best"] for name, row in rows.items() if name != "plain"} == {"B"}
    assert "Logged for several datasets and compared on each, `metric [dataset]`: 'auc'." in compared.data["notes"]
    assert {row["metric"] for row in rows_of(named.data["metrics"])} == set(rows) - {"plain"}


def test_a_value_of_no_known_dataset_is_not_compared_with_one_of_a_dataset(logged, both_homes, ask_many):
    known, unknown, other = logged(with_model=True), logged(with_model=False), logged(with_model=False, more=0.1)

    with ask_many(both_homes.uri) as ask:
        compared = ask("compare_runs", run_ids=[known, unknown])
        of_unknown = ask("compare_runs", run_ids=[unknown, other])

    assert [row["metric"] for row in rows_of(compared.data["metrics"])] == ["plain"]
    assert (
        "Side B: MLflow keeps no dataset for its value of 'auc': not compared with the others'."
        in compared.data["notes"]
    )
    assert {row["metric"]: row.get("best") for row in rows_of(of_unknown.data["metrics"])} == {
        "auc": None,
        "plain": None,
    }
    assert any("'auc' here is the last of 3 values" in note for note in of_unknown.data["notes"])


@pytest.mark.parametrize("with_model", [True, False])
def test_a_table_says_that_a_column_mixes_datasets(with_model, logged, both_homes, ask):
    ids = ", ".join(f"'{logged(with_model=with_model, more=more)}'" for more in (0, 0.1))

    answer = ask(both_homes.uri, "query_runs", query=f"attributes.run_id IN ({ids})")

    (note,) = [note for note in answer.data["notes"] if "datasets" in note]
    assert note.startswith("Each value of 'auc' is the one written last, and these runs logged it for several datasets")
    assert ("'nq', 'squad', 'trivia'" in note) == with_model


def test_the_beginning_of_a_dataset_s_name_is_enough_and_runs_without_a_value_of_it_are_named(logged, both_homes, ask):
    known, unknown = logged(with_model=True), logged(with_model=False)

    answer = ask(
        both_homes.uri,
        "best_runs",
        metric="auc",
        dataset="SQ",
        query=f"attributes.run_id IN ('{known}', '{unknown}')",
    )

    assert [row["run_id"] for row in rows_of(data_of(answer)["runs"])] == [known]
    assert answer.data["dataset"].startswith("squad (")
    assert any(note.startswith("Not ranked, because MLflow keeps no value of theirs") for note in answer.data["notes"])


def test_a_ranking_by_the_last_of_several_datasets_is_refused_with_their_names(logged, both_homes, ask):
    one, two = logged(with_model=True), logged(with_model=True, more=0.05)

    refused = problem_of(
        ask(both_homes.uri, "best_runs", metric="auc", query=f"attributes.run_id IN ('{one}', '{two}')")
    )

    assert "'auc' was logged for several datasets in 2 runs of the first 2 by the value written last" in refused
    assert all(f"'{name} (" in refused for name in VALUES)
    assert "Pass dataset" in refused


def test_runs_are_ranked_by_their_values_on_a_dataset(logged, both_homes, ask):
    runs = {logged(with_model=True, more=more): 0.9 + more for more in (0.0, 0.02, 0.01)}
    ids = ", ".join(f"'{each}'" for each in runs)

    answer = ask(
        both_homes.uri, "best_runs", metric="auc", dataset="nq", query=f"attributes.run_id IN ({ids})", limit=2
    )

    ranked = [(row["run_id"], row["auc on dataset"]) for row in rows_of(data_of(answer)["runs"])]
    assert ranked == sorted(runs.items(), key=lambda item: -item[1])[:2]
    assert answer.data["dataset"].startswith("nq (")
    assert "metrics.auc" not in answer.text
    assert "partial" not in answer.data
    again = ask(
        both_homes.uri, "best_runs", metric="auc", dataset=answer.data["dataset"], query=f"attributes.run_id IN ({ids})"
    )
    assert [row["run_id"] for row in rows_of(again.data["runs"])][:2] == [run_id for run_id, _ in ranked]


def test_two_digests_of_one_name_are_two_datasets(logged, both_homes, ask):
    one, two = logged(with_model=True), logged(with_model=True, more=0.01, version="v2")

    query = f"attributes.run_id IN ('{one}', '{two}')"
    refused = problem_of(ask(both_homes.uri, "best_runs", metric="auc", dataset="nq", query=query))
    (second,) = set(re.findall(r"nq \(\w+\)", refused)) - {
        data_of(ask(both_homes.uri, "best_runs", metric="auc", dataset="nq", query=f"attributes.run_id = '{one}'"))[
            "dataset"
        ]
    }
    answer = ask(both_homes.uri, "best_runs", metric="auc", dataset=second, query=query)

    assert refused.startswith("'nq' is the name of 2 datasets: 'nq (")
    assert [row["run_id"] for row in rows_of(data_of(answer)["runs"])] == [two]


def test_an_unknown_dataset_is_answered_with_those_that_are_known(logged, both_homes, ask):
    run = logged(with_model=True)

    refused = problem_of(
        ask(both_homes.uri, "best_runs", metric="auc", dataset="imagenet", query=f"attributes.run_id = '{run}'")
    )

    assert refused.startswith("No run here has a finite 'auc' on a dataset 'imagenet'. It was logged for 'nq (")


def test_the_value_on_a_dataset_is_that_of_the_run_that_measured_it(both_homes, ask):
    """MLflow orders a model by its newest value, whichever run measured it."""
    import mlflow
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    mlflow.set_tracking_uri(both_homes.uri)
    mlflow.set_experiment("one model, two runs")
    dataset = MetaDataset(HTTPDatasetSource("https://example.com/x"), name="shared")  # type: ignore[abstract]
    model, runs = mlflow.create_external_model(name="m").model_id, []
    for value in (0.9, 0.3):
        with mlflow.start_run() as run:
            mlflow.log_metric("val/f 1", value, dataset=dataset, model_id=model)
            runs.append(run.info.run_id)
    mlflow.set_tracking_uri(None)

    answer = ask(both_homes.uri, "best_runs", metric="val/f 1", mode="max", dataset="shared")

    assert [(row["run_id"], row["val/f 1 on dataset"]) for row in rows_of(data_of(answer)["runs"])] == list(
        zip(runs, (0.9, 0.3))
    )


def test_nan_on_a_dataset_is_no_zero(logged, both_homes, ask):
    """MLflow's databases keep NaN as 0 for logged models, which would be the lowest of all."""
    nan, zero = logged(with_model=True, more=math.nan), logged(with_model=True, more=-0.5)

    whole = ask(both_homes.uri, "get_run", run_id=nan)
    ranked = ask(
        both_homes.uri,
        "best_runs",
        metric="auc",
        mode="min",
        dataset="squad",
        query=f"attributes.run_id IN ('{nan}', '{zero}')",
    )

    assert {row["value"] for row in rows_of(whole.data["metrics_by_dataset"])} == {"NaN"}
    assert [row["auc on dataset"] for row in rows_of(data_of(ranked)["runs"])] == [0]


def test_a_report_shows_the_value_on_each_dataset(logged, both_homes, ask, tmp_path):
    from pathlib import Path

    from mlflow_mcp.settings import Settings

    settings = Settings(tracking_uri=both_homes.uri, download_dir=str(tmp_path / "out"))
    with_models = [logged(with_model=True), logged(with_model=True, more=0.05)]
    answer = data_of(ask(settings, "export_runs", path="models.md", run_ids=with_models))
    assert "| auc \\[squad\\] | 0.5 | 0.55 |" in Path(answer["path"]).read_text()

    without = [logged(with_model=False), logged(with_model=False, more=0.05)]
    answer = data_of(ask(settings, "export_runs", path="no_models.md", run_ids=without))
    text = Path(answer["path"]).read_text()
    assert "MLflow does not keep which value is of which" in text
    assert "| auc | 0.7 | 0.75 |  |  |\n" in text
    assert "| plain | 1 | 1 | 0 | +0.00% |\n" in text
