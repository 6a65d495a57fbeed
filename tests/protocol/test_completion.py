"""Completion of arguments: names and ids of the store, never an error."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import PromptReference, ResourceTemplateReference
from mlflow import MlflowClient

from mlflow_mcp.server.app import build_server
from mlflow_mcp.server.prompt_files import prompt_files
from mlflow_mcp.settings import Settings


def completed(uri: str, argument: str, text: str, given: dict[str, str] | None = None, **options: Any) -> list[str]:
    async def ask() -> list[str]:
        async with Client(build_server(Settings(tracking_uri=uri)), **options) as client:
            reference = PromptReference(name="compare_invocations")
            found = await client.complete(reference, {"name": argument, "value": text}, given)
            return list(found.completion.values)

    return anyio.run(ask)


@pytest.mark.parametrize(
    ("argument", "text", "given", "value"),
    [
        ("experiment", "llama-3.1-8b", None, "ana/llama-3.1-8b"),
        ("run", "eval-71f3", None, "eval-{whole}-ifeval"),
        ("invocation", "71f3", None, "{whole}"),
        ("baseline", "71F3", None, "{whole}"),
        ("task", "ife", None, "ifeval"),
        ("task", "", {"invocation": "48e10937.1"}, "gpqa_diamond"),
        ("metric", "prompt_level", {"experiment": "ana/llama-3.1-8b"}, "ifeval_prompt_level_strict_acc"),
        ("since", "", None, "24h"),
        ("run", "", None, "running"),
        ("trace", "chat-0", None, "chat-05"),
    ],
)
def test_what_was_begun_is_completed(argument, text, given, value, store):
    assert value.format(whole="71f3f3199ea5e1f0") in completed(store.uri, argument, text, given)


@pytest.mark.parametrize(
    ("argument", "text", "given"),
    [
        ("nothing_of_the_kind", "x", None),
        ("run", 'it\'s "both"', None),
        ("run", "100%_\\[", None),
        ("metric", "acc", {"experiment": "no such experiment"}),
        ("version", "", {"name": "no such model"}),
    ],
)
def test_nothing_is_completed_and_nothing_fails(argument, text, given, store):
    assert completed(store.uri, argument, text, given) == []


def test_tasks_are_those_of_the_invocation_that_is_given(store):
    assert set(completed(store.uri, "task", "", {"invocation": "48e10937"})) == {"gpqa_diamond", "ifeval"}


def test_traces_that_failed_come_first(store):
    failed = store.seeded.failed_trace

    assert completed(store.uri, "trace", failed[:9]) == [failed]
    first, *others = completed(store.uri, "trace", "")
    assert first.startswith("tr-")
    assert failed in [first, *others][:4], "4 of 20 failed"


def test_runs_that_mlflow_calls_running_come_first(sqlite_home):
    client = MlflowClient(sqlite_home.uri)
    running = client.create_run("0", run_name="still at it").info.run_id
    for _ in range(16):
        sqlite_home.run({})

    assert completed(sqlite_home.uri, "run", "")[:2] == ["running", "still at it"]
    client.set_terminated(running)


def test_an_unreachable_server_completes_nothing(tmp_path):
    assert completed(f"sqlite:///{tmp_path}/none.db", "run", "a") == []


def test_models_versions_and_aliases_are_completed(sqlite_home):
    client = MlflowClient(sqlite_home.uri)
    name = "completed-model"
    client.create_registered_model(name)
    client.create_model_version(name, "file:///nowhere", run_id=sqlite_home.run({}))
    client.set_registered_model_alias(name, "champion", "1")

    assert completed(sqlite_home.uri, "name", "COMPLETED-") == [name]
    assert completed(sqlite_home.uri, "version", "", {"name": name}) == ["@champion", "1"]


def test_the_server_says_that_it_completes(store):
    async def capabilities() -> Any:
        async with Client(build_server(Settings(tracking_uri=store.uri)), mode="legacy") as client:
            reference = ResourceTemplateReference(uri="mlflow://runs/{run_id}")
            found = await client.complete(reference, {"name": "run_id", "value": "eval-71f3"})
            return client.server_capabilities.completions, found.completion

    advertised, completion = anyio.run(capabilities)
    assert advertised is not None
    assert completion.total == len(completion.values) > 0


def test_evaluations_are_found_behind_newer_runs_of_other_kinds(sqlite_home):
    """Nothing is typed, and the newest runs have no such tag."""
    client = MlflowClient(sqlite_home.uri)
    client.set_tag(sqlite_home.run({}), "invocation_id", "5eed5eed5eed5eed")
    for _ in range(16):
        sqlite_home.run({})

    assert "5eed5eed5eed5eed" in completed(sqlite_home.uri, "invocation", "")


@pytest.mark.parametrize(
    ("prompt", "argument"), [(name, each) for name, prompt in prompt_files().items() for each in prompt.arguments]
)
def test_every_argument_of_a_prompt_is_offered_values_before_anything_is_typed(prompt, argument, store):
    async def ask() -> list[str]:
        async with Client(build_server(Settings(tracking_uri=store.uri))) as client:
            found = await client.complete(PromptReference(name=prompt), {"name": argument, "value": ""})
            return list(found.completion.values)

    assert anyio.run(ask)
