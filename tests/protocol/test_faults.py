"""Servers that are down, slow, wrong or refuse: one sentence, soon, and the next call works.

Each fault is real: a port where nobody listens, a socket that hangs up, a proxy that stalls or cuts an answer.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlflow_mcp.settings import Settings
from tests.support.servers import (
    answering,
    closing_server,
    cut,
    fail,
    faulty_proxy,
    refused_uri,
    stall,
    stalling_server,
    unknown_route,
)

# Calls of every kind: lists, ids, tables, one thing, files.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_server_info", {}),
    ("resolve_id", {"id": "71f3f3199ea5e1f0"}),
    ("search_experiments", {"name": "llama"}),
    ("query_runs", {"query": "metrics.accuracy > 0.5"}),
    ("search_runs_by_tags", {"experiment_id": "evals", "tags": {"invocation_id": "71f3f3199ea5e1f0"}}),
    ("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"}),
    ("get_run", {"run_id": "0123456789abcdef0123456789abcdef"}),
    ("list_artifacts", {"run_id": "0123456789abcdef0123456789abcdef"}),
    ("get_artifact_content", {"run_id": "0123456789abcdef0123456789abcdef", "artifact_path": "config.yml"}),
    ("search_models", {}),
    ("search_models", {"registered": True}),
    ("get_model", {"model": "m-0123456789abcdef0123456789abcdef"}),
    ("get_model", {"model": "models:/shop@champion"}),
]
ABSENT = ("No run", "No experiment", "is no id", "has no artifact", "None of", "MLflow has no such thing")
HTML = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in</body></html>"


def impatient(uri):
    """Half a second of silence is enough, so that the tests are quick."""
    return Settings(tracking_uri=uri, probe_timeout=0.5)


def every_tool_says_so(ask_many, uri, snapshot_error, case="every tool"):
    """In the same words, and none calls absent what it could not ask for."""
    with ask_many(uri) as ask:
        answers = [(tool, ask(tool, **arguments)) for tool, arguments in CALLS]
    assert len({answer.text for _, answer in answers}) == 1
    for tool, answer in answers:
        assert answer.data is None, tool
        assert not any(word in answer.text for word in ABSENT), f"{tool}: unreachable is not absent: {answer.text}"
        snapshot_error(answer, case)


def test_a_refused_connection_is_reported_by_every_tool(ask_many, snapshot_error):
    with refused_uri() as uri:
        every_tool_says_so(ask_many, uri, snapshot_error)


def test_an_unknown_host_name_is_reported(ask):
    answer = ask("http://mlflow.invalid", "get_server_info")

    assert answer.is_error
    assert answer.text.startswith(
        "The MLflow server at http://mlflow.invalid cannot be reached: its host name is unknown."
    )


def test_an_alias_of_an_unreachable_server_is_not_called_unknown(ask):
    """Whatever the host is called."""
    answer = ask("http://alias.invalid", "list_artifacts", run_id="models:/classifier@champion")

    assert answer.is_error
    assert answer.text.startswith(
        "The MLflow server at http://alias.invalid cannot be reached: its host name is unknown."
    )


def test_a_silent_server_is_reported(ask, snapshot_error):
    with stalling_server() as uri:
        answer = ask(impatient(uri), "get_invocation", invocation_id="71f3f3199ea5e1f0")

    snapshot_error(answer)


def test_a_server_that_hangs_up_is_reported_by_every_tool(ask_many, snapshot_error):
    with closing_server() as uri:
        every_tool_says_so(ask_many, uri, snapshot_error)


@pytest.mark.parametrize(("status", "words"), [(401, "does not accept the credentials"), (403, "refuses access")])
def test_a_refusal_of_basic_auth_is_not_taken_for_another_kind_of_server(status, words, ask):
    """MLflow's own app sends plain text and calls it HTML."""
    with answering(status, "Permission denied", "text/html; charset=utf-8") as uri:
        answer = ask(uri, "get_run", run_id="0123456789abcdef0123456789abcdef")

    assert answer.is_error
    assert words in answer.text


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("body", ["", "nope"], ids=["empty", "text"])
def test_a_bad_status_is_reported_by_every_tool(status, body, ask_many, snapshot_error):
    with answering(status, body) as uri:
        every_tool_says_so(ask_many, uri, snapshot_error, status)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_gateway_error_is_quoted(status, ask, snapshot_error):
    with answering(status, '{"detail": "Not authenticated"}') as uri:
        answer = ask(uri, "query_runs")

    snapshot_error(answer)


@pytest.mark.parametrize("status", [200, 404])
def test_an_html_page_is_not_taken_for_mlflow(status, ask_many, snapshot_error):
    with answering(status, HTML, "text/html") as uri:
        every_tool_says_so(ask_many, uri, snapshot_error, status)


@pytest.mark.parametrize("body", ["[1, 2]", '"text"', "17", "null", "{", "not json"])
def test_json_that_is_not_from_mlflow_is_an_error(body, ask_many):
    """A 200 with some JSON of another make must not become an empty result."""
    with answering(200, body) as uri, ask_many(uri) as ask:
        # The content of a file may be anything.
        answers = [ask(tool, **arguments) for tool, arguments in CALLS if tool != "get_artifact_content"]

    for answer in answers:
        assert answer.is_error
        assert not any(word in answer.text for word in ABSENT), answer.text


def test_a_truncated_answer_is_an_error(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, cut("runs/search")) as proxy:
        answer = ask(proxy.uri, "query_runs", query="metrics.accuracy > 0.5")

    assert answer.is_error
    assert answer.text.startswith(f"{proxy.uri} broke off the connection before the answer was complete.")


def test_a_failing_page_of_runs_is_an_error(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri) as proxy:
        first = ask(proxy.uri, "query_runs", limit=5)
        proxy.faults.append(fail(500, "runs/search"))
        second = ask(proxy.uri, "query_runs", limit=5, cursor=first.data["next_cursor"])

    assert second.is_error
    assert second.text.startswith(f"The MLflow server at {proxy.uri} returned an internal error (500).")


@pytest.mark.parametrize(
    "fault",
    [fail(401), fail(403), fail(404), fail(429), fail(500), fail(503), cut(after=1)],
    ids=["401", "403", "404", "429", "500", "503", "cut"],
)
def test_the_call_after_a_failure_works(fault, mlflow_server, ask_many):
    candidate = mlflow_server.seeded.candidate
    with faulty_proxy(mlflow_server.uri, fault) as proxy, ask_many(proxy.uri) as ask:
        bad = ask("get_invocation", invocation_id=candidate)
        proxy.faults.clear()
        good = ask("get_invocation", invocation_id=candidate)

    assert bad.is_error
    assert not any(word in bad.text for word in ABSENT), bad.text
    assert len(good.data["tasks"]["rows"]) == 4


def test_the_call_after_a_silence_works(mlflow_server, ask_many):
    candidate = mlflow_server.seeded.candidate
    with faulty_proxy(mlflow_server.uri, stall()) as proxy, ask_many(impatient(proxy.uri)) as ask:
        bad = ask("get_invocation", invocation_id=candidate)
        proxy.faults.clear()
        good = ask("get_invocation", invocation_id=candidate)

    assert bad.is_error
    assert "accepts connections but does not answer" in bad.text
    assert len(good.data["tasks"]["rows"]) == 4


# As MLflow's own server answers, and as Databricks does.
NO_ROUTE = [
    unknown_route("logged-models|traces"),
    fail(404, "logged-models|traces", body='{"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found"}'),
]


@pytest.mark.parametrize("fault", NO_ROUTE, ids=["page", "code"])
def test_a_server_without_a_feature_is_not_one_without_the_id(fault, mlflow_server, ask_many, snapshot_error):
    model, trace = "m-" + "0" * 32, "tr-" + "0" * 32
    with faulty_proxy(mlflow_server.uri, fault) as proxy, ask_many(proxy.uri) as ask:
        answers = {
            "logged models": [
                ask("resolve_id", id=model),
                ask("list_artifacts", run_id=model),
                ask("list_artifacts", run_id=f"models:/{model}"),
            ],
            "traces": [ask("resolve_id", id=trace)],
        }

    for feature, of_feature in answers.items():
        for answer in of_feature:
            snapshot_error(answer, feature)


def test_a_run_is_found_though_the_server_has_no_logged_models(http_home, ask):
    """A run that is named like the id of a logged model."""
    from mlflow import MlflowClient

    run = MlflowClient(http_home.uri).create_run("0", run_name="m-odd").info.run_id
    with faulty_proxy(http_home.uri, unknown_route("logged-models")) as proxy:
        answer = ask(proxy.uri, "resolve_id", id="m-odd")

    assert [found["id"] for found in answer.data["found"]] == [run]
    assert answer.data["notes"] == [
        f"The MLflow server at {proxy.uri} does not support logged models, which need MLflow 3.0 or newer. "
        "search_models(registered=true) lists its registered models, list_artifacts the models among a run's files."
    ]


def test_an_html_page_is_not_taken_for_an_older_server(ask):
    with answering(404, HTML, "text/html") as uri:
        answer = ask(uri, "list_artifacts", run_id="m-" + "0" * 32)

    assert answer.is_error
    assert answer.text.startswith(f"What answers at {uri} is not an MLflow tracking server")


def test_a_run_that_a_failing_server_does_not_show_is_not_called_unknown(mlflow_server, ask, snapshot_error):
    with faulty_proxy(mlflow_server.uri, fail(503, "runs/get|runs/search")) as proxy:
        for run_id in (mlflow_server.seeded.log_run, "f" * 32):
            answer = ask(proxy.uri, "get_run", run_id=run_id)

            snapshot_error(answer)


def test_a_run_is_shown_though_its_files_cannot_be_listed(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(500, "artifacts/list")) as proxy:
        answer = ask(proxy.uri, "get_run", run_id=mlflow_server.seeded.log_run)

    assert answer.data["metrics"]
    assert "artifacts" not in answer.data
    assert answer.data["notes"] == [
        f"Its artifacts could not be listed: The MLflow server at {proxy.uri} returned an internal error (500). "
        "Retry once; if it persists, ask the administrator to check the server log."
    ]


def test_the_message_of_a_refused_request_is_passed_on(ask, snapshot_error):
    told = json.dumps({"error_code": "PERMISSION_DENIED", "message": "ana may not read experiment 7"})
    with answering(400, told) as uri:
        answer = ask(uri, "query_runs")

    snapshot_error(answer)


def test_credentials_in_the_uri_are_never_shown(ask_many):
    with answering(401) as uri:
        with_password = uri.replace("http://", "http://ana:hunter22@")
        with ask_many(with_password) as ask:
            answers = [ask(tool, **arguments) for tool, arguments in CALLS]

    for answer in answers:
        assert answer.is_error
        assert "hunter22" not in answer.text
        assert "http://***@127.0.0.1:" in answer.text


def test_a_broken_filter_is_answered_with_what_mlflow_says(both_stores, ask):
    answer = ask(both_stores.uri, "query_runs", query="metrics.accuracy is high")

    assert answer.is_error
    assert answer.text.startswith("MLflow does not accept this: ")
    assert " Correct it and call again. A filter is written so: " in answer.text


@pytest.mark.parametrize("body", ["{}", '{"status": "ok"}'])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_server_info", {}),
        ("get_run", {"run_id": "0" * 32}),
        ("list_artifacts", {"run_id": "0" * 32}),
        ("query_runs", {}),
        ("search_experiments", {}),
        ("search_models", {}),
        ("search_models", {"registered": True}),
        ("get_model", {"model": "m-" + "0" * 32}),
        ("get_model", {"model": "models:/shop/1"}),
    ],
)
def test_json_without_a_field_of_mlflow_is_no_answer_of_mlflow(tool, arguments, body, ask):
    with answering(200, body) as uri:
        answer = ask(uri, tool, **arguments)

    assert answer.is_error, answer.text
    assert answer.text.startswith(f"What answers at {uri} is not an MLflow tracking server")


@pytest.mark.slow
def test_one_route_that_hangs_is_told_apart_from_a_silent_server(mlflow_server, ask):
    """A slow search looks the same, so it has the call's whole time; what is known is said then."""
    with faulty_proxy(mlflow_server.uri, stall("runs/search")) as proxy:
        answer = ask(Settings(tracking_uri=proxy.uri, probe_timeout=0.3, timeout=3), "query_runs")

    assert answer.is_error
    assert "did not finish within 3 s. The server sent nothing for this request, and answers others" in answer.text
