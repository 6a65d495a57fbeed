"""Versions of prompts, also broken ones."""

from __future__ import annotations

import json

import pytest
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag

from mlflow_mcp.client.genai.prompts import PromptRef, prompt_ref
from mlflow_mcp.entities.prompt import PromptView


def version(**tags):
    found = [ModelVersionTag(f"mlflow.prompt.{name}" if name == "text" else f"_mlflow_prompt_{name}", value)
             for name, value in tags.items()]  # fmt: skip
    return PromptView.of(ModelVersion("p", "3", 1, tags=found))


def test_variables_stand_in_the_order_of_the_text_each_once():
    assert version(text="{{ b }} {{a.c}} {{b}} {{ 1x }} {a}").variables == ["b", "a.c"]


@pytest.mark.parametrize("text", ["no JSON", '{"role": "user"}', '[{"role": "user"}]', "[1]"])
def test_a_chat_that_is_none_stays_text(text):
    broken = version(text=text, type="chat")

    assert broken.messages is None
    assert broken.text == text


def test_content_in_parts_is_shown_as_json():
    messages = [{"role": "user", "content": [{"type": "text", "text": "ä"}]}]

    assert version(text=json.dumps(messages), type="chat").text == '[user]\n[{"type": "text", "text": "ä"}]'


def test_settings_that_are_no_json_are_shown_as_they_are():
    assert version(text="x", model_config="{broken").settings == "{broken"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("name", PromptRef("name")),
        ("name/3", PromptRef("name", "3")),
        ("team/name", PromptRef("team/name")),
        ("name@prod", PromptRef("name", "@prod")),
        ("prompts:/name/3", PromptRef("name", "3")),
        ("prompts:/a%20b@prod", PromptRef("a b", "@prod")),
        ("name@latest", PromptRef("name")),
    ],
)
def test_a_text_names_a_prompt_and_its_version(text, ref):
    assert prompt_ref(text) == ref
