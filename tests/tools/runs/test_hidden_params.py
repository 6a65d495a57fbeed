"""compare_runs of params whose names are those of secrets."""

from __future__ import annotations

from mlflow_mcp.answers.secrets.shapes import HIDDEN
from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated
from tests.support.secrets import fake
from tests.support.stores import filled

OTHER = "b2" * 8
EXTRA = "config.evaluation.tasks.1.nemo_evaluator_config.config.params.extra"
JUDGED = {
    f"{EXTRA}.judge.api_key": "JUDGE_API_KEY",
    f"{EXTRA}.judge.url": "https://judge.example.com/v1",
    f"{EXTRA}.with_background": "False",
}


def test_params_that_vary_by_task_are_not_joined_as_equal_and_not_hidden(empty_store, tmp_path, ask):
    both = {**JUDGED, "config.deployment.type": "vllm"}
    runs = [
        evaluated(tmp_path, 1, "hle", params=both),
        evaluated(tmp_path, 2, "ocrbench", params=both),
        evaluated(tmp_path, 3, "simpleqa", invocation=OTHER, params={"config.deployment.type": "vllm"}),
        evaluated(tmp_path, 4, "scicode", invocation=OTHER, params={"config.deployment.type": "vllm"}),
    ]
    data = ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER]).data

    rows = {row["name"].rpartition(".extra.")[2]: row["A"] for row in rows_of(data["differences"])}
    assert rows["judge.api_key"] == rows["judge.url"] == rows["with_background"] == "(varies by task)"


def test_a_secret_is_hidden_and_not_joined_with_a_param_of_the_same_value(empty_store, tmp_path, ask):
    key = fake("hunter", "-22-of-", "spring")
    params = [{"password": f"{key}{at}", "other": f"{key}{at}"} for at in range(2)]
    runs = [
        evaluated(tmp_path, at + 1, invocation=invocation, params=params[at])
        for at, invocation in enumerate((INVOCATION, OTHER))
    ]
    data = ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER]).data

    rows = {row["name"]: row["A"] for row in rows_of(data["differences"])}
    assert rows["params.password"] == HIDDEN
    assert "params.other" in rows


def test_a_secret_that_is_told_by_task_is_hidden(empty_store, tmp_path, ask):
    runs = [
        evaluated(tmp_path, number, task, invocation=invocation, params={"db_password": f"hunter-{number}2"})
        for number, (invocation, task) in enumerate(
            ((each, task) for each in (INVOCATION, OTHER) for task in ("hle", "ifeval")), 1
        )
    ]
    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER])

    rows = {row["name"]: row["A"] for row in rows_of(answer.data["differences"])}
    assert rows["params.db_password (hle)"] == HIDDEN
    assert "hunter-" not in answer.text
