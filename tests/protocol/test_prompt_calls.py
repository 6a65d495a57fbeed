"""The calls that prompts tell an agent to make: read out of the texts, checked against the tools, and made on a real store."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import yaml

from mlflow_mcp.server.prompt_files import prompt_files
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import CATALOG
from tests.support.asking import conversation

TOOLS = {entry.name: inspect.signature(entry.function).parameters for entry in CATALOG}
ARGUMENTS = set().union(*TOOLS.values()) - {"client"}
# A tool in backticks, and the words about it as far as the next one or the end of the sentence.
CALL = re.compile(r"`([a-z_]+)`((?:[^`;]|`<its score>`)*)")
# `name "value"`, `name ["…"]`, `name=true`, `name <what an agent has to find>`.
GIVEN = re.compile(r"\b([a-z_]+)[ =\n]\s*(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|<[^>]+>|true\b|\d+\b)")
# What a person would give who has the seeded store before them.
VALUES = {
    "baseline": "0c94be2d86a1f753",
    "candidate": "71f3f3199ea5e1f0",
    "invocation": "71f3f3199ea5e1f0",
    "task": "gpqa_diamond",
    "experiment": "sweeps",
    "metric": "accuracy",
    "run": "sft-8b-base",
    "since": "90d",
}


def written_calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Each tool with the arguments that stand after it; once more for each argument that gets a second value."""
    calls = []
    for tool, rest in CALL.findall(text):
        arguments: dict[str, Any] = {}
        given = [(name, value_of(value)) for name, value in GIVEN.findall(rest) if name in ARGUMENTS]
        others = [(name, value) for name, value in given if arguments.setdefault(name, value) != value]
        if tool in TOOLS:
            calls += [(tool, arguments), *((tool, {**arguments, name: value}) for name, value in others)]
    return calls


def value_of(text: str) -> Any:
    """A pattern's backslashes are as written, as they are for a reader of the prompt."""
    return yaml.safe_load(text.replace("\\", "\\\\")) if text[0] in '["t0123456789' else text.strip("'")


def filled(name: str, values: dict[str, str]) -> str:
    prompt = prompt_files()[name]
    return prompt.filled({each: values[each] for each in prompt.arguments})


@pytest.mark.parametrize("name", prompt_files())
def test_each_argument_is_one_of_the_tool_it_is_written_for(name):
    calls = written_calls(prompt_files()[name].text)

    assert any(arguments for _, arguments in calls), "a workflow says how to call"
    wrong = [(tool, each) for tool, arguments in calls for each in arguments if each not in TOOLS[tool]]
    assert not wrong


@pytest.mark.parametrize("name", prompt_files())
def test_what_a_prompt_needs_is_named_in_it(name):
    prompt = prompt_files()[name]

    assert prompt.needs
    assert set(prompt.needs) <= set(prompt.tools)


@pytest.mark.parametrize("name", prompt_files())
def test_a_call_whose_values_are_all_known_works_as_it_is_written(name, store, ask):
    """An agent copies it; what it has to find itself stands in angle brackets."""
    values = {**VALUES, "trace": store.seeded.failed_trace}
    made = []
    for tool, arguments in written_calls(filled(name, values)):
        required = {each.name for each in list(TOOLS[tool].values())[1:] if each.default is each.empty}
        if not arguments or not required <= set(arguments) or "<" in str(arguments):
            continue
        made.append(tool)
        answer = ask(store.uri, tool, **arguments)
        assert not answer.is_error, f"{tool}({arguments}): {answer.text}"

    assert made, "at least the first call is written out"


def test_a_prompt_without_its_tools_is_not_offered_and_says_who_can_change_it(store):
    lean = Settings(tracking_uri=store.uri, toolsets=("tracking", "artifacts"))
    listed, refused = conversation(
        lean, lambda client: client.list_prompts(), lambda client: client.get_prompt("debug_trace", {"trace": "x"})
    )

    names = [each.name for each in listed.prompts]
    assert set(prompt_files()) - set(names) == {"check_training", "debug_trace"}
    assert refused == (
        "The prompt debug_trace cannot be used: get_trace is not offered here. The operator chooses tools with "
        "MLFLOW_MCP_TOOLSETS ('traces' has it)."
    )


def test_steps_whose_tools_are_off_are_to_be_left_out(store):
    lean, whole = (
        conversation(settings, lambda client: client.get_prompt("weekly_report", {"experiment": "sweeps"}))[0]
        for settings in (
            Settings(tracking_uri=store.uri, toolsets=("tracking", "artifacts")),
            Settings(tracking_uri=store.uri),
        )
    )

    assert lean.messages[0].content.text.endswith(
        "\n\nNot offered by this server: `check_run`, `summarize_traces`. Leave out what they are for, and say that it was "
        "left out."
    )
    assert "Not offered" not in whole.messages[0].content.text


def test_read_only_leaves_out_what_writes_a_file(store):
    (found,) = conversation(
        Settings(tracking_uri=store.uri, read_only=True),
        lambda client: client.get_prompt("weekly_report", {"experiment": "sweeps"}),
    )

    assert "Not offered by this server: `export_runs`." in found.messages[0].content.text


def test_what_no_argument_ties_to_a_server_is_asked_of_all(store, sqlite_store):
    several = Settings(servers=f"prod={store.uri},dev={sqlite_store.uri}")
    news, week = conversation(
        several,
        lambda client: client.get_prompt("catch_up", {}),
        lambda client: client.get_prompt("weekly_report", {"experiment": "sweeps"}),
    )
    (alone,) = conversation(Settings(tracking_uri=store.uri), lambda client: client.get_prompt("catch_up", {}))

    said = (
        "There are 2 MLflow servers. As written the calls ask prod; make them again on dev with experiment_id "
        '"dev:" or run_ids ["dev:running"], and tell the servers apart.'
    )
    assert news.messages[0].content.text.endswith(said)
    assert "MLflow servers" not in week.messages[0].content.text
    assert "MLflow servers" not in alone.messages[0].content.text
