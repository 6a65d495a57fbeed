"""A store in which the same two secrets are planted wherever a user may leave one, and questions that come across them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from mlflow_mcp.cli.demo.tracing import Recording, Step, Verdict, write
from tests.support import raw_store, simulations
from tests.support.secrets import fake

# One has a look of its own; the other is told by its name alone, and holds what ends a value in some notation.
SHAPED = fake("sk-", "proj-", "q7Rz-2Kd_Xw9", "LmT4vBn8YcH3sJ6fGp1-aE5uWi0o")
NAMED = "correct horse, battery;9&x"
BARE = "correct-horse-9"
WITHOUT_SPANS = "tr-" + "5" * 32
PIECES = ("q7Rz", "2Kd_Xw9", "LmT4vBn8", "YcH3sJ6f", "aE5uWi0o", "orse", "batter")
KEY_LINES = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
    "NMoSfm76oqFvAp8Gy0iz==",
]
CONFIG = f"""\
model: nova
deployment:
  api_key: {BARE}
  password: "{NAMED}"
  env:
    - name: DB_PASSWORD
      value: {BARE}
  secret_key: |
    {BARE}
  api_keys:
    - {BARE}
  url: https://ana:{BARE}@db.example/x
  token: {SHAPED}
  nested: '{json.dumps({"api_key": BARE, "deep": json.dumps({"password": NAMED})})}'
notes:
  harmless: 1
"""
LOG = f"""\
start
using {SHAPED} for requests
run --password '{NAMED}' --api-key {BARE} --x 1
export DB_PASSWORD="{NAMED}"
curl -H 'Authorization: Bearer {BARE}' -u ana:{BARE} https://x
- name: DB_PASSWORD
  value: {BARE}
-----BEGIN PRIVATE KEY-----
{chr(10).join(KEY_LINES)}
-----END PRIVATE KEY-----
end
"""
DOCUMENT = {
    "env": {"OPENAI_API_KEY": BARE, "x": 1},
    "api_key": BARE,
    "password": NAMED,
    "servers": [{"api_key": BARE, "name": "a"}, {"api_key": NAMED, "name": "b"}],
    "pairs": [{"name": "DB_PASSWORD", "value": NAMED}],
    "text": CONFIG,
    "free": SHAPED,
}
TABLE = f'user,password,score\nana,"{NAMED}",0.5\nbob,{BARE},0.25\n' + f'eve,"{NAMED}",0.1\n' * 30
ROWS = "".join(json.dumps({"user": "ana", "password": NAMED, "free": SHAPED, "n": n}) + "\n" for n in range(3))
SAMPLES = "".join(
    json.dumps(
        {
            "id": f"{n} {SHAPED}",
            "api_key": n,
            "prompt": {"question": f"ask {n} with api_key={BARE}", "password": NAMED},
            "expected": {"password": NAMED},
            "response": CONFIG if n % 2 else "x " * 200 + SHAPED + " y" * 200,
            "password": NAMED if n < 4 else BARE,
            "score": n % 2,
        }
    )
    + "\n"
    for n in range(8)
)
SPLIT = {"columns": ["user", "password"], "data": [["ana", NAMED], ["bob", BARE]]}
REPORT = f"<html><body><table><tr><td>api_key</td><td>{BARE}</td></tr></table><p>{SHAPED}</p></body></html>"
FILES = {
    "config.yml": CONFIG,
    "client.log": LOG,
    "data.json": json.dumps(DOCUMENT),
    "users.csv": TABLE,
    "rows.jsonl": ROWS,
    "nested.jsonl": json.dumps({"id": 1, "x": DOCUMENT}) + "\n",
    "samples.jsonl": SAMPLES,
    "table.json": json.dumps(SPLIT),
    "report.html": REPORT,
    "key.pem": LOG,
    f"{SHAPED}.txt": f"api_key={BARE}\n",
}
SELECTS = (
    "env.*", "values(env)", "*.api_key", "[api_key, free]", "{k: api_key}", "api_key || 'x'", "servers[*].api_key", "pairs[0].value",
    "pairs[*].value | [0]", "password", "text", "free", "reverse(free)", "to_string(@)", "servers[].[name, api_key]",
    "sort_by(servers, &name)[1].api_key", "join('', [api_key, password])", "nothing",
)  # fmt: skip


TRACE = Recording(
    "planted",
    f"agent with {SHAPED}",
    raw_store.STARTED,
    [
        Step("agent", "AGENT", 0, 90, None, inputs=DOCUMENT, outputs=CONFIG, error=f"AuthError: api_key={BARE} refused"),
        Step("call", "TOOL", 5, 60, inputs={"headers": {"Authorization": f"Bearer {BARE}"}}, outputs=LOG,
             error=f"AuthError: {SHAPED} refused", attributes={"db_password": NAMED, "url": f"https://ana:{BARE}@x.example"}),
        Step(f"with {SHAPED}", "CHAIN", 60, 80, inputs=json.dumps({"password": NAMED}), outputs=[{"api_key": BARE}]),
    ],
    state="ERROR",
    request=json.dumps({"messages": [{"role": "user", "content": f"my password: '{NAMED}' and {SHAPED}"}]}),
    response=json.dumps({"api_key": BARE, "password": NAMED}),
    session=f"s {SHAPED}",
    user=SHAPED,
    tags={"db_password": NAMED, "note": SHAPED},
    verdicts=[Verdict("leak", SHAPED, f"It says api_key={BARE}", SHAPED)],
)  # fmt: skip
TRACE_FIELDS = (
    "info.tags", "info.tags.db_password", "info.request_preview", "spans.inputs", "spans.outputs", "call.inputs.headers.Authorization",
    "agent.inputs.env.OPENAI_API_KEY", "spans.attributes", "info.assessments", "nowhere", "spans.inputs.servers.*.api_key",
)  # fmt: skip


def plant(uri: str, folder: Path) -> list[str]:
    """Put two runs of an invocation and a trace into the store, and return the runs' ids."""
    write(uri, "0", TRACE)
    runs = []
    for number in (1, 2):
        run_id = raw_store.run_id(number)
        home = folder / run_id / "artifacts"
        home.mkdir(parents=True)
        for name, content in FILES.items():
            # The two differ in their secrets as well.
            (home / name).write_text(content if number == 1 else content.replace("9", "97").replace("nova", "nova2"))
        runs.append(_run(run_id, number, home))
    with raw_store.opened(uri) as db:
        raw_store.add_runs(db, runs)
        db.execute("INSERT INTO experiment_tags(key, value, experiment_id) VALUES ('db_password', ?, 0)", (NAMED,))
        note = f"ask with api_key={BARE} or {SHAPED}"
        db.execute(
            "INSERT INTO experiment_tags(key, value, experiment_id) VALUES ('mlflow.note.content', ?, 0)", (note,)
        )
        _add_trace(db)
    _plant_models(uri)
    _plant_genai(uri)
    return [run.id for run in runs]


def _add_trace(db: sqlite3.Connection) -> None:
    """A trace whose spans never came: its tags and previews hold the secrets."""
    db.execute(
        "INSERT INTO trace_info(request_id, experiment_id, timestamp_ms, execution_time_ms, status, request_preview, response_preview)"
        " VALUES (?, 0, 1788220800000, 7, 'OK', ?, ?)",
        (WITHOUT_SPANS, json.dumps({"password": NAMED, "key": SHAPED}), "x " * 100 + f"api_key={BARE} {SHAPED}"),
    )
    tags = {"db_password": NAMED, "note": "y " * 140 + SHAPED, "mlflow.traceName": f"with {SHAPED}"}
    db.executemany(
        "INSERT INTO trace_tags(request_id, key, value) VALUES (?, ?, ?)",
        [(WITHOUT_SPANS, *tag) for tag in tags.items()],
    )


def _plant_models(uri: str) -> None:
    """Two logged models, and a registered one whose version is the first of them."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    # A cut value of this tag would end within the secret.
    tags = {"db_password": NAMED, "note": f"with {SHAPED}", "long_note": f"{'y ' * 24}{SHAPED}"}
    note = f"ask with api_key={BARE} or {SHAPED}"
    models = [
        client.create_logged_model("0", f"planted-{number}", tags=tags, params={"password": f"{number}{NAMED}"})
        for number in (1, 2)
    ]
    client.create_registered_model("planted", tags, note)
    client.create_model_version("planted", models[0].artifact_location, tags=tags, description=note)


def _plant_genai(uri: str) -> None:
    """Two versions of a prompt, a dataset with a record, and two versions of a scorer."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    store = client._tracking_client.store
    note = f"ask with api_key={BARE} or {SHAPED}"
    client.create_prompt("asking", note, {"db_password": NAMED})
    for number in (1, 2):
        text = f"Version {number}\nuse {SHAPED}\napi_key: {number}{BARE}\npassword: '{NAMED}'\n{{{{question}}}}"
        tags = {"db_password": f"{number}{NAMED}", "note": SHAPED}
        settings = {"model_name": "nova", "api_key": f"{number}{BARE}", "password": NAMED}
        client.create_prompt_version("asking", text, note, tags, model_config=settings)
        judge = {
            "name": "careful",
            "instructions_judge_pydantic_data": {"instructions": f"{text} {note}", "model": SHAPED},
        }
        store.register_scorer("0", "careful", json.dumps(judge))
    dataset = client.create_dataset(f"with {SHAPED}", "0", {"db_password": NAMED})
    inputs = {"question": note, "password": NAMED, "context": {"api_key": BARE, "text": SHAPED}}
    expectations = {"answer": SHAPED, "secret_key": BARE, "headers": [{"name": "password", "value": NAMED}]}
    store.upsert_dataset_records(dataset.dataset_id, [{"inputs": inputs, "expectations": expectations}])


def _run(run_id: str, number: int, home: Path) -> raw_store.RawRun:
    tags = {
        "invocation_id": "71f3f3199ea5e1f0",
        "job_id": f"71f3f3199ea5e1f0.{number}",
        "task_name": f"task{number}",
        "db_password": NAMED if number == 1 else BARE,
        "note": SHAPED,
        "mlflow.note.content": f"password: {NAMED}",
        SHAPED: "x",
    }
    params = {
        "config.deployment.api_key": BARE,
        "password": NAMED if number == 1 else BARE,
        "launcher_command": f"run --api-key {BARE} --password '{NAMED}'",
        "json": json.dumps({"api_key": BARE, "deep": json.dumps({"password": NAMED})}),
    }
    metrics = {"acc": 0.5 + number / 10, f"of {SHAPED}": 1.0}
    return raw_store.RawRun(
        run_id, name=f"with {SHAPED}", artifact_uri=home.as_uri(), metrics=metrics, params=params, tags=tags
    )


def questions(runs: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Calls of every tool: what shows planted data, what quotes it, and what fails with it in hand."""
    first = runs[0]
    return [
        ("get_server_info", {}),
        ("resolve_id", {"id": f"with {SHAPED}"}),
        ("resolve_id", {"id": first}),
        ("search_experiments", {"name": "Default"}),
        ("search_experiments", {"name": SHAPED}),
        ("describe_experiment", {"experiment_id": "0"}),
        ("query_runs", {"params": "*", "tags": "*", "metrics": "*"}),
        ("query_runs", {"query": f"params.password = '{NAMED}'"}),
        ("query_runs", {"query": "params.password = 'no'"}),
        ("query_runs", {"query": "tags.db_password LIKE '%no%'"}),
        ("query_runs", {"query": f"tags.db_password LIKE '{BARE}%' AND oops"}),
        ("search_runs_by_tags", {"tags": {"db_password": "no"}}),
        ("search_runs_by_tags", {"tags": {"db_password": NAMED}}),
        ("query_runs", {"query": f"tags.db_password = '{BARE}'", "params": "*"}),
        ("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"}),
        ("get_invocation", {"invocation_id": SHAPED}),
        ("get_run", {"run_id": first}),
        ("get_run", {"run_id": SHAPED}),
        ("best_runs", {"metric": "acc", "params": "*", "tags": "*"}),
        ("best_runs", {"metric": SHAPED}),
        ("compare_runs", {"run_ids": runs}),
        ("compare_runs", {"run_ids": [*runs, SHAPED]}),
        ("find_similar_runs", {"run_id": first}),
        ("find_similar_runs", {"run_id": first, "ignore": []}),
        ("find_similar_runs", {"params": {"password": NAMED}}),
        ("find_similar_runs", {"params": {SHAPED: SHAPED, "json": "x"}}),
        ("compare_samples", {"run_ids": runs, "artifact_path": "samples.jsonl", "show": "all"}),
        ("compare_samples", {"run_ids": runs, "artifact_path": "samples.jsonl", "show": "all", "limit": 1}),
        ("compare_samples", {"run_ids": runs, "artifact_path": "users.csv"}),
        ("compare_samples", {"run_ids": runs, "metric": SHAPED}),
        ("compare_samples", {"run_ids": runs, "artifact_path": f"{SHAPED}.txt"}),
        ("aggregate_runs", {"metrics": "acc", "group_by": "params.password"}),
        ("aggregate_runs", {"metrics": "*", "group_by": "tags.db_password"}),
        ("get_metric_history", {"run_ids": runs, "metrics": "*"}),
        ("get_metric_history", {"run_ids": runs, "metrics": SHAPED}),
        ("check_run", {"run_ids": runs}),
        ("check_run", {"run_ids": runs[0], "until": f"{SHAPED} > 1"}),
        ("check_run", {"run_ids": ["running"]}),
        ("plot_metrics", {"run_ids": runs, "metrics": "*", "kind": "curves"}),
        ("annotate", {"target": first, "note": "x", "tags": ["db_password=other"], "dry_run": True}),
        ("annotate", {"target": SHAPED, "note": "x"}),
        ("register_model", {"model": SHAPED, "name": SHAPED}),
        ("set_model_alias", {"name": SHAPED, "alias": "a"}),
        ("delete", {"targets": [first, WITHOUT_SPANS], "dry_run": True}),
        ("restore", {"targets": [SHAPED]}),
        ("log_assessment", {"trace_id": WITHOUT_SPANS, "name": SHAPED, "value": 1, "dry_run": True}),
        ("log_run", {"experiment_id": SHAPED, "key": "k", "params": {"db_password": NAMED}}),
        ("log_run", {"experiment_id": "0", "key": "k", "parent_run_id": SHAPED, "dry_run": True}),
        ("plot_metrics", {"run_ids": runs, "metrics": "acc", "kind": "bars"}),
        ("list_artifacts", {"run_id": first}),
        ("list_artifacts", {"run_id": first, "glob": "**/*.txt"}),
        ("download_artifacts", {"run_id": first, "artifact_path": f"{SHAPED}.txt"}),
        ("download_artifacts", {"run_id": first, "artifact_path": f"{SHAPED}.no"}),
        ("summarize_traces", {"query": f"tags.password = '{NAMED}'"}),
        ("summarize_traces", {"group_by": f"tags.{SHAPED}"}),
        *[("summarize_traces", {"group_by": by}) for by in ("name", "span", "failure", "assessment", "session")],
        ("search_traces", {}),
        ("search_traces", {"query": f"tag.password = '{NAMED}'"}),
        ("get_trace", {"trace_id": WITHOUT_SPANS}),
        ("get_trace", {"trace_id": SHAPED}),
        ("export_runs", {"path": "runs.csv"}),
        ("export_runs", {"path": "runs.jsonl"}),
        ("export_runs", {"path": "runs.html", "run_ids": runs}),
        ("export_runs", {"path": f"{SHAPED}.md", "run_ids": runs}),
        ("aggregate_runs", {"metrics": "acc", "group_by": "each"}),
        *_of_files(first),
        *_of_models(),
        *_of_traces(),
        *_of_genai(),
        *[("diff_artifacts", {"run_ids": runs, "artifact_path": name}) for name in (*FILES, "/")],
    ]


def _of_models() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("search_models", {}),
        ("search_models", {"query": f"tags.db_password = '{NAMED}'"}),
        ("search_models", {"query": "tags.db_password = 'no'"}),
        ("search_models", {"query": "tags.long_note = 'no'"}),
        ("search_models", {"query": f"params.password != '{NAMED}' AND name = 'no'"}),
        ("search_models", {"registered": True}),
        ("search_models", {"registered": True, "query": f"name = '{SHAPED}'"}),
        ("get_model", {"model": "planted-1"}),
        ("get_model", {"model": "planted"}),
        ("get_model", {"model": "planted/1"}),
        ("get_model", {"model": "planted-1", "compare_to": "planted-2"}),
        ("get_model", {"model": SHAPED}),
    ]


def _of_genai() -> list[tuple[str, dict[str, Any]]]:
    return [
        *[("search_genai", {"kind": kind}) for kind in ("prompts", "datasets", "scorers")],
        *[("search_genai", {"kind": kind, "query": SHAPED}) for kind in ("prompts", "datasets", "scorers")],
        ("search_genai", {"kind": "prompts", "query": f"tags.db_password = '{NAMED}'"}),
        ("search_genai", {"kind": "datasets", "query": f"tags.db_password = 'no' AND name = '{SHAPED}'"}),
        ("search_genai", {"kind": "scorers", "query": "careful"}),
        *[("get_prompt", {"prompt": text}) for text in ("asking", "asking/1", SHAPED, f"asking@{SHAPED}")],
        ("get_prompt", {"prompt": "asking", "compare_to": "1"}),
        ("get_prompt", {"prompt": "asking", "compare_to": SHAPED}),
        ("get_dataset", {"dataset": f"with {SHAPED}"}),
        ("get_dataset", {"dataset": SHAPED}),
    ]


def _of_traces() -> list[tuple[str, dict[str, Any]]]:
    trace = TRACE.trace_id
    asked: list[tuple[str, dict[str, Any]]] = [("search_traces", {"query": f"name = '{SHAPED}'"})]
    asked += [("search_traces", {"fields": path}) for path in (None, *TRACE_FIELDS)]
    asked += [("get_trace", {"trace_id": text}) for text in (trace, TRACE.session, f"no {SHAPED}")]
    asked += [("get_trace", {"trace_id": trace, "span": span}) for span in ("agent", "call", f"with {SHAPED}", "no")]
    selects = [f"inputs.{each}" for each in SELECTS if "@" not in each and each[0].islower() and "(" not in each]
    selects += [
        "outputs",
        "events[0]",
        'events[0]."exception.message"',
        'attributes."db_password"',
        "attributes.*",
        "to_string(@)",
    ]
    selects += ["values(inputs)", "join(' ', [inputs.api_key, inputs.password])", "inputs.headers.*", "nothing"]
    asked += [
        ("get_trace", {"trace_id": trace, "span": span, "select": s}) for span in ("agent", "call") for s in selects
    ]
    return asked


def _of_files(run: str) -> list[tuple[str, dict[str, Any]]]:
    asked: list[tuple[str, dict[str, Any]]] = []
    for name, content in FILES.items():
        read = {"run_id": run, "artifact_path": name}
        windows: list[dict[str, Any]] = [{}, {"max_lines": 1}, {"max_lines": 2, "start_line": 2}]
        windows += [{"tail": count} for count in range(1, 12)]
        windows += [{"start_line": line} for line in range(2, min(content.count("\n"), 24), 2)]
        step = max(7, len(content) // (40 if simulations.is_thorough else 10))
        windows += [{"start_byte": at} for at in range(0, len(content), step)]
        asked += [("get_artifact_content", {**read, **window}) for window in windows]
    asked += [
        ("get_artifact_content", {"run_id": run, "artifact_path": "data.json", "select": each}) for each in SELECTS
    ]
    asked += [("get_artifact_content", {"run_id": run, "artifact_path": "config.yml", "select": "deployment.*"})]
    asked += [("get_artifact_content", {"run_id": run, "artifact_path": "users.csv", "columns": "password"})]
    patterns = (".", "value", "orse", "ana", "bob", "eve", "AvUD", "sk-", "Fv", "0.5")
    asked += [("search_artifacts", {"run_ids": run, "pattern": each}) for each in patterns]
    asked += [("search_artifacts", {"run_ids": run, "pattern": each, "context": 2}) for each in patterns]
    asked += [
        ("search_artifacts", {"run_ids": run, "pattern": each, "last": True, "max_matches": 3}) for each in patterns
    ]
    return asked
