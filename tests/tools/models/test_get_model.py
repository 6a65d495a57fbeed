"""get_model: one model, a registered model with its versions, and two models side by side."""

from __future__ import annotations

import json

import pytest

from mlflow_mcp.answers.masking import HIDDEN
from tests.support import raw_store
from tests.support.asking import data_of, rows_of
from tests.support.model_stores import SECRET, WHY_NOT
from tests.support.servers import faulty_proxy, unknown_route
from tests.support.stores import copied

pytestmark = pytest.mark.slow


@pytest.fixture
def changed(model_store, tmp_path):
    """A copy of the store that a test may change with SQL."""
    return copied(model_store.uri, tmp_path / "models.db")


def of_this_machine(answer):
    """What a snapshot writes instead of versions and the size of a pickle."""
    built = answer.data["built_with"]
    return {built["mlflow"]: "<mlflow>", built["python"]: "<python>", str(built["bytes"]): "<bytes>"}


# --- one model


def test_a_logged_model_whole(both_model_stores, ask, snapshot):
    answer = ask(both_model_stores.uri, "get_model", model=both_model_stores.models["large"])

    assert answer.data["tags"]["hub_token"] == HIDDEN
    assert SECRET not in str(answer.result)
    snapshot("get_model", answer, of_this_machine(answer))


def test_a_version_says_why_it_is_not_deployed(both_model_stores, ask, snapshot):
    answer = ask(both_model_stores.uri, "get_model", model="models:/intent@challenger")

    assert answer.data["tags"]["validation_status"] == WHY_NOT
    snapshot("get_model.version", answer, of_this_machine(answer))


def test_a_registered_model_with_its_versions(both_model_stores, ask, snapshot):
    snapshot("get_model.registered", ask(both_model_stores.uri, "get_model", model="intent"))


def test_a_registered_model_without_versions(model_store, ask):
    assert data_of(ask(model_store.uri, "get_model", model="empty"))["notes"] == ["It has no versions."]


@pytest.mark.parametrize(
    "name",
    [
        "{id}",
        "models:/{id}",
        "{prefix}",
        "large",
        "bert-large",
        "{run}",
        "{run:.8}",
        "https://mlflow.example/#/experiments/1/models/{id}",
        "https://mlflow.example/#/experiments/1/models/{id}/overview",
    ],
)
def test_a_logged_model_by_every_name_of_it(name, model_store, ask):
    model = model_store.models["large"]

    answer = ask(
        model_store.uri, "get_model", model=name.format(id=model, prefix=model[:10], run=model_store.runs["bert-large"])
    )

    assert data_of(answer)["model"] == model


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("models:/intent/2", 2),
        ("intent/2", 2),
        ("intent@challenger", 2),
        ("models:/intent@champion", 1),
        ("models:/intent/latest", 3),
        ("https://mlflow.example/#/models/intent/versions/2", 2),
    ],
)
def test_a_version_by_every_name_of_it(name, version, both_model_stores, ask):
    assert data_of(ask(both_model_stores.uri, "get_model", model=name))["model"] == f"models:/intent/{version}"


def test_a_version_by_its_stage(changed, ask):
    with raw_store.opened(changed) as db:
        db.execute("UPDATE model_versions SET current_stage = 'Production' WHERE version = 1")

    assert data_of(ask(changed, "get_model", model="models:/intent/Production"))["model"] == "models:/intent/1"


def test_a_version_without_a_logged_model_shows_its_run(both_model_stores, ask):
    answer = data_of(ask(both_model_stores.uri, "get_model", model="models:/intent/3"))

    assert rows_of(answer["metrics"]) == [{"metric": "f1", "value": 0.7}]
    assert answer["metrics_of"] == "its source run"
    assert "model_id" not in answer
    assert answer["notes"] == [
        "The registry names no logged model that it was made of: params and metrics are those of its run."
    ]


def test_metrics_of_a_run_with_several_models_are_not_called_those_of_one(changed, model_store, ask):
    with raw_store.opened(changed) as db:
        db.execute("DELETE FROM logged_model_metrics")

    answer = data_of(ask(changed, "get_model", model=model_store.models["ckpt-200"]))

    assert "metrics" not in answer
    assert answer["notes"] == [
        "Its source run has 2 metrics and other models too: none is proved to be this model's. get_run shows them."
    ]


def test_an_external_model_has_no_signature_of_its_own(model_store, ask):
    """MLflow writes a placeholder of one boolean for it."""
    from mlflow import MlflowClient

    tags = MlflowClient(model_store.uri).get_logged_model(model_store.models["broken"]).tags
    answer = data_of(ask(model_store.uri, "get_model", model="broken"))

    assert tags.get("mlflow.model.isExternal") is None  # made by initialize_logged_model: nothing was written yet
    assert "signature" not in answer
    assert answer["status"] == "FAILED"
    assert "MLflow calls it FAILED: its files may be incomplete." in answer["notes"]
    assert {row["metric"]: row["value"] for row in rows_of(answer["metrics"])} == {"f1": "NaN", "loss": "Infinity"}


def test_a_source_run_that_is_gone_is_told(changed, model_store, ask):
    with raw_store.opened(changed) as db:
        db.execute("UPDATE logged_models SET source_run_id = ? WHERE name = 'large'", ("f" * 32,))

    answer = data_of(ask(changed, "get_model", model=model_store.models["large"]))

    assert "source_run" not in answer
    assert f"Its source run {'f' * 32} is not there any more." in answer["notes"]


def test_a_version_whose_logged_model_is_deleted_says_so(changed, model_store, ask):
    with raw_store.opened(changed) as db:
        db.execute("UPDATE logged_models SET lifecycle_stage = 'deleted' WHERE name = 'large'")

    answer = data_of(ask(changed, "get_model", model="models:/intent/2"))

    assert f"No logged model has the id '{model_store.models['large']}'." in answer["notes"][0]


def test_an_evaluation_of_its_checkpoint_is_named(changed, model_store, ask):
    model = model_store.models["ckpt-200"]
    path = f"/checkpoints/{model}/artifacts"
    run = raw_store.RawRun(
        "e" * 32, name="eval-0123456789abcdef-ifeval", params={"config.deployment.checkpoint_path": path}
    )
    with raw_store.opened(changed) as db:
        raw_store.add_runs(db, [run])

    answer = data_of(ask(changed, "get_model", model=model))

    assert answer["evaluated_by"] == [f"eval-0123456789abcdef-ifeval ({'e' * 32})"]


def test_broken_files_do_not_hide_the_rest(changed, model_store, ask, tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: [unclosed")
    with raw_store.opened(changed) as db:
        db.execute("UPDATE logged_models SET artifact_location = ? WHERE name = 'large'", (tmp_path.as_uri(),))

    answer = data_of(ask(changed, "get_model", model=model_store.models["large"]))

    assert answer["metrics"]
    assert any(note.startswith("Its files could not be read: ") for note in answer["notes"])


# --- two models


def test_a_challenger_against_its_champion(both_model_stores, ask, snapshot):
    answer = ask(
        both_model_stores.uri, "get_model", model="models:/intent@challenger", compare_to="models:/intent@champion"
    )

    assert len(answer.text) < 3_000
    snapshot("get_model.comparison", answer)


@pytest.mark.parametrize("other", ["@champion", "1"])
def test_a_version_is_compared_with_another_of_its_name(other, model_store, ask):
    """As get_prompt takes it."""
    with_name = ask(model_store.uri, "get_model", model="models:/intent@challenger", compare_to="models:/intent/1")
    short = ask(model_store.uri, "get_model", model="models:/intent@challenger", compare_to=other)

    assert short.data["kind"] == "comparison"
    assert data_of(short) == data_of(with_name)


def test_two_models_with_files_differ_in_a_requirement(both_model_stores, ask):
    models = both_model_stores.models
    answer = data_of(ask(both_model_stores.uri, "get_model", model=models["large"], compare_to=models["ckpt-300"]))

    differing = {row["name"]: (row["A"], row["B"]) for row in rows_of(answer["differences"])}
    assert differing["requirement.torch"] == ("==2.9.0", "==2.8.0")
    assert differing["params.lr"] == ("1e-5", "2e-5")
    assert differing["dataset.train (training)"] == ("t2", "t1")
    assert differing["commit"] == ("b" * 40, "a" * 40)
    assert "signature.inputs" not in differing
    assert "The signatures are equal." in answer["notes"]
    assert "No dataset is recorded" not in str(answer["notes"])
    (f1,) = [row for row in rows_of(answer["metrics"]) if (row["metric"], row["digest"]) == ("f1", "v1")]
    assert (f1["A"], f1["B"], f1["A-B"], f1["best"]) == (0.88, 0.84, 0.04, "A")


def test_values_on_unlike_data_are_not_subtracted(changed, ask):
    with raw_store.opened(changed) as db:
        db.execute("DELETE FROM logged_model_metrics WHERE dataset_digest = 'v1' AND metric_value IN (0.88, 0.36)")

    answer = data_of(ask(changed, "get_model", model="large", compare_to="ckpt-300"))

    assert all(row.get("A-B") is None for row in rows_of(answer["metrics"]))
    assert "'val' is not the same data on both sides (digest v2 on A, v1 on B): no deltas." in answer["notes"]


def test_metrics_without_a_dataset_are_not_shown_to_be_of_the_same_data(changed, ask):
    """Unless both source runs recorded the same dataset."""
    with raw_store.opened(changed) as db:
        db.execute("DELETE FROM logged_model_metrics WHERE dataset_digest IN ('v2', 'h1')")
        db.execute("UPDATE logged_model_metrics SET dataset_name = NULL, dataset_digest = NULL")
    recorded = data_of(ask(changed, "get_model", model="large", compare_to="ckpt-300"))
    with raw_store.opened(changed) as db:
        db.execute("DELETE FROM inputs WHERE source_type = 'DATASET'")
    nothing = data_of(ask(changed, "get_model", model="large", compare_to="ckpt-300"))

    assert "nothing shows" not in str(recorded["notes"])
    assert (
        "No dataset is recorded for 'f1', 'loss': nothing shows that both sides were measured on the same data."
        in nothing["notes"]
    )


def test_a_secret_that_differs_is_hidden(changed, ask):
    with raw_store.opened(changed) as db:
        db.execute("UPDATE logged_model_params SET param_value = ? WHERE param_key = 'lr'", (f"x {SECRET}",))

    answer = ask(changed, "get_model", model="large", compare_to="intent/3")

    assert SECRET not in str(answer.result)
    assert SECRET[6:] not in str(answer.result)


# --- what does not exist


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "intnt"},
        {"model": "nothing-like-it"},
        {"model": "models:/intnt/1"},
        {"model": "models:/intent/9"},
        {"model": "models:/intent@champoin"},
        {"model": "models:/empty/latest"},
        {"model": "m-" + "0" * 32},
        {"model": "m-00000000"},
        {"model": "bert-base"},
        {"model": "holdout-check"},
        {"model": "f" * 32},
        {"model": "@champion"},
        {"model": "intent", "compare_to": "intent/1"},
        {"model": "intent/2", "compare_to": "@champoin"},
        {"model": "intent/2", "compare_to": "9"},
        {"model": "intent/2", "compare_to": "large"},
        {"model": "intent/2", "compare_to": "intent@challenger"},
    ],
)
def test_what_is_no_model_names_the_nearest(arguments, both_model_stores, ask, snapshot_error):
    snapshot_error(ask(both_model_stores.uri, "get_model", **arguments))


@pytest.mark.parametrize("tool", ["get_run", "get_metric_history"])
def test_a_model_stands_for_its_source_run(tool, both_model_stores, ask):
    more = {} if tool == "get_run" else {"metrics": ["f1"]}
    name = "run_id" if tool == "get_run" else "run_ids"
    for model in ("models:/intent@champion", both_model_stores.models["ckpt-100"]):
        answer = ask(both_model_stores.uri, tool, **{name: model}, **more)

        assert both_model_stores.runs["bert-base"] in answer.text


def test_runs_compared_by_models_are_said_to_be_runs(model_store, ask, snapshot_error):
    models = [model_store.models["ckpt-100"], model_store.models["ckpt-200"]]
    compared = ask(model_store.uri, "compare_runs", run_ids=["models:/intent@champion", "models:/intent/2"])

    assert any(note.startswith("Of a model its source run is compared") for note in compared.data["notes"])
    snapshot_error(ask(model_store.uri, "compare_runs", run_ids=models))


def test_files_of_two_versions_are_compared(both_model_stores, ask):
    models = both_model_stores.models
    answer = ask(
        both_model_stores.uri,
        "diff_artifacts",
        run_ids=["models:/intent/2", models["ckpt-300"]],
        artifact_path="requirements.txt",
    )

    assert "-torch==2.9.0" in json.dumps(data_of(answer))


# --- older servers


def test_a_server_without_logged_models_still_shows_versions(models_server, ask, snapshot_error):
    """As MLflow 2 answers: no logged models, and the metrics of runs."""
    with faulty_proxy(models_server.uri, unknown_route("logged-models|traces")) as proxy:
        versions = ask(proxy.uri, "search_models", registered=True)
        version = ask(proxy.uri, "get_model", model="models:/intent/3")
        logged = ask(proxy.uri, "search_models")
        one = ask(proxy.uri, "get_model", model=models_server.models["large"])

    assert [row["version"] for row in rows_of(data_of(versions)["models"])] == [None, 3, 2, 1]
    assert rows_of(data_of(version)["metrics"]) == [{"metric": "f1", "value": 0.7}]
    snapshot_error(logged)
    snapshot_error(one)
