"""Secrets are hidden in the answers of every tool, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from mlflow_mcp.answers.masking import HIDDEN
from mlflow_mcp.settings import Settings, Toolset, WriteToolset
from mlflow_mcp.tools.catalog import CATALOG
from tests.support import planted as planting
from tests.support import raw_store, stores
from tests.support.asking import rows_of
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
        ("query_runs", {"query": f"tags.invocation_id = '{seeded.candidate}'", "params": "config.*"}),
        ("search_runs_by_tags", {"tags": {"invocation_id": seeded.candidate}}),
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
        ("find_similar_runs", {"run_id": run}),
        ("find_similar_runs", {"params": {"config.deployment.api_key": secret, "lr": 1}}),
        ("compare_samples", {"run_ids": [seeded.candidate, seeded.baseline]}),
        ("aggregate_runs", {"metrics": "mmlu*", "group_by": "params.config.deployment.api_key"}),
        ("get_metric_history", {"run_ids": run, "metrics": secret}),
        ("check_run", {"run_ids": run}),
        ("check_run", {"run_ids": secret}),
        ("check_run", {"run_ids": run, "until": f"{secret} > 1"}),
        ("check_run", {"run_ids": run, "until": secret}),
        ("check_run", {"run_ids": run, "since": secret}),
        ("plot_metrics", {"run_ids": run, "metrics": "*", "kind": "curves"}),
        ("plot_metrics", {"run_ids": run, "metrics": secret}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "deployment"}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "deployment.api_key"}),
        ("search_artifacts", {"run_ids": run, "pattern": "api_key"}),
        ("search_artifacts", {"run_ids": run, "pattern": "walltime", "context": 20}),
        ("diff_artifacts", {"run_ids": [run, f"{seeded.baseline}.0"], "artifact_path": "config"}),
        # What spans hold is asked for in tests/tools/traces.
        ("search_traces", {"query": f"text LIKE '%{secret}%'"}),
        ("search_traces", {"session": secret}),
        ("get_trace", {"trace_id": secret}),
        ("get_trace", {"trace_id": seeded.failed_trace, "span": secret}),
        ("search_models", {"query": f"tags.x = '{secret}'"}),
        ("search_models", {"registered": True, "query": f"name = '{secret}'"}),
        ("get_model", {"model": secret}),
        ("summarize_traces", {"query": f"name = '{secret}'"}),
        ("summarize_traces", {"query": f"text LIKE '%{secret}%'"}),
        ("summarize_traces", {"query": "status = 'OK'", "compare_to": f"name = '{secret}'"}),
        ("summarize_traces", {"group_by": secret}),
        ("summarize_traces", {"group_by": f"tags.{secret}"}),
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


@pytest.fixture
def planted(empty_store, tmp_path):
    """A store with secrets everywhere, its settings, and the ids of its runs."""
    runs = planting.plant(empty_store, tmp_path / "homes")
    folder = str(tmp_path / "files")
    return Settings(
        tracking_uri=empty_store, download_dir=folder, toolsets=get_args(Toolset), allow_write=get_args(WriteToolset)
    ), runs


def shown_pieces(text, words):
    """Which pieces of the planted secrets a text holds, beside the words that the call itself gave."""
    return [piece for piece in (*planting.PIECES, *planting.KEY_LINES) if piece in text and piece not in words]


@pytest.mark.slow
def test_no_tool_shows_a_planted_secret_in_any_form(planted, ask_many):
    settings, runs = planted
    leaks = {}
    with ask_many(settings) as ask:
        for tool, arguments in planting.questions(runs):
            answer = ask(tool, **arguments)
            words = arguments.get("pattern", "")  # what was searched for is repeated
            pieces = shown_pieces(f"{answer.text} {answer.data}", words)
            if pieces:
                leaks[f"{tool} {arguments}"] = pieces, answer.text[:300]

    assert not leaks, "\n".join(f"{call}: {pieces}\n    {text}" for call, (pieces, text) in leaks.items())


@pytest.mark.slow
def test_no_exported_file_holds_a_planted_secret(planted, ask):
    settings, runs = planted
    for path in ("runs.csv", "runs.json", "runs.jsonl", "runs.html", "runs.md"):
        assert not ask(settings, "export_runs", path=path, run_ids=runs).is_error
        assert not shown_pieces((Path(settings.download_dir) / path).read_text(), "")


@pytest.mark.slow
def test_the_planted_secrets_are_shown_without_masking(planted, ask_many):
    """Or nothing would be proved by their absence."""
    settings, runs = planted
    unseen = {*planting.PIECES, *planting.KEY_LINES}
    with ask_many(settings.model_copy(update={"mask_secrets": False})) as ask:
        for tool, arguments in planting.questions(runs):
            answer = ask(tool, **arguments).text
            unseen = {piece for piece in unseen if piece not in answer}
            if not unseen:
                break

    assert not unseen


def test_every_tool_of_the_catalog_is_asked():
    """A new tool needs its questions in `tests/support/planted.py`."""
    assert {tool for tool, _ in planting.questions(["a", "b"])} == {entry.name for entry in CATALOG}


@pytest.mark.slow
def test_the_legend_of_a_plot_shows_no_secret(empty_template, tmp_path, ask):
    """The picture is that of a run whose name says that it is hidden."""
    pictures = {}
    for name in (SECRETS["Hugging Face"], HIDDEN):
        (tmp_path / name[:3]).mkdir()
        uri = stores.copied(empty_template, str(tmp_path / name[:3] / "mlflow.db"))
        stores.filled(uri, [raw_store.RawRun(raw_store.run_id(1), name=name, metrics={"loss": 1.0})])
        for kind in ("bars", "curves"):
            answer = ask(uri, "plot_metrics", run_ids=raw_store.run_id(1), metrics="loss", kind=kind)
            pictures.setdefault(kind, set()).add(answer.result.content[0].data)

    assert [len(of_kind) for of_kind in pictures.values()] == [1, 1]


@pytest.mark.slow
def test_no_secret_is_cut_before_it_is_recognised(empty_store, ask_many):
    """Long texts are cut somewhere in an address with a password: at one of seven places of it, wherever the tool cuts."""
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput

    client = MlflowClient(empty_store)
    names = []
    for pad in range(0, 42, 6):
        text = "." * pad + " postgresql://ana:kestrel7-Xlertsek@db.example/x" * 30
        names.append(f"noted {pad}")
        experiment = client.create_experiment(names[-1])
        client.set_experiment_tag(experiment, "mlflow.note.content", text)
        run = client.create_run(experiment).info.run_id
        client.log_param(run, "place", text)
        client.set_tag(run, "place", text)
        client.log_inputs(run, [DatasetInput(Dataset("data", "5be1f2", "local", text), [])])
        client.create_registered_model(f"model {pad}", description=text)
    with ask_many(empty_store) as ask:
        answers = [ask("search_experiments"), ask("search_models", registered=True)]
        for name in names:
            answers += [
                ask("describe_experiment", experiment_id=name),
                ask("query_runs", experiment_id=name, query="params.place = 'x'"),
                ask("query_runs", experiment_id=name, query="tags.place = 'x'"),
                ask("get_run", run_id=rows_of(ask("query_runs", experiment_id=name).data["runs"])[0]["run_id"]),
            ]

    for answer in answers:
        assert "kest" not in answer.text, answer.text
    assert all("[secr" in answer.text for answer in answers)
