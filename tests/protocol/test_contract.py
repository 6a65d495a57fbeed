"""What every tool of the catalog keeps, whatever it does. A new tool is covered by being in the catalog.

The schemas are reviewed as snapshots: what an agent reads of a tool before it calls it.
"""

from __future__ import annotations

import re
from typing import get_args

import anyio
import pytest
from mcp import Client

from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.server.app import build_server
from mlflow_mcp.server.call.tool import INJECTED
from mlflow_mcp.server.instructions import instructions_for
from mlflow_mcp.settings import DEFAULT_TOOLSETS, Settings, Toolset, WriteToolset
from mlflow_mcp.tools.catalog import ADDS, CATALOG, CHANGES, DELETES, READS, WRITES_FILES

NAMES = [entry.name for entry in CATALOG]
EVERYTHING = get_args(Toolset)
WRITING = get_args(WriteToolset)
NOWHERE = Settings(tracking_uri="sqlite:///nowhere.db", toolsets=EVERYTHING, allow_write=WRITING)

# What one thing is called everywhere, and the names that others give it.
OTHER_NAMES = {
    "run_id": ("run", "run_uuid", "id_of_run", "runs"),
    "experiment_id": ("experiment", "experiments", "experiment_ids", "experiment_name", "experiment_names"),
    "invocation_id": ("invocation", "invocations"),
    "query": ("filter", "filter_string", "search", "where", "q"),
    "order_by": ("sort", "sort_by", "order", "orderby"),
    "limit": ("max_results", "page_size", "count", "n", "top", "top_n", "max_rows"),
    "cursor": ("page_token", "token", "page", "offset", "next_cursor"),
    "artifact_path": ("file", "filename", "file_path", "artifact"),
    "tags": ("tag", "tag_filter"),
    "metrics": ("metric_names", "metric_keys", "metric_key"),
    "params": ("param", "param_names", "parameters"),
}


def listed(settings=None):
    """The tools as a client gets them, by name."""

    async def ask():
        async with Client(build_server(settings or Settings(toolsets=EVERYTHING, allow_write=WRITING))) as client:
            return (await client.list_tools()).tools

    return {tool.name: tool for tool in anyio.run(ask)}


def cost_of(tools):
    return sum(len(encoded([tool.name, tool.description, tool.input_schema])) for tool in tools.values()) / 4


TOOLS = listed()


def test_the_server_offers_exactly_its_catalog_in_its_order():
    assert list(TOOLS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_definition_of_each_tool_is_reviewed(name, snapshot):
    tool = TOOLS[name]

    snapshot(
        f"schemas/{name}",
        {
            "title": tool.title,
            "description": tool.description,
            "arguments": tool.input_schema,
            "hints": tool.annotations.model_dump(exclude_none=True),
        },
    )


def test_all_definitions_together_stay_within_their_budget():
    offered = listed(Settings(toolsets=DEFAULT_TOOLSETS))

    assert len(offered) <= 26
    assert cost_of(offered) <= 5_650  # what 5,500 tokens of o200k are in characters / 4


def test_the_definitions_for_genai_stay_within_their_budget():
    assert cost_of(listed(Settings(toolsets=("genai",)))) <= 370


def test_instructions_and_descriptions_are_short_enough_for_hosts_not_to_cut_them():
    assert len(instructions_for(CATALOG).encode()) <= 2_000
    for tool in TOOLS.values():
        assert len(tool.description.encode()) <= 2_000, tool.name


@pytest.mark.parametrize("name", NAMES)
def test_the_first_sentence_says_the_whole_purpose(name):
    first = re.split(r"(?<=[.;])\s", TOOLS[name].description, maxsplit=1)[0]

    assert 20 <= len(first) <= 250, first
    assert first[0].isupper()
    assert "\n" not in TOOLS[name].description


@pytest.mark.parametrize("name", NAMES)
def test_a_description_names_the_neighbour_or_what_comes_next(name):
    others = [other for other in NAMES if other != name and re.search(rf"\b{other}\b", TOOLS[name].description)]

    assert others, "no other tool is named"


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_that_a_description_names_exists(name):
    told = TOOLS[name].description + encoded(TOOLS[name].input_schema)
    verbs = {each.partition("_")[0] for each in NAMES}
    named = set(re.findall(rf"\b(?:{'|'.join(sorted(verbs))})_[a-z_]+\b", told))

    assert named - set(TOOLS[name].input_schema["properties"]) <= {*NAMES, "log_table"}  # MLflow's


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_described_and_has_a_type(name):
    for argument, schema in TOOLS[name].input_schema.get("properties", {}).items():
        assert len(schema.get("description", "")) >= 10, argument
        assert {"type", "anyOf", "enum", "$ref"} & set(schema), argument


@pytest.mark.parametrize("name", NAMES)
def test_no_argument_has_another_name_than_elsewhere(name):
    arguments = set(TOOLS[name].input_schema.get("properties", {}))

    for known, others in OTHER_NAMES.items():
        assert not arguments & set(others), f"it is called {known}"
    assert INJECTED not in arguments


def test_an_argument_means_the_same_wherever_it_stands():
    """A shared name has one description; but where it is required it may ask for one of what it lists elsewhere.
    (`run_id` and `artifact_path` are left out: some tools take models and folders under them, too.)"""
    for argument in ("experiment_id", "invocation_id", "limit", "cursor"):
        told = {
            (
                argument in tool.input_schema.get("required", ()),
                tool.input_schema["properties"][argument]["description"],
            )
            for tool in TOOLS.values()
            if argument in tool.input_schema.get("properties", {})
        }
        assert len(told) == len({required for required, _ in told}), argument


@pytest.mark.parametrize("name", NAMES)
def test_schemas_carry_no_ballast(name):
    told = encoded(TOOLS[name].input_schema)

    assert '"title"' not in told
    assert '"null"' not in told


# The tools that write files, named here again: a new entry of the catalog must be put on one side on purpose.
FILE_WRITERS = {"export_runs", "download_artifacts", "plot_metrics"}
# And those that change MLflow.
WRITERS = {
    "annotate": CHANGES,
    "log_assessment": CHANGES,
    "log_run": ADDS,
    "register_model": CHANGES,
    "set_model_alias": CHANGES,
    "delete": DELETES,
    "restore": ADDS,
}


@pytest.mark.parametrize("entry", CATALOG, ids=NAMES)
def test_title_and_all_four_hints_are_present_and_true(entry):
    tool = TOOLS[entry.name]

    assert tool.title == tool.annotations.title == entry.title
    writes_files, writes = entry.name in FILE_WRITERS, entry.name in WRITERS
    assert entry.effect is WRITERS.get(entry.name, WRITES_FILES if writes_files else READS)
    assert tool.annotations.read_only_hint is (not writes_files and not writes)
    assert tool.annotations.destructive_hint is (writes_files or (writes and entry.effect is not ADDS))
    assert tool.annotations.idempotent_hint is not writes_files
    assert tool.annotations.open_world_hint is True
    assert entry.toolset in (get_args(WriteToolset) if writes else EVERYTHING)


def test_the_definitions_for_writing_stay_within_their_budget():
    writing = {name: tool for name, tool in TOOLS.items() if name in WRITERS}

    assert cost_of(writing) <= 1_150


def test_nothing_that_writes_is_offered_unless_it_is_allowed():
    assert not set(WRITERS) & set(listed(Settings(toolsets=EVERYTHING)))
    assert not set(WRITERS) & set(listed(Settings(toolsets=EVERYTHING, allow_write=WRITING, read_only=True)))


@pytest.mark.parametrize("toolset", EVERYTHING)
def test_a_toolset_alone_offers_just_its_own_tools(toolset):
    offered = listed(Settings(toolsets=(toolset,)))

    assert list(offered) == [entry.name for entry in CATALOG if entry.toolset == toolset]


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_argument_is_refused_by_name(name, ask):
    """Before anything is asked of MLflow: there is none here."""
    known = list(TOOLS[name].input_schema.get("properties", {}))

    answer = ask(NOWHERE, name, zzzz=1)

    assert answer.is_error
    takes = f"It takes: {', '.join(known)}." if known else "It takes no arguments."
    assert answer.text == f"{name} has no argument 'zzzz'. {takes}"


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelt_argument_names_the_nearest(name, ask):
    known = list(TOOLS[name].input_schema.get("properties", {}))
    if not known:
        pytest.skip("it takes no arguments")
    longest = max(known, key=len)

    answer = ask(NOWHERE, name, **{longest + "x": 1})

    assert answer.is_error
    assert answer.text == (
        f"{name} has no argument '{longest}x'. Did you mean '{longest}'? It takes: {', '.join(known)}."
    )


@pytest.mark.parametrize("name", [name for name in NAMES if TOOLS[name].input_schema.get("required")])
def test_a_missing_argument_is_named(name, ask):
    answer = ask(NOWHERE, name)

    assert answer.is_error
    assert answer.text == f"'{TOOLS[name].input_schema['required'][0]}' is missing. Call again with it."


@pytest.mark.parametrize("name", NAMES)
def test_the_output_schema_is_an_object_that_may_carry_notes(name):
    schema = TOOLS[name].output_schema
    if schema is None:
        pytest.skip("it answers with an image")

    assert schema["type"] == "object"
    assert "notes" in schema["properties"]


# --- the five calls that the project began with


SEEDS = {
    "search_runs_by_tags": ("experiment_id", "tags"),
    "query_runs": ("experiment_id", "query"),
    "get_artifact_content": ("run_id", "artifact_path"),
    "list_artifacts": ("run_id",),
}


@pytest.mark.parametrize("name", SEEDS)
def test_the_first_arguments_stand_in_the_order_people_write_them(name):
    assert tuple(TOOLS[name].input_schema["properties"])[: len(SEEDS[name])] == SEEDS[name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("search_runs_by_tags", ("ana/llama-3.1-8b", {"invocation_id": "71f3f3199ea5e1f0"})),
        ("query_runs", ("ben/qwen2.5-7b", "tags.model LIKE '%qwen%'")),
        ("get_artifact_content", ("<gpqa>", "config.yml")),
        ("get_artifact_content", ("<gpqa>", "artifacts/eval_factory_metrics.json")),
        ("list_artifacts", ("<gpqa>",)),
    ],
    ids=["search_runs_by_tags", "query_runs", "config.yml", "eval_factory_metrics.json", "list_artifacts"],
)
def test_the_five_calls_work_as_people_write_them(name, values, both_stores, ask, snapshot, request):
    gpqa = both_stores.seeded.runs["eval-71f3f3199ea5e1f0-gpqa_diamond"]
    given = dict(zip(SEEDS[name], [gpqa if value == "<gpqa>" else value for value in values]))

    answer = ask(both_stores.uri, name, **given)

    assert not answer.is_error, answer.text
    snapshot(f"calls/{request.node.callspec.id.partition('-')[2]}", answer)


# --- answers


def test_the_text_is_the_same_compact_json_as_the_structured_content(sqlite_template, ask):
    answer = ask(sqlite_template.uri, "get_invocation", invocation_id=sqlite_template.seeded.candidate)

    assert answer.text == encoded(answer.data)
    assert '":null' not in answer.text, "fields without a value are left out"
