"""get_prompt: versions, aliases, chats, and what changed."""

from __future__ import annotations

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of
from tests.support.genai_stores import SECRET, TEMPLATES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(genai_store):
    return Settings(tracking_uri=genai_store.uri, toolsets=("genai",))


def test_the_latest_version_with_its_neighbours(both_genai, ask, snapshot):
    answer = ask(Settings(tracking_uri=both_genai.uri, toolsets=("genai",)), "get_prompt", prompt="answer")

    assert SECRET not in answer.text
    snapshot("get_prompt", answer)


def test_a_chat_with_its_settings_and_its_response_format(settings, ask, snapshot):
    snapshot("get_prompt.chat", ask(settings, "get_prompt", prompt="triage"))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("answer", 4),
        ("answer/1", 1),
        ("answer@production", 2),
        ("answer@latest", 4),
        ("prompts:/answer/3", 3),
        ("prompts:/answer@staging", 4),
    ],
)
def test_a_version_is_named_by_number_or_alias(text, version, settings, ask):
    found = data_of(ask(settings, "get_prompt", prompt=text))

    assert found["prompt"] == f"prompts:/answer/{version}"
    assert version == 4 or found["template"] == TEMPLATES[version - 1]


def test_what_changed_between_two_versions(both_genai, ask, snapshot):
    settings = Settings(tracking_uri=both_genai.uri, toolsets=("genai",))
    answer = ask(settings, "get_prompt", prompt="answer", compare_to="@production")

    assert SECRET not in answer.text
    assert "template" not in answer.data
    snapshot("get_prompt.comparison", answer)


@pytest.mark.parametrize("other", ["2", "@production", "production", "answer/2", "answer@production"])
def test_the_other_version_is_named_in_any_way(other, settings, ask):
    answer = ask(settings, "get_prompt", prompt="answer", compare_to=other)

    assert data_of(answer)["changes"]["since"] == "prompts:/answer/2"


def test_another_prompt_may_be_compared_with(settings, ask):
    changes = data_of(ask(settings, "get_prompt", prompt="triage", compare_to="summary"))["changes"]

    assert changes["variables"] == ["+queues", "+message", "-text"]
    assert "-Summarize {{text}}.\n+[system]" in changes["template"]


def test_versions_that_do_not_differ_are_said_to_be_alike(settings, ask):
    answer = ask(settings, "get_prompt", prompt="answer/2", compare_to="@production")

    assert answer.data["changes"] == {"since": "prompts:/answer/2"}
    assert answer.data["notes"] == ["Nothing differs between prompts:/answer/2 and prompts:/answer/2."]


@pytest.mark.parametrize("text", ["answr", "answer/9", "answer@prodution", "router", "answer/2 "])
def test_an_unknown_prompt_names_what_there_is(text, settings, ask, snapshot_error):
    answer = ask(settings, "get_prompt", prompt=text)

    if text == "answer/2 ":  # blanks around it are no part of it
        assert data_of(answer)["prompt"] == "prompts:/answer/2"
    else:
        snapshot_error(answer)
