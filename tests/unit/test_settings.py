"""The environment, read once; what cannot be used is one sentence."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from mlflow_mcp.settings import Settings, SettingsError, Toolset, default_toolsets
from mlflow_mcp.tools.catalog import READS, offered


def test_nothing_need_be_set():
    settings = Settings.from_environment({})

    assert settings.tracking_uri is None
    assert settings.max_chars == 32_000
    assert settings.mask_secrets
    assert not settings.telemetry


def test_every_field_is_read_from_its_variable():
    settings = Settings.from_environment(
        {
            "MLFLOW_TRACKING_URI": " https://mlflow.example ",
            "MLFLOW_MCP_MAX_TOKENS": "12000",
            "MLFLOW_MCP_TIMEOUT": "20.5",
            "MLFLOW_MCP_TOOLSETS": "artifacts, tracking",
            "MLFLOW_MCP_MASK_SECRETS": "false",
            "MLFLOW_MCP_TELEMETRY": "true",
            "MLFLOW_MCP_LOG_LEVEL": "DEBUG",
            "PATH": "/bin",
        }
    )

    assert settings.tracking_uri == "https://mlflow.example"
    assert settings.max_tokens == 12_000
    assert settings.timeout == 20.5
    assert settings.toolsets == ("artifacts", "tracking")
    assert not settings.mask_secrets
    assert settings.telemetry
    assert settings.log_level == "DEBUG"


def test_an_empty_variable_is_an_unset_one():
    names = [str(field.alias) for field in Settings.model_fields.values()]

    assert Settings.from_environment(dict.fromkeys(names, "")) == Settings()
    assert Settings.from_environment(dict.fromkeys(names, "  ")) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "MLFLOW_MCP_MAX_TOKENS",
            "lots",
            "MLFLOW_MCP_MAX_TOKENS='lots' cannot be used: Input should be a valid integer, unable to parse string as an "
            "integer. Correct it or leave MLFLOW_MCP_MAX_TOKENS out.",
        ),
        (
            "MLFLOW_MCP_MAX_TOKENS",
            "99999",
            "MLFLOW_MCP_MAX_TOKENS='99999' cannot be used: Input should be less than or equal to 25000. "
            "Correct it or leave MLFLOW_MCP_MAX_TOKENS out.",
        ),
        (
            "MLFLOW_MCP_TIMEOUT",
            "0",
            "MLFLOW_MCP_TIMEOUT='0' cannot be used: Input should be greater than 0. "
            "Correct it or leave MLFLOW_MCP_TIMEOUT out.",
        ),
        (
            "MLFLOW_MCP_MASK_SECRETS",
            "perhaps",
            "MLFLOW_MCP_MASK_SECRETS='perhaps' cannot be used: Input should be a valid boolean, unable to interpret "
            "input. Correct it or leave MLFLOW_MCP_MASK_SECRETS out.",
        ),
        (
            "MLFLOW_MCP_LOG_LEVEL",
            "LOUD",
            "MLFLOW_MCP_LOG_LEVEL='LOUD' cannot be used: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'. "
            "Correct it or leave MLFLOW_MCP_LOG_LEVEL out.",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_told_in_one_sentence(variable, value, sentence):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: value})

    assert str(caught.value) == sentence


@pytest.mark.parametrize("value", ["everything", "tracking,everything", "Lean"])
def test_an_unknown_toolset_is_refused(value):
    with pytest.raises(SettingsError, match=r"^MLFLOW_MCP_TOOLSETS="):
        Settings.from_environment({"MLFLOW_MCP_TOOLSETS": value})


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().max_tokens = 9_000


def test_every_field_names_its_variable_and_describes_it():
    for name, field in Settings.model_fields.items():
        assert field.alias, name
        of_others = ("MLFLOW_TRACKING_URI", "OTEL_TRACES_EXPORTER")
        assert field.alias in of_others or field.alias.startswith("MLFLOW_MCP_"), name
        assert len(field.description or "") > 20, name


@pytest.mark.parametrize(
    ("value", "toolsets"),
    [
        ("lean", ("tracking", "artifacts")),
        ("default", default_toolsets()),
        ("all", get_args(Toolset)),
        ("lean,genai,tracking", ("tracking", "artifacts", "genai")),
    ],
)
def test_groups_of_toolsets_have_names(value, toolsets):
    assert Settings.from_environment({"MLFLOW_MCP_TOOLSETS": value}).toolsets == toolsets


def test_single_tools_are_offered_alone_or_beside_toolsets():
    alone = Settings.from_environment({"MLFLOW_MCP_TOOLS": "get_run, get_trace"})
    beside = Settings.from_environment({"MLFLOW_MCP_TOOLS": "get_trace", "MLFLOW_MCP_TOOLSETS": "artifacts"})

    assert [entry.name for entry in offered(alone)] == ["get_run", "get_trace"]
    assert {entry.name for entry in offered(beside)} > {"get_trace", "list_artifacts"}


def test_read_only_wins():
    settings = Settings(read_only=True, toolsets=get_args(Toolset), tools=("export_runs",))

    assert offered(settings)
    assert all(entry.effect is READS for entry in offered(settings))
    with pytest.raises(SettingsError, match=r"^No tool is left of 'export_runs' with MLFLOW_MCP_READ_ONLY"):
        offered(Settings(read_only=True, tools=("export_runs",)))


def test_an_unknown_tool_is_named_with_the_nearest():
    with pytest.raises(
        SettingsError, match=r"^MLFLOW_MCP_TOOLS names 'get_rum', which is no tool. Nearest: get_run. There are: "
    ):
        offered(Settings(tools=("get_rum",)))


def test_what_may_be_changed_is_named_by_its_own_variable():
    settings = Settings.from_environment({"MLFLOW_MCP_ALLOW_WRITE": "annotate"})

    assert {entry.name for entry in offered(settings) if entry.effect.changes_mlflow} >= {"annotate"}
    everything = Settings.from_environment({"MLFLOW_MCP_TOOLSETS": "all"})
    assert not any(entry.effect.changes_mlflow for entry in offered(everything))
    with pytest.raises(SettingsError, match=r"'annotate' changes MLflow; name it in MLFLOW_MCP_ALLOW_WRITE instead"):
        Settings.from_environment({"MLFLOW_MCP_TOOLSETS": "annotate"})
    with pytest.raises(
        SettingsError, match=r"^MLFLOW_MCP_TOOLS names 'annotate', which changes MLflow. Allow it with "
    ):
        offered(Settings(tools=("annotate",)))


def test_read_only_wins_over_what_may_be_changed():
    settings = Settings(read_only=True, allow_write=("annotate",))

    assert all(entry.effect is READS for entry in offered(settings))
