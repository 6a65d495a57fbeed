"""Secrets are hidden in every answer, and nothing else is: params of models look like secrets more often than not."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import raw_store
from mlflow_mcp.answers.masking import HIDDEN, mask, mask_text
from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import CATALOG


def fake(*parts):
    """A made-up key, joined here so that no scanner takes this file for a leak."""
    return "".join(parts)


SECRETS = {
    "AWS": fake("AKIA", "IOSFODNN7EXAMPLE"),
    "Hugging Face": fake("hf", "_", "abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    "OpenAI": fake("sk", "-", "proj-", "a1B2c3D4e5F6g7H8i9J0k1L2"),
    "Anthropic": fake("sk", "-", "ant-", "api03-", "a1B2c3D4e5F6g7H8i9J0k1L2"),
    "NVIDIA": fake("nvapi", "-", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"),
    "GitHub": fake("ghp", "_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"),
    "GitLab": fake("glpat", "-", "a1B2c3D4e5F6g7H8i9J0"),
    "Slack": fake("xoxb", "-", "123456789012-abcdefghij"),
    "Google": fake("AIza", "SyA1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q"),
    "Databricks": fake("dapi", "0123456789abcdef0123456789abcdef"),
    "a web token": fake("eyJ", "hbGciOiJIUzI1NiJ9.", "eyJ", "zdWIiOiIxMjM0NTY3ODkwIn0.", "SflKxwRJSMeKKF2QT4"),
}

HARMLESS = [
    "9c1e5a7b30d24f4f4f4f4f4f4f4f4f4f4f4f4f4f",  # a commit
    "6f595421d0b24329a9bf95b7f198daa9",  # a run id
    "71f3f3199ea5e1f0.2",
    "tr-0123456789abcdef0123456789abcdef",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "token_count: 5",
    "max_tokens: 4096",
    "max_new_tokens: 32768",
    "tokens=2042",
    "total_tokens: 18986496",
    "pad_token: <|endoftext|>",
    "eos_token: </s>",
    "tokenizer: meta-llama/Llama-3.1-8B-Instruct",
    "OPENAI_API_KEY: JUDGE_KEY_NAME",
    "api_key: ${OPENAI_API_KEY}",
    "api_key: null",
    "api_key: None",
    "password: ''",
    "use_auth_token: false",
    "secret: true",
    "basic evaluation of multiple-choice questions",
    "the bearer of bad news arrived",
    "sklearn-pipeline-with-standard-scaler-and-logistic",
    "http://node-17:8000/v1",
    "https://mlflow.example/#/experiments/2/runs/6f595421d0b24329a9bf95b7f198daa9",
    "sqlite:////data/ana/mlflow.db",
    "registry.example/eval-factory:25.09",
    "2026-10-12 07:07:20.239 INFO client: request 99 finish_reason=stop tokens=779",
    "lr-batch-optimizer-grid",
    "risk-adjusted-return-over-the-whole-period",
]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "key: {}", '{{"k": "{}"}}', "--key={}", "({}),"])
def test_a_well_known_key_is_hidden_wherever_it_stands(secret, around):
    masked = mask_text(around.format(secret))

    assert secret not in masked
    assert masked == around.format(HIDDEN)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_a_secret_is_shown(text):
    assert mask_text(text) == text
    assert mask({"value": text}) == {"value": text}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://ana:hunter22@mlflow.example/x", f"https://ana:{HIDDEN}@mlflow.example/x"),
        ("postgresql+psycopg2://u:p4ss@db:5432/m", f"postgresql+psycopg2://u:{HIDDEN}@db:5432/m"),
        ("s3://:secret@bucket", f"s3://:{HIDDEN}@bucket"),
        ("Authorization: Bearer a1b2c3d4e5f6g7h8", f"Authorization: Bearer {HIDDEN}"),
        ("authorization: basic YW5hOmh1bnRlcjIy", f"authorization: basic {HIDDEN}"),
        ("password: correct-horse", f"password: {HIDDEN}"),
        ("DB_PASSWORD=correct-horse", f"DB_PASSWORD={HIDDEN}"),
        ('"api_key": "correct-horse"', f'"api_key": "{HIDDEN}"'),
        ("hf_token: correct-horse-battery", f"hf_token: {HIDDEN}"),
        ("aws_secret_access_key = abc/def+ghi", f"aws_secret_access_key = {HIDDEN}"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nrest", f"{HIDDEN}\nrest"),
    ],
)
def test_what_is_named_a_secret_is_hidden(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "name", ["api_key", "config.deployment.api_key", "password", "DB_PASSWORD", "hf_token", "secret"]
)
def test_a_value_under_a_secret_name_is_hidden_whatever_its_shape(name):
    assert mask({name: "correct horse battery"}) == {name: HIDDEN}
    assert mask({"columns": ["run_id", f"params.{name}"], "rows": [["r", "correct horse"]]})["rows"] == [["r", HIDDEN]]


@pytest.mark.parametrize(
    "name", ["max_new_tokens", "num_tokens", "token_count", "tokenizer", "keys", "monkey", "passes", "secretary"]
)
def test_a_value_under_a_harmless_name_is_shown(name):
    assert mask({name: "correct-horse"}) == {name: "correct-horse"}


def test_numbers_and_the_names_of_variables_are_shown_even_under_a_secret_name():
    assert mask({"api_key": 7, "password": None}) == {"api_key": 7, "password": None}
    assert mask({"OPENAI_API_KEY": "JUDGE_KEY_NAME", "api_key": "${KEY}"}) == {
        "OPENAI_API_KEY": "JUDGE_KEY_NAME",
        "api_key": "${KEY}",
    }


def test_masking_twice_changes_nothing():
    for text in ("password: correct-horse", "https://a:b12345@c/", *SECRETS.values()):
        assert mask_text(mask_text(text)) == mask_text(text)


# --- in answers


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

    assert answer.data["params"]["config.evaluation.tasks.0.overrides.config.params.max_new_tokens"] == "4096"
    assert answer.data["params"]["config.evaluation.env_vars.OPENAI_API_KEY"] == "JUDGE_KEY_NAME"
    assert answer.data["params"]["config.deployment.api_key"] == HIDDEN


def test_a_secret_in_a_tag_or_a_name_is_hidden_too(sqlite_store, ask):
    secret, run_id = SECRETS["Hugging Face"], sqlite_store.seeded.runs["trial-04"]
    with closing(sqlite3.connect(sqlite_store.uri.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", (f"run {secret}", run_id))
        connection.execute("INSERT INTO tags(key, value, run_uuid) VALUES ('note', ?, ?)", (secret, run_id))
        connection.execute("INSERT INTO tags(key, value, run_uuid) VALUES (?, 'x', ?)", (secret, run_id))

    answer = ask(sqlite_store.uri, "get_run", run_id=run_id)

    assert not answer.is_error
    assert secret not in str(answer.result)


def test_a_secret_at_the_place_where_the_words_of_a_picture_are_cut_is_hidden(empty_store, ask):
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
