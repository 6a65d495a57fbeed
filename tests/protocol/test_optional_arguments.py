"""Arguments as models and hosts write them: null where nothing is meant, and schemas that strict function calling takes."""

from __future__ import annotations

from typing import get_args

import anyio
import jsonschema
import pytest

from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings, Toolset
from mlflow_mcp.tools.catalog import CATALOG, WRITES_FILES

LOG_RUN = "71f3f3199ea5e1f0.0"
REQUIRED = {
    "get_server_info": {},
    "resolve_id": {"id": "71f3f3199ea5e1f0"},
    "search_experiments": {},
    "describe_experiment": {"experiment_id": "sweeps"},
    "query_runs": {},
    "search_runs_by_tags": {"tags": {"invocation_id": "71f3f3199ea5e1f0"}},
    "get_invocation": {"invocation_id": "71f3f3199ea5e1f0"},
    "get_run": {"run_id": "trial-00"},
    "best_runs": {"metric": "accuracy"},
    "compare_runs": {"run_ids": ["trial-00", "trial-01"]},
    "find_similar_runs": {},
    "compare_samples": {"run_ids": ["trial-00", "trial-01"]},
    "aggregate_runs": {"metrics": ["accuracy"]},
    "get_metric_history": {"run_ids": ["sft-8b-base"], "metrics": ["train/loss"]},
    "check_run": {"run_ids": ["sft-8b-base"]},
    "plot_metrics": {"run_ids": ["trial-00"], "metrics": ["loss"]},
    "export_runs": {"path": "runs.csv"},
    "list_artifacts": {"run_id": LOG_RUN},
    "get_artifact_content": {"run_id": LOG_RUN, "artifact_path": "config.yml"},
    "search_artifacts": {"run_ids": [LOG_RUN], "pattern": "walltime"},
    "diff_artifacts": {"run_ids": [LOG_RUN, "0c94be2d86a1f753.0"], "artifact_path": "config"},
    "download_artifacts": {"run_ids": [LOG_RUN]},
    "search_traces": {},
    "get_trace": {"trace_id": Seeded.failed_trace},
    "search_models": {},
    "get_model": {"model": "support-assistant"},
    "summarize_traces": {},
    "search_genai": {"kind": "prompts"},
    "get_prompt": {"prompt": "answer"},
    "get_dataset": {"dataset": "empty"},
}
EVERYTHING = get_args(Toolset)
OF_GENAI = {entry.name for entry in CATALOG if entry.toolset == "genai"}
# What the seeded store has nothing for.
REFUSED = {"compare_samples"}
WRITE_FILES = {entry.name for entry in CATALOG if entry.effect is WRITES_FILES}


def schemas() -> dict[str, dict]:
    return {tool.name: tool.input_schema for tool in anyio.run(build_server(Settings(toolsets=EVERYTHING)).list_tools)}


SCHEMAS = schemas()


def test_every_tool_is_asked_here():
    assert set(REQUIRED) == {entry.name for entry in CATALOG if not entry.effect.changes_mlflow}
    for tool, arguments in REQUIRED.items():
        assert set(arguments) == set(SCHEMAS[tool].get("required", ())), tool


# One of two arguments, of which none is required by itself.
ONE_OF_TWO = {"find_similar_runs": {"run_id": "trial-00"}}


@pytest.mark.slow
@pytest.mark.parametrize("of_genai", [False, True])
def test_null_for_optional_arguments_means_that_they_are_left_out(of_genai, request, ask_many):
    store = request.getfixturevalue("genai_store" if of_genai else "sqlite_template")
    tools = [tool for tool in REQUIRED if (tool in OF_GENAI) == of_genai]
    with ask_many(Settings(tracking_uri=store.uri, toolsets=EVERYTHING) if of_genai else store.uri) as ask:
        for tool in tools:
            given = dict(REQUIRED[tool]) | ONE_OF_TWO.get(tool, {})
            optional = set(SCHEMAS[tool]["properties"]) - set(given)
            with_nulls = ask(tool, **given, **dict.fromkeys(optional))

            assert with_nulls.is_error == (tool in REFUSED), f"{tool}: {with_nulls.text}"
            if tool not in WRITE_FILES:
                without = ask(tool, **given)
                assert tool not in REFUSED or with_nulls.text == without.text
                assert without_moment(with_nulls.data) == without_moment(without.data), tool


def without_moment(data: dict | None) -> dict:
    return {name: value for name, value in (data or {}).items() if name != "as_of"}


@pytest.mark.parametrize("tool", [tool for tool, arguments in REQUIRED.items() if arguments])
def test_null_for_a_required_argument_says_that_it_is_missing(tool, ask):
    missing = next(iter(REQUIRED[tool]))
    settings = Settings(tracking_uri="sqlite:///nowhere.db", toolsets=EVERYTHING)
    answer = ask(settings, tool, **(REQUIRED[tool] | {missing: None}))

    assert answer.is_error
    assert answer.text == f"'{missing}' is missing. Call again with it."


def test_null_inside_a_value_is_called_null(ask):
    answer = ask("sqlite:///nowhere.db", "get_metric_history", run_ids=["x"], metrics=[None])

    assert answer.text == "'metrics' cannot be null: Input should be a valid string. Call again with another value."


# --- schemas


def parts_of(schema: object) -> list[dict]:
    if isinstance(schema, list):
        return [part for inner in schema for part in parts_of(inner)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(part for inner in schema.values() for part in parts_of(inner))]


@pytest.mark.parametrize("tool", SCHEMAS)
def test_no_schema_holds_what_strict_function_calling_refuses(tool):
    """An object with open names, and bounds that a value may not reach. Measured with the converters of agent libraries."""
    refused = {"additionalProperties", "patternProperties", "propertyNames", "minProperties", "exclusiveMaximum",
               "exclusiveMinimum", "$ref", "oneOf", "allOf", "not", "const"}  # fmt: skip
    for part in parts_of(SCHEMAS[tool]["properties"]):
        assert not refused & set(part), part
        if part.get("type") == "object":
            assert part["properties"], "an object without names is refused by some and closed to nothing by others"


@pytest.mark.parametrize(
    "tags",
    [
        {"invocation_id": "71f3f3199ea5e1f0"},
        {"task_name": "gpqa_diamond", "team": "nlp"},
        ["invocation_id=71f3f3199ea5e1f0"],
    ],
)
def test_both_forms_of_tags_are_valid_before_they_are_sent(tags):
    jsonschema.validate({"experiment_id": "1", "tags": tags}, SCHEMAS["search_runs_by_tags"])


def test_tags_as_a_list_find_what_tags_as_an_object_find(sqlite_template, ask_many):
    object_form = {"invocation_id": "71f3f3199ea5e1f0", "task_name": "gpqa_diamond"}
    forms = [
        object_form,
        [f"{name}={value}" for name, value in object_form.items()],
        '["invocation_id=71f3f3199ea5e1f0", "task_name=gpqa_diamond"]',
    ]
    with ask_many(sqlite_template.uri) as ask:
        found = [ask("search_runs_by_tags", tags=tags).data["runs"]["rows"] for tags in forms]

    assert len(found[0]) == 1
    assert found[1] == found[2] == found[0]


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        ({}, "'tags' cannot be {}: Name at least one tag. Call again with another value."),
        ([], "'tags' cannot be []: Name at least one tag. Call again with another value."),
        (
            ["team"],
            "'tags' cannot be ['team']: In a list each tag is written 'name=value'. Call again with another value.",
        ),
        (
            "=nlp",
            "'tags' cannot be ['=nlp']: In a list each tag is written 'name=value'. Call again with another value.",
        ),
    ],
)
def test_tags_that_are_none_are_refused(tags, sentence, ask):
    answer = ask("sqlite:///nowhere.db", "search_runs_by_tags", tags=tags)

    assert answer.is_error
    assert answer.text == sentence


def test_a_value_may_hold_the_sign_that_separates(sqlite_store, ask):
    answer = ask(sqlite_store.uri, "search_runs_by_tags", tags=["note=a=b"])

    assert "tags.note = 'a=b'" in answer.data["searched"]
