"""Tools that compare, over two servers with models, datasets, curves and traces: as over one, but for the servers' names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import Answer, data_of, problem_of, rows_of
from tests.support.stores import copied


def facts(answer: Answer) -> Any:
    data = json.loads(answer.text.replace("dev:", "")) if not answer.is_error else answer.text.replace("dev:", "")
    if isinstance(data, dict) and "columns" in data.get("sides", ()):
        data["sides"] = rows_of(data["sides"])
    return data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "a", "b", "others"),
    [
        ("compare_runs", "bert-base", "bert-large", {}),
        ("compare_runs", "models:/intent/1", "models:/intent/2", {}),
        ("diff_artifacts", "{base}", "{large}", {"artifact_path": "MLmodel"}),
    ],
)
def test_models_and_datasets_of_two_servers(tool, a, b, others, model_store, tmp_path, ask_many):
    twin = copied(model_store.uri, tmp_path / "twin.db")
    names = {name.strip("<>").partition(":")[2]: id_ for id_, name in model_store.labels.items() if "model:" in name}
    a, b = (text.format(base=names["ckpt-300"], large=names["large"]) for text in (a, b))
    with ask_many(Settings(servers=f"prod={model_store.uri},dev={twin}")) as ask:
        plain = ask(tool, run_ids=[a, b], **others)
        across = ask(tool, run_ids=[a, f"dev:{b}"], **others)

    assert not plain.is_error, plain.text
    assert facts(across) == facts(plain)


def test_metrics_per_dataset_are_kept_apart_on_both_servers(empty_store, tmp_path, ask_many):
    """What MLflow keeps with the model only is read from the server of its run."""
    client = MlflowClient(empty_store)
    runs = []
    for values in ((0.5, 0.7), (0.6, 0.65)):
        run = client.create_run("0").info.run_id
        model = client.create_logged_model("0", name="m", source_run_id=run)
        client.log_outputs(run, [logged_output(model.model_id)])
        for (name, digest), value in zip((("val", "v1"), ("test", "t1")), values):
            client.log_metric(run, "auc", value, model_id=model.model_id, dataset_name=name, dataset_digest=digest)
        client.set_terminated(run)
        runs.append(run)
    twin = copied(empty_store, tmp_path / "twin.db")
    with ask_many(Settings(servers=f"prod={empty_store},dev={twin}")) as ask:
        plain = data_of(ask("compare_runs", run_ids=runs))
        across = ask("compare_runs", run_ids=[runs[0], f"dev:{runs[1]}"])

    assert "auc [val]" in json.dumps(plain)
    assert facts(across)["metrics"] == plain["metrics"]


def logged_output(model_id: str) -> Any:
    from mlflow.entities import LoggedModelOutput

    return LoggedModelOutput(model_id, 0)


def test_scores_in_traces_of_two_servers_are_compared(traces_file, tmp_path, ask_many):
    twin = copied(traces_file.uri, tmp_path / "twin.db")
    runs = list(traces_file.runs.values())[:2]
    with ask_many(Settings(servers=f"prod={traces_file.uri},dev={twin}")) as ask:
        plain = ask("compare_samples", run_ids=runs)
        across = ask("compare_samples", run_ids=[runs[0], f"dev:{runs[1]}"])

    told = facts(across) if not across.is_error else facts(across).partition(" Only the server")[0]
    assert told == (facts(plain) if not plain.is_error else facts(plain).partition(" Only the server")[0])


def test_a_run_is_looked_for_on_another_server(store, tmp_path, ask_many):
    twin = copied(store.uri, tmp_path / "twin.db")
    client = MlflowClient(store.uri)
    every = [each.experiment_id for each in client.search_experiments()]
    (run,) = client.search_runs(every, "attributes.run_name = 'trial-04'")
    with ask_many(Settings(servers=f"prod={store.uri},dev={twin}")) as ask:
        there = data_of(ask("find_similar_runs", run_id="trial-04", experiment_id="dev:sweeps", limit=3))
        back = data_of(ask("find_similar_runs", run_id="dev:trial-04", experiment_id="sweeps", limit=1))
        mixed = problem_of(ask("find_similar_runs", run_id="trial-04", experiment_id=["sweeps", "dev:sweeps"]))
        by_params = data_of(ask("find_similar_runs", params=["lr=0.001"], experiment_id="dev:sweeps", limit=1))

    # On the other server the run itself is found.
    assert rows_of(there["runs"])[0]["run_id"] == f"dev:{run.info.run_id}"
    assert rows_of(there["runs"])[0]["match"].startswith("same params")
    assert f"of run {run.info.run_id}" in there["summary"]
    assert rows_of(back["runs"])[0]["run_id"] == run.info.run_id
    assert f"of run dev:{run.info.run_id}" in back["summary"]
    assert "several servers" in mixed
    assert rows_of(by_params["runs"])[0]["run_id"].startswith("dev:")


def test_runs_of_two_servers_are_drawn_and_described_in_a_report(store, tmp_path, ask_many):
    twin = copied(store.uri, tmp_path / "twin.db")
    settings = Settings(servers=f"prod={store.uri},dev={twin}", download_dir=str(tmp_path / "files"))
    with ask_many(settings) as ask:
        data_of(ask("export_runs", run_ids=["trial-03", "dev:trial-04"], path="a.md"))
        mixed = problem_of(ask("export_runs", experiment_id=["sweeps", "dev:sweeps"], path="b.csv"))
    report = (tmp_path / "files" / "a.md").read_text()

    assert "dev:" in report
    assert f"from {store.uri}, {twin}" in report
    assert "Runs of several servers" in mixed
