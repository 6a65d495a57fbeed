"""Servers that are down, slow, wrong or refuse: one sentence, soon, and the next call works.

Each fault is real: a port where nobody listens, a socket that hangs up, a proxy that stalls or cuts an answer.
"""

from __future__ import annotations

import json

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
)

# Calls of every kind: lists, ids, tables, one thing, files.
CALLS = [
    ("get_server_info", {}),
    ("resolve_id", {"id": "71f3f3199ea5e1f0"}),
    ("search_experiments", {"name": "llama"}),
    ("query_runs", {"query": "metrics.accuracy > 0.5"}),
    ("search_runs_by_tags", {"experiment_id": "evals", "tags": {"invocation_id": "71f3f3199ea5e1f0"}}),
    ("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"}),
    ("get_run", {"run_id": "0123456789abcdef0123456789abcdef"}),
    ("list_artifacts", {"run_id": "0123456789abcdef0123456789abcdef"}),
    ("get_artifact_content", {"run_id": "0123456789abcdef0123456789abcdef", "artifact_path": "config.yml"}),
]
ABSENT = ("No run", "No experiment", "is no id", "has no artifact", "None of", "MLflow has no such thing")
HTML = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in</body></html>"


def impatient(uri):
    """Half a second of silence is enough, so that the tests are quick."""
    return Settings(tracking_uri=uri, probe_timeout=0.5)


def is_told_of_by_every_tool(ask_many, uri, sentence):
    with ask_many(uri) as ask:
        answers = [(tool, ask(tool, **arguments)) for tool, arguments in CALLS]
    for tool, answer in answers:
        assert answer.is_error, tool
        assert answer.data is None, tool
        assert not any(word in answer.text for word in ABSENT), f"{tool}: unreachable is not absent: {answer.text}"
        assert answer.text == sentence.format(uri=uri), tool


def test_nobody_listens(ask_many):
    with refused_uri() as uri:
        is_told_of_by_every_tool(
            ask_many,
            uri,
            "The MLflow server at {uri} cannot be reached: nothing answers there. Check MLFLOW_TRACKING_URI in the "
            "host's env block, and that the server runs and this machine may reach it.",
        )


def test_the_host_name_is_unknown(ask):
    answer = ask("http://mlflow.invalid", "get_server_info")

    assert answer.is_error
    assert answer.text.startswith(
        "The MLflow server at http://mlflow.invalid cannot be reached: its host name is unknown."
    )


def test_the_server_is_silent(ask):
    with stalling_server() as uri:
        answer = ask(impatient(uri), "get_invocation", invocation_id="71f3f3199ea5e1f0")

    assert answer.is_error
    assert answer.text == (
        f"The MLflow server at {uri} accepts connections but does not answer. "
        "It may be overloaded or stuck: try again in a minute, or check MLFLOW_TRACKING_URI."
    )


def test_the_server_hangs_up(ask_many):
    with closing_server() as uri:
        is_told_of_by_every_tool(
            ask_many,
            uri,
            "{uri} broke off the connection before the answer was complete. Try once more; if it stays, check "
            "MLFLOW_TRACKING_URI (http or https, port, path) or ask the server's operator.",
        )


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            401,
            "The MLflow server at {uri} does not accept the credentials (401). Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
        ),
        (
            403,
            "The MLflow server at {uri} refuses access with these credentials (403). Its operator has to grant read "
            "permission, or set other MLFLOW_TRACKING_USERNAME/PASSWORD or MLFLOW_TRACKING_TOKEN.",
        ),
        (
            404,
            "What answers at {uri} is not an MLflow tracking server (status 404, no MLflow answer). Check "
            "MLFLOW_TRACKING_URI: a missing path prefix, a log-in page or a proxy in between look like this.",
        ),
        (429, "The MLflow server at {uri} is overloaded (429). Try again in a minute."),
        (
            500,
            "The MLflow server at {uri} failed inside (500). "
            "Try once more; if it stays, its operator has to look at its log.",
        ),
        (503, "The MLflow server at {uri} is overloaded (503). Try again in a minute."),
    ],
)
@pytest.mark.parametrize("body", ["", "nope"], ids=["empty", "text"])
def test_the_server_answers_with_a_bad_status(status, sentence, body, ask_many):
    with answering(status, body) as uri:
        is_told_of_by_every_tool(ask_many, uri, sentence)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_gateway_refuses_in_words_of_its_own(status, ask):
    with answering(status, '{"detail": "Not authenticated"}') as uri:
        answer = ask(uri, "query_runs")

    assert answer.is_error
    assert answer.text == (
        f"What answers at {uri} reports an error that is not MLflow's: {{'detail': 'Not authenticated'}}. "
        "A gateway or log-in proxy answers like this: check MLFLOW_TRACKING_URI and the credentials "
        "(MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)."
    )


@pytest.mark.parametrize(("status", "told"), [(200, 200), (404, 404)])
def test_a_page_for_people_answers(status, told, ask_many):
    with answering(status, HTML, "text/html") as uri:
        is_told_of_by_every_tool(
            ask_many,
            uri,
            f"What answers at {{uri}} is not an MLflow tracking server (status {told}, no MLflow answer). Check "
            "MLFLOW_TRACKING_URI: a missing path prefix, a log-in page or a proxy in between look like this.",
        )


@pytest.mark.parametrize("body", ["[1, 2]", '"text"', "17", "null", "{", "not json"])
def test_what_answers_is_not_what_mlflow_says(body, ask_many):
    """A 200 with some JSON of another make must not become an empty result."""
    with answering(200, body) as uri, ask_many(uri) as ask:
        # The content of a file may be anything.
        answers = [ask(tool, **arguments) for tool, arguments in CALLS if tool != "get_artifact_content"]

    for answer in answers:
        assert answer.is_error
        assert not any(word in answer.text for word in ABSENT), answer.text


def test_an_answer_cut_in_the_middle_is_no_answer(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, cut("runs/search")) as proxy:
        answer = ask(proxy.uri, "query_runs", query="metrics.accuracy > 0.5")

    assert answer.is_error
    assert answer.text.startswith(f"{proxy.uri} broke off the connection before the answer was complete.")


def test_a_page_that_fails_is_not_the_end_of_the_results(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri) as proxy:
        first = ask(proxy.uri, "query_runs", limit=5)
        proxy.faults.append(fail(500, "runs/search"))
        second = ask(proxy.uri, "query_runs", limit=5, cursor=first.data["next_cursor"])

    assert second.is_error
    assert second.text.startswith(f"The MLflow server at {proxy.uri} failed inside (500).")


@pytest.mark.parametrize(
    "fault",
    [fail(401), fail(403), fail(404), fail(429), fail(500), fail(503), cut(after=1)],
    ids=["401", "403", "404", "429", "500", "503", "cut"],
)
def test_the_next_call_works(fault, mlflow_server, ask_many):
    candidate = mlflow_server.seeded.candidate
    with faulty_proxy(mlflow_server.uri, fault) as proxy, ask_many(proxy.uri) as ask:
        bad = ask("get_invocation", invocation_id=candidate)
        proxy.faults.clear()
        good = ask("get_invocation", invocation_id=candidate)

    assert bad.is_error
    assert not any(word in bad.text for word in ABSENT), bad.text
    assert len(good.data["tasks"]["rows"]) == 4


def test_the_next_call_works_after_a_silence(mlflow_server, ask_many):
    candidate = mlflow_server.seeded.candidate
    with faulty_proxy(mlflow_server.uri, stall()) as proxy, ask_many(impatient(proxy.uri)) as ask:
        bad = ask("get_invocation", invocation_id=candidate)
        proxy.faults.clear()
        good = ask("get_invocation", invocation_id=candidate)

    assert bad.is_error
    assert "accepts connections but does not answer" in bad.text
    assert len(good.data["tasks"]["rows"]) == 4


def test_a_run_that_a_failing_server_does_not_show_is_not_called_unknown(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(503, "runs/get|runs/search")) as proxy:
        for run_id in (mlflow_server.seeded.log_run, "f" * 32):
            answer = ask(proxy.uri, "get_run", run_id=run_id)

            assert answer.is_error
            assert answer.text == f"The MLflow server at {proxy.uri} is overloaded (503). Try again in a minute."


def test_a_run_is_shown_though_its_files_cannot_be_listed(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(500, "artifacts/list")) as proxy:
        answer = ask(proxy.uri, "get_run", run_id=mlflow_server.seeded.log_run)

    assert answer.data["metrics"]
    assert "artifacts" not in answer.data
    assert answer.data["notes"] == [
        f"Its artifacts could not be listed: The MLflow server at {proxy.uri} failed inside (500). "
        "Try once more; if it stays, its operator has to look at its log."
    ]


def test_what_the_server_says_of_a_refused_request_is_passed_on(ask):
    told = json.dumps({"error_code": "PERMISSION_DENIED", "message": "ana may not read experiment 7"})
    with answering(400, told) as uri:
        answer = ask(uri, "query_runs")

    assert answer.is_error
    assert answer.text == (
        "The MLflow server refuses access: ana may not read experiment 7. "
        "Its operator has to grant read permission to these credentials."
    )


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
    assert answer.text.endswith(" Correct it and call again.")
