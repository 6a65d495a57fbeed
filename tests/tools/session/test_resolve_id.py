"""resolve_id: what an id, name, prefix or URL stands for."""

from __future__ import annotations

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of
from tests.support.servers import faulty_proxy, unknown_route


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
def test_an_id_is_resolved_to_its_kind(id_, kinds, store, ask):
    answer = ask(store.uri, "resolve_id", id=id_)

    assert [found["kind"] for found in answer.data["found"]] == kinds


def test_the_call_that_it_names_works(both_stores, ask_many):
    with ask_many(both_stores.uri) as ask:
        for id_ in ("71f3f3", "71f3f3199ea5e1f0.2", "evals", "trial-04", both_stores.seeded.runs["trial-04"][:9]):
            for found in ask("resolve_id", id=id_).data["found"]:
                tool, _, arguments = found["next"].partition("(")
                name, _, value = arguments.rstrip(")").partition("=")

                assert not ask(tool, **{name: value.strip("'")}).is_error, found["next"]


def test_an_invocation_known_only_by_a_param_says_so(store, ask):
    (found,) = ask(store.uri, "resolve_id", id=store.seeded.param_only).data["found"]

    assert found["matched"] == "param invocation_id, not a tag"


def test_an_ambiguous_prefix_shows_all_it_may_mean(both_stores, ask, snapshot):
    snapshot("resolve_id.ambiguous", ask(both_stores.uri, "resolve_id", id=both_stores.seeded.ambiguous_prefix))


@pytest.mark.parametrize(
    "id_",
    [
        "ffffffffffff",
        "ffff",
        "https://mlflow.example/about",
    ],
)
def test_an_id_that_nothing_has_says_what_to_try(id_, store, ask, snapshot_error):
    answer = ask(store.uri, "resolve_id", id=id_)

    snapshot_error(answer)


@pytest.mark.parametrize("id_", ["m-0123456789abcdef0123456789abcdef", "tr-0123456789abcdef0123456789abcdef"])
def test_an_unknown_model_or_trace_is_not_found_rather_than_a_failure(id_, both_stores, ask):
    answer = ask(both_stores.uri, "resolve_id", id=id_)

    assert answer.is_error
    assert answer.text.startswith(f"'{id_}' is no id, prefix or name of")


def test_a_logged_model_is_found_by_its_id(sqlite_store, ask):
    from mlflow import MlflowClient

    experiment = sqlite_store.seeded.experiments["sweeps"]
    model = MlflowClient(sqlite_store.uri).create_logged_model(experiment, name="classifier")

    (found,) = ask(sqlite_store.uri, "resolve_id", id=model.model_id).data["found"]

    assert (found["kind"], found["name"], found["experiment"]) == ("logged model", "classifier", "sweeps")


@pytest.mark.parametrize(
    "form", ["{id}", "{id:.14}", "https://mlflow.example.com/#/experiments/0/traces?selectedEvaluationId={id}"]
)
def test_a_trace_leads_to_the_call_that_reads_it(form, both_stores, ask):
    trace = both_stores.seeded.failed_trace

    (found,) = data_of(ask(both_stores.uri, "resolve_id", id=form.format(id=trace)))["found"]

    assert found == {
        "kind": "trace",
        "id": trace,
        "name": "handle_ticket",
        "experiment": "Default",
        "time": "2026-09-02T20:00:00Z",
        "next": f"get_trace(trace_id='{trace}')",
    }


def test_a_session_of_traces_leads_to_its_conversation(both_stores, ask):
    (found,) = data_of(ask(both_stores.uri, "resolve_id", id="chat-05"))["found"]

    assert found["kind"] == "session"
    assert found["matched"] == "session of 4 traces"
    assert found["next"] == "get_trace(trace_id='chat-05')"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id_", "kinds"),
    [
        ("{id}", ["logged model"]),
        ("{id:.10}", ["logged model"]),
        ("large", ["logged model"]),
        ("intent", ["experiment", "registered model"]),
        ("models:/intent@champion", ["model version"]),
        ("intent/2", ["model version"]),
        ("https://mlflow.example/#/models/intent/versions/2", ["model version"]),
        ("https://mlflow.example/#/experiments/1/models/{id}", ["logged model"]),
    ],
)
def test_models_are_resolved_and_the_call_that_reads_them_works(id_, kinds, both_model_stores, ask):
    answer = ask(both_model_stores.uri, "resolve_id", id=id_.format(id=both_model_stores.models["large"]))

    assert [found["kind"] for found in answer.data["found"]] == kinds
    for found in answer.data["found"]:
        if "model" in found["kind"]:
            name = found["next"].removeprefix("get_model(model='").removesuffix("')")
            assert not ask(both_model_stores.uri, "get_model", model=name).is_error


@pytest.mark.slow
def test_a_version_that_a_model_does_not_have_is_told_with_those_it_has(both_model_stores, ask, snapshot_error):
    snapshot_error(ask(both_model_stores.uri, "resolve_id", id="models:/intent@nobody"))
    snapshot_error(ask(both_model_stores.uri, "resolve_id", id="models:/intent/9"))


# --- prompts, evaluation datasets, traces of MLflow 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "kind", "id_", "call"),
    [
        ("answer", "prompt", "answer", "get_prompt(prompt='answer')"),
        ("answer/2", "prompt version", "prompts:/answer/2", "get_prompt(prompt='answer/2')"),
        ("answer@staging", "prompt version", "prompts:/answer/4", "get_prompt(prompt='answer/4')"),
        ("prompts:/answer/1", "prompt version", "prompts:/answer/1", "get_prompt(prompt='answer/1')"),
        ("https://mlflow.example/#/prompts/answer", "prompt", "answer", "get_prompt(prompt='answer')"),
        ("<empty>", "evaluation dataset", "<empty>", "get_dataset(dataset='<empty>')"),
        ("https://mlflow.example/#/experiments/2/datasets?id=<empty>", "evaluation dataset", "<empty>", "get_dataset(dataset='<empty>')"),
        ("empty", "evaluation dataset", "<empty>", "get_dataset(dataset='<empty>')"),
    ],
)  # fmt: skip
def test_prompts_and_datasets_are_found_with_the_call_that_reads_them(text, kind, id_, call, both_genai, ask_many):
    text, id_, call = (each.replace("<empty>", both_genai.datasets["empty"]) for each in (text, id_, call))
    with ask_many(Settings(tracking_uri=both_genai.uri, toolsets=("tracking", "genai"))) as ask:
        (found,) = data_of(ask("resolve_id", id=text))["found"]
        assert (found["kind"], found["id"], found["next"]) == (kind, id_, call)

        tool, _, arguments = call.partition("(")
        name, _, value = arguments.rstrip(")").partition("=")
        assert not ask(tool, **{name: value.strip("'")}).is_error


@pytest.mark.slow
def test_a_session_without_the_toolset_is_told_how_to_have_the_call(genai_store, ask):
    (found,) = data_of(ask(genai_store.uri, "resolve_id", id="triage"))["found"]

    assert found["next"] == "get_prompt(prompt='triage'), once the toolset genai is switched on (MLFLOW_MCP_TOOLSETS)"


@pytest.mark.slow
def test_a_trace_id_without_a_prefix_is_that_of_a_trace(traces_file, ask):
    """MLflow 2 wrote 32 digits, which are as many as a run id has."""
    trace_id = traces_file["ticket 1"]
    (found,) = data_of(ask(traces_file.uri, "resolve_id", id=trace_id.removeprefix("tr-")))["found"]

    assert (found["kind"], found["id"]) == ("trace", trace_id)


@pytest.mark.slow
def test_a_server_without_datasets_is_told_the_version_that_has_them(genai_server, ask):
    with faulty_proxy(genai_server.uri, unknown_route("3.0/mlflow/datasets")) as proxy:
        assert "MLflow 3.4 or newer" in problem_of(ask(proxy.uri, "resolve_id", id="d-" + "0" * 32))
        assert data_of(ask(proxy.uri, "resolve_id", id="answer"))["found"][0]["kind"] == "prompt"
