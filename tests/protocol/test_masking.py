"""Secrets are hidden in the answers of every tool, and nothing else is."""

from __future__ import annotations

import pytest

from mlflow_mcp.answers.masking import HIDDEN
from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import CATALOG
from tests.support import raw_store
from tests.support.secrets import SECRETS


def questions(seeded, secret):
    """Calls whose answers hold, or could quote, the secret."""
    run = seeded.log_run
    return [
        ("get_run", {"run_id": run}),
        ("query_runs", {"experiment_id": "ana/llama-3.1-8b", "params": "*"}),
        ("query_runs", {"query": "params.config.deployment.api_key LIKE '%'", "params": "*api_key"}),
        ("query_runs", {"query": "params.config.deployment.api_key = 'no'"}),
        ("query_runs", {"query": f"tags.x = '{secret}'"}),
        ("search_runs_by_tags", {"tags": {"invocation_id": seeded.candidate}, "params": "config.*"}),
        ("search_runs_by_tags", {"tags": {"x": secret}}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml"}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "start_line": 40}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "tail": 60}),
        ("get_artifact_content", {"run_id": run, "artifact_path": f"{secret}.yml"}),
        ("get_invocation", {"invocation_id": seeded.candidate}),
        ("get_invocation", {"invocation_id": secret}),
        ("resolve_id", {"id": secret}),
        ("get_run", {"run_id": secret}),
        ("search_experiments", {"name": secret}),
        ("describe_experiment", {"experiment_id": "ana/llama-3.1-8b"}),
        ("describe_experiment", {"experiment_id": secret}),
        ("best_runs", {"metric": "mmlu-pro_pass_at_1_symbolic_correct", "params": "*"}),
        ("best_runs", {"metric": secret}),
        ("compare_runs", {"run_ids": [seeded.candidate, seeded.baseline]}),
        ("aggregate_runs", {"metrics": "mmlu*", "group_by": "params.config.deployment.api_key"}),
        ("get_metric_history", {"run_ids": run, "metrics": secret}),
        ("plot_metrics", {"run_ids": run, "metrics": "*", "kind": "curves"}),
        ("plot_metrics", {"run_ids": run, "metrics": secret}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "deployment"}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "deployment.api_key"}),
        ("search_artifacts", {"run_ids": run, "pattern": "api_key"}),
        ("search_artifacts", {"run_ids": run, "pattern": "walltime", "context": 20}),
        ("diff_artifacts", {"run_ids": [run, f"{seeded.baseline}.0"], "artifact_path": "config"}),
        ("search_models", {"query": f"tags.x = '{secret}'"}),
        ("search_models", {"registered": True, "query": f"name = '{secret}'"}),
        ("get_model", {"model": secret}),
    ]


def test_the_seeded_secret_is_in_no_answer(store, ask_many):
    seeded = store.seeded
    with ask_many(store.uri) as ask:
        answers = {str(call): ask(call[0], **call[1]) for call in questions(seeded, seeded.secret)}

    for call, answer in answers.items():
        assert seeded.secret not in str(answer.result), call
        assert seeded.secret[3:] not in str(answer.result), call


def test_the_seeded_secret_is_really_there(store, ask):
    open_settings = Settings(tracking_uri=store.uri, mask_secrets=False)

    assert store.seeded.secret in ask(open_settings, "get_run", run_id=store.seeded.log_run).text
    assert (
        store.seeded.secret
        in ask(open_settings, "get_artifact_content", run_id=store.seeded.log_run, artifact_path="config.yml").text
    )


def test_a_param_named_max_new_tokens_is_shown(sqlite_template, ask):
    answer = ask(sqlite_template.uri, "get_run", run_id=sqlite_template.seeded.log_run)

    assert (
        answer.data["params"]["config.evaluation.tasks.0.nemo_evaluator_config.config.params.max_new_tokens"] == "4096"
    )
    assert answer.data["params"]["config.evaluation.env_vars.OPENAI_API_KEY"] == "JUDGE_KEY_NAME"
    assert answer.data["params"]["config.deployment.api_key"] == HIDDEN


def test_a_secret_in_a_tag_or_a_name_is_hidden_too(sqlite_store, ask):
    secret, run_id = SECRETS["Hugging Face"], sqlite_store.seeded.runs["trial-04"]
    with raw_store.opened(sqlite_store.uri) as connection:
        connection.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", (f"run {secret}", run_id))
        connection.execute("INSERT INTO tags(key, value, run_uuid) VALUES ('note', ?, ?)", (secret, run_id))
        connection.execute("INSERT INTO tags(key, value, run_uuid) VALUES (?, 'x', ?)", (secret, run_id))

    answer = ask(sqlite_store.uri, "get_run", run_id=run_id)

    assert not answer.is_error
    assert secret not in str(answer.result)


@pytest.mark.slow
def test_a_secret_where_the_text_beside_a_plot_is_cut_is_hidden(empty_store, ask):
    """A budget of 515 tokens would end after the first 14 characters of a key, which alone do not look like one."""
    secret = SECRETS["Hugging Face"]
    runs = [
        raw_store.RawRun(raw_store.run_id(n), name=f"fine-tuned with the key {secret} {n:02}", metrics={"loss": n})
        for n in range(40)
    ]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, runs)

    answer = ask(
        Settings(tracking_uri=empty_store, max_tokens=515),
        "plot_metrics",
        run_ids=[run.id for run in runs],
        metrics="loss",
        kind="bars",
    )

    assert not answer.is_error, answer.text
    assert HIDDEN in answer.text
    assert secret[:6] not in answer.text


def test_the_catalog_is_covered():
    """Tools that show strangers' data are asked above; a new one should be added to `questions` if it does."""
    asked = {tool for tool, _ in questions(Seeded, "")}
    # Names and sizes, or files of which the answer tells no more than their size.
    quiet = {"get_server_info", "list_artifacts", "export_runs", "download_artifacts"}

    assert asked | quiet == {entry.name for entry in CATALOG}
