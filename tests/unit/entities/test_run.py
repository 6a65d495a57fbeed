"""A run as the agent sees it, from MLflow's own entities."""

from __future__ import annotations

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunTag,
)

from mlflow_mcp.entities.run import RunView


def run_of(*, end_time=2_500, tags=None, metrics=None, params=None, stage="active", inputs=None, outputs=None):
    info = RunInfo("a" * 32, "7", "ana", "FINISHED", 1_000, end_time, stage, run_name="first")
    data = RunData(
        [Metric(name, value, 0, 0) for name, value in (metrics or {}).items()],
        [Param(name, value) for name, value in (params or {}).items()],
        [RunTag(name, value) for name, value in (tags or {}).items()],
    )
    return Run(info, data, inputs, outputs)


def test_the_experiment_is_named_and_an_unknown_one_keeps_its_id():
    run = run_of()

    assert RunView.of(run, {"7": "evals"}).experiment == "evals"
    assert RunView.of(run, {"8": "others"}).experiment == "7"


def test_a_finished_run_has_a_duration_and_an_end():
    view = RunView.of(run_of(), {})

    assert (view.duration, view.ended) == (1.5, 2_500)


def test_a_run_without_an_end_counts_from_its_start_and_has_no_duration():
    view = RunView.of(run_of(end_time=None), {})

    assert (view.duration, view.ended) == (None, 1_000)


def test_tags_of_people_and_of_mlflow_are_kept_apart():
    view = RunView.of(run_of(tags={"team": "nlp", "mlflow.parentRunId": "b" * 32, "mlflow.user": "ben"}), {})

    assert view.tags == {"team": "nlp"}
    assert (view.parent_id, view.user) == ("b" * 32, "ben")
    assert (view.tag("team"), view.tag("mlflow.user"), view.tag("absent")) == ("nlp", "ben", None)


def test_the_user_is_the_one_of_the_run_when_no_tag_names_one():
    assert RunView.of(run_of(), {}).user == "ana"


def test_the_headline_leaves_errors_and_costs_out():
    view = RunView.of(run_of(metrics={"acc": 0.5, "acc_stderr": 0.1, "tokens_total": 9.0, "system/gpu": 1.0}), {})

    assert view.headline() == {"acc": 0.5}


def test_datasets_are_told_by_name_and_digest():
    dataset = Dataset("mmlu", "abc123", "local", '{"uri": "s3://data"}')
    run = run_of(inputs=RunInputs([DatasetInput(dataset, [InputTag("mlflow.data.context", "eval")])]))

    (used,) = RunView.of(run, {}).datasets

    assert str(used) == "mmlu (abc123)"
    assert (used.context, used.source) == ("eval", '{"uri": "s3://data"}')


def test_models_that_a_run_made_and_used_are_kept_apart():
    inputs, outputs = RunInputs([], [LoggedModelInput("m-used")]), RunOutputs([LoggedModelOutput("m-made", 0)])

    view = RunView.of(run_of(inputs=inputs, outputs=outputs), {})

    assert (view.models_made, view.models_used) == (("m-made",), ("m-used",))


def test_a_run_of_a_server_without_inputs_has_no_datasets_and_no_models():
    view = RunView.of(run_of(), {})

    assert (view.datasets, view.models_made, view.models_used) == ((), (), ())


def test_a_deleted_run_says_so():
    assert RunView.of(run_of(stage="deleted"), {}).deleted
    assert not RunView.of(run_of(), {}).deleted
