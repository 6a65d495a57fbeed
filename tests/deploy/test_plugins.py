"""The plugin for Claude Code and the extension for Gemini CLI start the clone that they are part of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def read(name: str) -> dict:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "folder"),
    [(".claude-plugin/plugin.json", "${CLAUDE_PLUGIN_ROOT}"), ("gemini-extension.json", "${extensionPath}")],
)
def test_the_server_is_started_from_the_plugins_own_folder(name, folder):
    server = read(name)["mcpServers"]["mlflow"]
    assert [server["command"], *server["args"]] == ["uvx", "--from", folder, "mlflow-mcp"]


@pytest.mark.parametrize("name", [".claude-plugin/plugin.json", "gemini-extension.json"])
def test_a_variable_that_is_not_set_reaches_the_server_empty(name):
    """Both hosts pass on `${NAME}` as it is written where NAME is not set: it would be sent as a password."""
    for variable, value in read(name)["mcpServers"]["mlflow"]["env"].items():
        assert value == f"${{{variable}:-}}"


def test_gemini_asks_for_what_it_hands_on_and_hides_what_is_secret():
    extension = read("gemini-extension.json")
    settings = {each["envVar"]: each.get("sensitive", False) for each in extension["settings"]}
    assert set(settings) == set(extension["mcpServers"]["mlflow"]["env"])
    assert {name for name, secret in settings.items() if secret} == {
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
    }


def test_both_teach_the_same_skill():
    assert read("gemini-extension.json")["contextFileName"] == ".claude/skills/mlflow/SKILL.md"
    assert (ROOT / ".claude/skills/mlflow/SKILL.md").is_file()
    assert read(".claude-plugin/plugin.json")["skills"] == ["./.claude/skills/"]


def test_the_extensions_name_is_one_that_gemini_takes():
    assert re.fullmatch(r"[a-z0-9-]+", read("gemini-extension.json")["name"])
