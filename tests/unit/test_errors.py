"""Foreign errors become a sentence and a next step: all of MLflow's codes, all statuses, nothing leaks."""

from __future__ import annotations

import re

import pytest

from mlflow_mcp.client.transport.codes import of_status
from mlflow_mcp.client.transport.translate import last_response, problem_of
from mlflow_mcp.errors import NotFound, Problem, Unreachable, UnsupportedByServer
from mlflow_mcp.installation import how_to_add
from mlflow_mcp.text import hint, nearest, safe_uri, short

URI = "https://mlflow.example"


@pytest.fixture(autouse=True)
def no_response_before():
    """A call begins in a context of its own. Tests share one, in which others may have had a response."""
    token = last_response.set(None)
    yield
    last_response.reset(token)


def error_codes():
    from mlflow.protos.databricks_pb2 import ErrorCode

    return sorted(ErrorCode.keys())


def is_a_sentence_and_a_next_step(text):
    sentences = re.split(r"(?<=[.!?…])\s+", text)
    return len(sentences) >= 2 and "Traceback" not in text and "{" not in text


@pytest.mark.parametrize("code", error_codes())
def test_every_error_code_of_mlflow_has_a_sentence_and_a_next_step(code):
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import ErrorCode

    problem = problem_of(MlflowException("it went wrong", error_code=ErrorCode.Value(code)), URI)

    assert "It went wrong." in str(problem) or "it went wrong." in str(problem)
    assert is_a_sentence_and_a_next_step(str(problem)), str(problem)


@pytest.mark.parametrize("code", error_codes())
def test_every_error_code_reads_the_same_from_a_servers_answer(code):
    """What a client raises for an answer, and the answer read by ourselves: one sentence."""
    import json

    from mlflow.exceptions import RestException

    told = {"error_code": code, "message": "it went wrong"}

    assert is_a_sentence_and_a_next_step(str(problem_of(RestException(told), URI)))
    assert is_a_sentence_and_a_next_step(str(of_status(400, URI, json.dumps(told))))


@pytest.mark.parametrize("code", ["RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"])
def test_only_an_answer_that_says_so_means_absent(code):
    from mlflow.exceptions import RestException

    assert isinstance(problem_of(RestException({"error_code": code, "message": "no run"}), URI), NotFound)
    assert not isinstance(of_status(404, URI, "<html>Not found</html>"), NotFound)


@pytest.mark.parametrize("code", ["ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED"])
def test_a_server_without_a_function_does_not_mean_absent(code):
    from mlflow.exceptions import RestException

    error = RestException({"error_code": code, "message": "no route"})

    assert isinstance(problem_of(error, URI), UnsupportedByServer)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            401,
            "The MLflow server at https://mlflow.example does not accept the credentials (401). Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the host's env block.",
        ),
        (
            403,
            "The MLflow server at https://mlflow.example refuses access with these credentials (403). Ask the "
            "administrator for read permission, or set other MLFLOW_TRACKING_USERNAME/PASSWORD or MLFLOW_TRACKING_TOKEN.",
        ),
        (
            404,
            "What answers at https://mlflow.example is not an MLflow tracking server (status 404, no MLflow answer). "
            "Check MLFLOW_TRACKING_URI: a missing path prefix, a log-in page or a proxy in between look like this.",
        ),
        (429, "The MLflow server at https://mlflow.example is overloaded (429). Try again in a minute."),
        (
            500,
            "The MLflow server at https://mlflow.example returned an internal error (500). "
            "Retry once; if it persists, ask the administrator to check the server log.",
        ),
        (503, "The MLflow server at https://mlflow.example is overloaded (503). Try again in a minute."),
        (
            418,
            "The MLflow server at https://mlflow.example answered with status 418. Check MLFLOW_TRACKING_URI.",
        ),
    ],
)
def test_a_status_has_its_sentence(status, sentence):
    problem = of_status(status, URI, "<html>whatever</html>")

    assert str(problem) == sentence
    assert isinstance(problem, Unreachable)


def test_an_unexpected_error_is_named_without_a_traceback():
    problem = problem_of(ZeroDivisionError("division by zero\nat line 7"), URI)

    assert str(problem) == (
        "This call failed unexpectedly (ZeroDivisionError: division by zero). The next call is not affected. "
        "If it happens again, please report it with the arguments you used."
    )


def test_a_missing_package_is_named():
    problem = problem_of(ModuleNotFoundError("No module named 'boto3'", name="boto3"), URI)

    assert "not installed" in str(problem)
    assert str(problem).endswith(how_to_add("s3"))


def test_a_problem_of_our_own_passes_unchanged():
    problem = Problem("This.", "That.")

    assert problem_of(problem, URI) is problem


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://mlflow.example/path", "https://mlflow.example/path"),
        ("https://ana:hunter2@mlflow.example:8443/x", "https://***@mlflow.example:8443/x"),
        ("https://token@mlflow.example", "https://***@mlflow.example"),
        ("https://mlflow.example/?key=abc", "https://mlflow.example/?***"),
        ("postgresql://u:p@h/db", "postgresql://***@h/db"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("/data/mlruns", "/data/mlruns"),
    ],
)
def test_a_uri_is_shown_without_its_credentials(uri, shown):
    assert safe_uri(uri) == shown


def test_the_nearest_names_are_those_spelt_alike_then_those_that_contain_it():
    known = ["eval-0001", "team-3/evals", "training"]

    assert nearest("EVAL-001", known) == ["eval-0001"]
    assert nearest("eval", ["eval-0001", "evals", "team-3/evals"]) == ["evals", "eval-0001", "team-3/evals"]
    assert hint("zzzzzz", known) == ""
    assert hint("trainings", known) == "Nearest: 'training'."


def test_a_foreign_message_is_shortened_to_its_first_line():
    assert short("\n\n  first \nsecond") == "first"
    assert short("x" * 500) == "x" * 299 + "…"
