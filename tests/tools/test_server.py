"""get_server_info and resolve_id."""

from __future__ import annotations

import pytest

from servers import fail, faulty_proxy


def test_a_server_is_described(mlflow_server, ask, snapshot):
    snapshot("get_server_info.http", ask(mlflow_server.uri, "get_server_info"), versions())


def test_a_file_is_described(sqlite_store, ask, snapshot):
    snapshot("get_server_info.sqlite", ask(sqlite_store.uri, "get_server_info"), versions())


def versions():
    import mlflow

    import mlflow_mcp

    return {f'"{mlflow.__version__}"': '"<mlflow>"', f'"{mlflow_mcp.__version__}"': '"<mlflow-mcp>"'}


def test_a_server_that_guards_its_version_is_described_without(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(403, "/version")) as proxy:
        answer = ask(proxy.uri, "get_server_info")

    assert not answer.is_error, answer.text
    assert answer.data["tracking_uri"] == proxy.uri
    assert answer.data["experiments"] == len(mlflow_server.seeded.experiments) + 1  # and MLflow's Default
    assert "server_version" not in answer.data


@pytest.mark.parametrize(
    ("id_", "kinds"),
    [
        ("71f3f3199ea5e1f0", ["invocation"]),
        ("71f3f3", ["invocation"]),
        ("71f3f3199ea5e1f0.2", ["job"]),
        ("a4e91c", ["invocation", "invocation"]),
        ("48e10937", ["invocation"]),
        ("d03a5f7c", ["invocation"]),
        ("63be0a19f4d2c857", ["invocation"]),
        ("evals", ["experiment"]),
        ("ana/llama-3.1-8b", ["experiment"]),
        ("2", ["experiment"]),
        ("https://mlflow.example/#/experiments/2", ["experiment"]),
        ("trial-04", ["run"]),
        ("gpqa-rerun-friday", ["run"]),
        ("eval-b7d20e4c91f35a68-ifeval", ["run", "run"]),
    ],
)
def test_an_id_is_told_for_what_it_is(id_, kinds, store, ask):
    answer = ask(store.uri, "resolve_id", id=id_)

    assert [found["kind"] for found in answer.data["found"]] == kinds


def test_the_call_that_it_names_works(store, ask_many):
    with ask_many(store.uri) as ask:
        for id_ in ("71f3f3", "71f3f3199ea5e1f0.2", "evals", "trial-04", store.seeded.runs["trial-04"][:9]):
            for found in ask("resolve_id", id=id_).data["found"]:
                tool, _, arguments = found["next"].partition("(")
                name, _, value = arguments.rstrip(")").partition("=")

                assert not ask(tool, **{name: value.strip("'")}).is_error, found["next"]


def test_an_invocation_that_only_a_param_tells_is_said_to_be_so(store, ask):
    (found,) = ask(store.uri, "resolve_id", id=store.seeded.param_only).data["found"]

    assert found["matched"] == "param invocation_id, not a tag"


def test_an_ambiguous_prefix_shows_all_it_may_mean(store, ask, snapshot):
    snapshot("resolve_id.ambiguous", ask(store.uri, "resolve_id", id=store.seeded.ambiguous_prefix))


@pytest.mark.parametrize(
    ("id_", "sentence"),
    [
        (
            "ffffffffffff",
            "'ffffffffffff' is no id, prefix or name of an invocation, job, run, experiment, logged model or trace in any "
            "of the 6 experiments. Evaluations that are pending, running or killed are never exported. "
            "query_runs searches by any other field.",
        ),
        (
            "ffff",
            "'ffff' is no id, prefix or name of an invocation, job, run, experiment, logged model or trace in any "
            "of the 6 experiments. Give at least 6 characters of an id.",
        ),
        (
            "https://mlflow.example/about",
            "No run or experiment can be read out of 'https://mlflow.example/about'. Pass the id alone.",
        ),
    ],
)
def test_an_id_that_nothing_has_says_what_to_try(id_, sentence, store, ask):
    answer = ask(store.uri, "resolve_id", id=id_)

    assert answer.is_error
    assert answer.text == sentence


@pytest.mark.parametrize("id_", ["m-0123456789abcdef0123456789abcdef", "tr-0123456789abcdef0123456789abcdef"])
def test_an_unknown_model_or_trace_is_not_found_rather_than_a_failure(id_, store, ask):
    answer = ask(store.uri, "resolve_id", id=id_)

    assert answer.is_error
    assert answer.text.startswith(f"'{id_}' is no id, prefix or name of")


def test_a_logged_model_is_found_by_its_id(sqlite_store, ask):
    from mlflow import MlflowClient

    experiment = sqlite_store.seeded.experiments["sweeps"]
    model = MlflowClient(sqlite_store.uri).create_logged_model(experiment, name="classifier")

    (found,) = ask(sqlite_store.uri, "resolve_id", id=model.model_id).data["found"]

    assert (found["kind"], found["name"], found["experiment"]) == ("logged model", "classifier", "sweeps")
