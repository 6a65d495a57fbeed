"""Servers that send too much, something else, or to somewhere else: a sentence that names it, and nothing is made of it."""

from __future__ import annotations

import base64
import json
import threading
import time
import zlib

import pytest

from mlflow_mcp import client
from mlflow_mcp.client.transport import guard
from mlflow_mcp.settings import Settings
from tests.protocol.test_faults import ABSENT, CALLS
from tests.support.servers import answering, faulty_proxy, scripted, stall

pytestmark = pytest.mark.slow

RUN = "0" * 32
JSON = {"Content-Type": "application/json"}
NOT_MLFLOW = "is not an MLflow tracking server"
# Whatever is asked of them, they begin with a list of experiments.
EXPERIMENTS = json.dumps({"experiments": [{"experiment_id": "1", "name": "evals", "last_update_time": 1}]})


def impatient(uri):
    return Settings(tracking_uri=uri, probe_timeout=0.5)


def gzipped(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)) + packer.flush()


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
def test_an_answer_that_is_too_large_is_not_read(packed, ask, monkeypatch):
    """600 MB in 600 kB were 2.5 GB of memory and "no active runs"."""
    monkeypatch.setattr(guard, "LARGEST_ANSWER", 5_000_000)
    body = gzipped(600_000_000) if packed else b" " * 20_000_000
    with answering(200, body, headers={"Content-Encoding": "gzip"} if packed else {}) as uri:
        answers = [ask(uri, tool, **arguments) for tool, arguments in CALLS if tool != "get_artifact_content"]

    for answer in answers:
        assert answer.is_error
        assert answer.text.startswith(f"The answer of {uri} is larger than 5 MB and was not read to its end."), (
            answer.text
        )


def test_bytes_that_are_no_gzip_are_told(ask, snapshot_error):
    with answering(200, b"no gzip", headers={"Content-Encoding": "gzip"}) as uri:
        snapshot_error(ask(uri, "query_runs"))


BODIES = {
    "empty object": "{}",
    "status": '{"status": "ok"}',
    "empty": "",
    "list": "[]",
    "html": "<html><body>Sign in</body></html>",
    "no ids": '{"experiments": [{}], "runs": [{}], "run": {}, "files": [{}], "metrics": [{}], "experiment": {}}',
    "wrong types": '{"experiments": 7, "runs": "x", "run": [], "files": {"a": 1}, "metrics": 3}',
    "null fields": '{"experiments": null, "runs": null, "run": null, "files": null, "root_uri": null}',
    "an object for a list": '{"files": {}, "root_uri": "x", "experiments": {}, "runs": {}}',
    "nested deeply": "[" * 50_000,
    "nested wrongly": '{"experiments": [[1]], "runs": [{"info": 3}], "run": {"info": []}, "files": [7], "metrics": ["x"]}',
}
MORE_CALLS = [
    *CALLS,
    ("best_runs", {"metric": "accuracy", "mode": "max"}),
    ("describe_experiment", {"experiment_id": "1"}),
    ("query_runs", {"experiment_id": "1"}),
    ("get_metric_history", {"run_ids": RUN, "metrics": "loss"}),
    ("check_run", {"run_ids": RUN}),
    ("check_run", {"run_ids": ["running"], "wait_s": 5}),
    ("compare_runs", {"run_ids": [RUN, "1" * 32]}),
    ("find_similar_runs", {"params": {"lr": 1}}),
    ("compare_samples", {"run_ids": [RUN, "1" * 32]}),
    ("search_artifacts", {"run_ids": RUN, "pattern": "x"}),
    ("download_artifacts", {"run_ids": RUN}),
    ("aggregate_runs", {"metrics": "accuracy", "group_by": "params.lr"}),
    ("list_artifacts", {"run_id": "m-" + "0" * 32}),
    ("summarize_traces", {"experiment_id": "1"}),
    ("summarize_traces", {"experiment_id": "1", "group_by": "failure"}),
    ("summarize_traces", {"experiment_id": "1", "query": "execution_time_ms > 1"}),
]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_none_of_mlflows_is_never_an_empty_store(body, ask_many):
    with answering(200, body) as uri, ask_many(uri) as ask:
        answers = [ask(tool, **arguments) for tool, arguments in MORE_CALLS if tool != "get_artifact_content"]

    for answer in answers:
        assert answer.is_error, f"{answer.call}: {answer.data}"
        assert NOT_MLFLOW in answer.text, f"{answer.call}: {answer.text}"
        assert not any(word in answer.text for word in ABSENT), answer.text


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_gateway_that_forgets_its_server_in_the_middle_is_noticed(body, mlflow_server, ask):
    """The lists are MLflow's; what one run is asked for is not."""
    run_id = mlflow_server.seeded.runs[mlflow_server.seeded.log_run]
    for route, tool in (("runs/get", "get_run"), ("artifacts/list", "list_artifacts")):
        with faulty_proxy(mlflow_server.uri, fixed(route, body)) as proxy:
            answer = ask(proxy.uri, tool, run_id=run_id)

        assert answer.is_error, answer.data
        assert NOT_MLFLOW in answer.text, answer.text


TRACE = "tr-" + "0" * 32


@pytest.mark.parametrize("name", ["status", "list", "html", "wrong types", "null fields", "nested wrongly"])
@pytest.mark.parametrize(
    ("tool", "arguments"), [("search_traces", {"experiment_id": "1"}), ("get_trace", {"trace_id": TRACE})]
)
def test_a_gateway_that_knows_experiments_only_has_no_empty_list_of_traces(name, tool, arguments, ask):
    body = BODIES[name].replace('"runs"', '"traces"').replace('"run"', '"trace"')

    def answer(handler):
        is_of_traces = (
            "/traces" in handler.path or "logged-models" in handler.path or "/search-datasets" in handler.path
        )
        one = '{"experiment": {"experiment_id": "1", "name": "evals", "lifecycle_stage": "active"}}'
        handler.reply(
            200, (body if is_of_traces else one if "experiments/get" in handler.path else EXPERIMENTS).encode(), JSON
        )

    with scripted(answer) as uri:
        found = ask(uri, tool, **arguments)

    assert found.is_error, found.data
    assert NOT_MLFLOW in found.text, found.text
    assert not any(word in found.text for word in ABSENT), found.text


def fixed(route, body):
    from tests.support.servers import fail

    return fail(200, route, body=body)


def test_a_redirect_to_another_host_is_not_followed(ask, snapshot_error):
    with answering(200, EXPERIMENTS) as other, answering(302, headers={"Location": f"{other}/x"}) as uri:
        answer = ask(uri, "search_experiments")

    snapshot_error(answer, "http://127.0.0.1:<other>")


def test_a_redirect_on_the_same_host_is_followed(ask):
    def answer(handler):
        if handler.path.startswith("/moved"):
            handler.reply(200, EXPERIMENTS.encode(), JSON)
        else:
            handler.reply(307, b"", {"Location": f"/moved{handler.path}"})

    with scripted(answer) as uri:
        assert ask(uri, "search_experiments").data["experiments"]["rows"]


def test_a_redirect_in_circles_is_told(ask, snapshot_error):
    with answering(302, headers={"Location": "/again"}) as uri:
        snapshot_error(ask(uri, "query_runs"))


def test_an_api_that_hangs_behind_a_quick_health_check_is_reported_soon(mlflow_server, ask):
    started = time.monotonic()
    with faulty_proxy(mlflow_server.uri, stall("/api/")) as proxy:
        answer = ask(impatient(proxy.uri), "query_runs")

    assert "accepts connections but does not answer (nothing came within 1 s)" in answer.text
    assert time.monotonic() - started < 6


def test_an_answer_that_stops_in_its_middle_is_reported_soon(mlflow_server, ask):
    started = time.monotonic()
    with faulty_proxy(mlflow_server.uri, stall("runs/search", after=100)) as proxy:
        answer = ask(impatient(proxy.uri), "query_runs")

    assert answer.text.startswith(f"The MLflow server at {proxy.uri} stopped in the middle of an answer."), answer.text
    assert time.monotonic() - started < 6


def test_a_server_that_sends_a_little_at_a_time_is_waited_for(ask):
    """No answer to anything else: the bytes of the one request are the sign of life."""
    wait = threading.Event()

    def answer(handler):
        if handler.command == "GET":  # the question for a sign of life
            wait.wait(5)
            return
        handler.send_response_only(200)
        handler.send_header("Content-Length", str(len(EXPERIMENTS)))
        handler.end_headers()
        for letter in range(0, len(EXPERIMENTS), 8):
            handler.wfile.write(EXPERIMENTS[letter : letter + 8].encode())
            handler.wfile.flush()
            wait.wait(0.2)

    with scripted(answer) as uri:
        found = ask(impatient(uri), "search_experiments")

    assert not found.is_error, found.text


@pytest.mark.parametrize("token", ["same", "new"])
def test_pages_of_experiments_that_repeat_without_end_are_told(token, ask):
    numbers = iter(range(10**9))

    def answer(handler):
        page = json.loads(EXPERIMENTS) | {"next_page_token": "t" if token == "same" else f"t{next(numbers)}"}
        handler.reply(200, json.dumps(page).encode(), JSON)

    with scripted(answer) as uri:
        found = ask(uri, "query_runs")

    assert found.text.startswith(f"The MLflow server at {uri} repeats a page of its list of experiments without end.")


# What hangs, and the calls that can do without it.
HANGING = "get-artifact|artifacts/list|get-history"


@pytest.mark.parametrize(
    ("tool", "arguments", "shown"),
    [
        ("get_run", {"run_id": "log_run"}, "metrics"),
        ("get_invocation", {"invocation_id": "candidate"}, "tasks"),
        ("compare_runs", {"run_ids": ["baseline", "candidate"]}, "verdicts"),
        ("best_runs", {"metric": "mmlu-pro_pass_at_1_symbolic_correct"}, "runs"),
    ],
)
def test_scores_are_shown_though_the_artifact_store_and_histories_hang(
    tool, arguments, shown, mlflow_server, ask, monkeypatch
):
    monkeypatch.setattr(client, "PART_SECONDS", 1.0)
    known = {name: getattr(mlflow_server.seeded, name) for name in ("log_run", "candidate", "baseline")}
    filled = {
        name: [known.get(each, each) for each in value] if isinstance(value, list) else known.get(value, value)
        for name, value in arguments.items()
    }
    started = time.monotonic()
    with faulty_proxy(mlflow_server.uri, stall(HANGING)) as proxy:
        answer = ask(proxy.uri, tool, **filled)

    assert not answer.is_error, answer.text
    assert answer.data[shown]
    assert "no error recorded" not in answer.text  # nobody has looked
    assert "within 1 s" in " ".join(answer.data.get("notes", ())), answer.data
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("compare_to", [None, "ckpt-300"])
def test_a_model_is_shown_though_its_files_hang(compare_to, models_server, ask, monkeypatch):
    monkeypatch.setattr(client, "PART_SECONDS", 1.0)
    more = {"compare_to": models_server.models[compare_to]} if compare_to else {}
    started = time.monotonic()
    with faulty_proxy(models_server.uri, stall("mlflow-artifacts/artifacts")) as proxy:
        answer = ask(proxy.uri, "get_model", model=models_server.models["large"], **more)

    assert not answer.is_error, answer.text
    assert answer.data["metrics"]
    assert "Its files could not be read: " in " ".join(answer.data["notes"])
    assert time.monotonic() - started < 10


def test_when_it_last_logged_is_left_out_though_its_history_hangs(http_home, ask, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setattr(client, "PART_SECONDS", 1.0)
    run_id = MlflowClient(http_home.uri).create_run("0", run_name="under way").info.run_id
    MlflowClient(http_home.uri).log_metric(run_id, "loss", 1.0)
    with faulty_proxy(http_home.uri, stall("get-history")) as proxy:
        answer = ask(proxy.uri, "get_run", run_id=run_id)

    assert answer.data["metrics"] == {"loss": 1}
    assert answer.data["notes"] == ["When it last logged did not all come within 1 s; what is missing is left out."]


def test_a_user_without_permissions_is_told_that_they_may_be_missing(ask_many):
    """MLflow's permissions leave out of lists what may not be read; the status is 200."""

    def answer(handler):
        handler.reply(200, b"3.1.4" if handler.path == "/version" else b"{}", JSON)

    with scripted(answer) as uri, ask_many(uri) as ask:
        answers = [
            ask("query_runs"),
            ask("query_runs"),
            ask("search_experiments"),
            ask("best_runs", metric="accuracy", mode="max"),
            ask("get_invocation", invocation_id="71f3f3199ea5e1f0"),
            ask("query_runs", experiment_id="evals"),
        ]

    for found in answers:
        assert "or they lack the permission to read any" in found.text, found.text
        assert "no active runs here at all" not in found.text


def test_a_cursor_that_is_nested_too_deeply_is_refused(sqlite_template, ask):
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")

    answer = ask(sqlite_template.uri, "query_runs", cursor=nested)

    assert answer.text.startswith("This cursor is not one that this server gave.")


def test_steps_beyond_64_bits_are_the_last_step(both_curves, ask):
    from mlflow import MlflowClient

    run = next(iter(MlflowClient(both_curves).search_runs([*map(str, range(20))], max_results=50)))
    name = next(iter(run.data.metrics))
    whole = ask(both_curves, "get_metric_history", run_ids=run.info.run_id, metrics=name)
    beyond = ask(
        both_curves,
        "get_metric_history",
        run_ids=run.info.run_id,
        metrics=name,
        start_step=-(2**70),
        end_step=2**70,
    )

    assert not beyond.is_error, beyond.text
    assert not whole.is_error
