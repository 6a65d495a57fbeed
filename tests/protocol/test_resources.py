"""Resources give the answers of the tools, and a run's files as they are."""

from __future__ import annotations

import base64
import json
import re
import zlib
from importlib import resources
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mlflow import MlflowClient

from mlflow_mcp.server.app import build_server
from mlflow_mcp.server.resources import HELP
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import RESOURCES
from tests.support.artifact_homes import Home
from tests.support.asking import data_of


def on(settings: Settings | str, *steps: Any, **options: Any) -> list[Any]:
    """The results of these steps, each a function of a client, or the MCPError that one raises."""

    async def run() -> list[Any]:
        results = []
        async with Client(
            build_server(Settings(tracking_uri=settings) if isinstance(settings, str) else settings), **options
        ) as client:
            for step in steps:
                try:
                    results.append(await step(client))
                except MCPError as error:
                    results.append(error)
        return results

    return anyio.run(run)


def read(uri: str) -> Any:
    return lambda client: client.read_resource(uri)


PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    for kind, data in (
        (b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0"),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    )
)


@pytest.fixture
def run_id(sqlite_home):
    return sqlite_home.run(
        {
            "config.yml": "lr: 0.1\napi_key: f81fe0c2d19ab34\n",
            "tables/eval.csv": "name,token\na,9f81fe0c2d19ab34\n",
            "plot.png": PNG,
            "model.bin": b"\0\1\2",
            "big.log": "line\n" * 20_000,
        },
        "attached",
    )


def test_templates_are_listed_with_titles(sqlite_home):
    (listed,) = on(sqlite_home.uri, lambda client: client.list_resource_templates())

    templates = {each.uri_template: each for each in listed.resource_templates}
    assert set(templates) == {each.uri for each in RESOURCES if "{" in each.uri}
    assert all(each.title and each.description for each in templates.values())


def test_the_list_has_help_and_what_changed_last(empty_store, tmp_path):
    run_id = Home(empty_store, tmp_path / "artifacts").run(name="attached")
    (listed,) = on(empty_store, lambda client: client.list_resources())

    by_uri = {resource.uri: resource for resource in listed.resources}
    assert {f"mlflow://help/{name}" for name in HELP} | {"mlflow://server", f"mlflow://runs/{run_id}"} <= set(by_uri)
    assert by_uri[f"mlflow://runs/{run_id}"].name.startswith("attached (")
    assert any(uri.startswith("mlflow://experiments/") for uri in by_uri)


def test_an_unreachable_server_leaves_the_list_without_recent_things(tmp_path):
    (listed,) = on(f"sqlite:///{tmp_path}/none.db", lambda client: client.list_resources())

    assert [each.uri for each in listed.resources] == ["mlflow://server", *(f"mlflow://help/{name}" for name in HELP)]


def test_a_resource_is_the_answer_of_its_tool(sqlite_home, run_id, ask):
    (found,) = on(sqlite_home.uri, read(f"mlflow://runs/{run_id}"))

    (content,) = found.contents
    assert content.mime_type == "application/json"
    assert json.loads(content.text) == data_of(ask(sqlite_home.uri, "get_run", run_id=run_id))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_files_come_as_they_are_without_their_secrets(mode, sqlite_home, run_id):
    paths = ("config.yml", "eval.csv", "plot.png")
    yaml, csv, png = (
        found.contents[0]
        for found in on(
            sqlite_home.uri, *(read(f"mlflow://runs/{run_id}/artifacts/{path}") for path in paths), mode=mode
        )
    )

    assert (yaml.mime_type, yaml.text) == ("application/yaml", "lr: 0.1\napi_key: [secret hidden]\n")
    assert (csv.mime_type, csv.text.splitlines()) == ("text/csv", ["name,token", "a,[secret hidden]"])
    assert (png.mime_type, base64.b64decode(png.blob)) == ("image/png", PNG)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("big.log", "more than the 28.8 kB of an answer. get_artifact_content reads it in parts."),
        ("model.bin", "which no resource shows. get_artifact_content reads it in parts."),
        ("../../etc/passwd", "leads outside the run's artifacts."),
        ("nothing.txt", "nothing.txt"),
    ],
)
def test_what_cannot_be_attached_says_why(path, sentence, sqlite_home, run_id):
    (error,) = on(sqlite_home.uri, read(f"mlflow://runs/{run_id}/artifacts/{path}"))

    assert sentence in error.error.message


def test_what_does_not_exist_is_an_invalid_request_and_what_fails_is_not(sqlite_home, tmp_path):
    absent, unknown = on(sqlite_home.uri, read("mlflow://runs/no-such-run"), read("mlflow://nothing"))
    (unreachable,) = on(f"sqlite:///{tmp_path}/none.db", read("mlflow://runs/no-such-run"))

    assert (absent.error.code, unknown.error.code) == (-32602, -32602)
    assert "No run, active or deleted, has the id, name or job id 'no-such-run'" in absent.error.message
    assert "There are mlflow://server, " in unknown.error.message
    assert unreachable.error.code == -32603


@pytest.mark.parametrize("name", HELP)
def test_help_is_short_markdown(name, sqlite_home):
    (found,) = on(sqlite_home.uri, read(f"mlflow://help/{name}"))

    assert found.contents[0].mime_type == "text/markdown"
    assert found.contents[0].text.startswith("# ")
    assert len(found.contents[0].text) < 4_000


def test_resources_of_toolsets_that_are_off_are_not_there(sqlite_home):
    settings = Settings(tracking_uri=sqlite_home.uri, toolsets=("artifacts",))
    listed, templates = on(
        settings, lambda client: client.list_resources(), lambda client: client.list_resource_templates()
    )

    assert [each.uri_template for each in templates.resource_templates] == ["mlflow://runs/{run_id}/artifacts/{+path}"]
    assert {each.uri for each in listed.resources} == {f"mlflow://help/{name}" for name in HELP}


def test_names_with_spaces_and_slashes_are_written_in_percent(sqlite_home, ask):
    client = MlflowClient(sqlite_home.uri)
    name = "team/a b"
    if client.get_experiment_by_name(name) is None:
        client.create_experiment(name)
    (found,) = on(sqlite_home.uri, read("mlflow://experiments/team%2Fa%20b"))

    assert json.loads(found.contents[0].text)["name"] == name


def examples_of(name: str) -> list[tuple[str, str]]:
    """What each row of the tables of a help text is about, and the filters that it shows as an example."""
    text = next(
        each for each in (resources.files("mlflow_mcp.server") / "help").iterdir() if each.name == f"{name}.md"
    ).read_text()
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| ") and "---" not in row][1:]
    return [
        (row[0], example)
        for row in rows
        for example in re.findall(r"`([^`]+)`", row[-1])
        if "=" in example or ">" in example or "LIKE" in example
    ]


@pytest.mark.parametrize(("tools", "query"), examples_of("filters"))
def test_the_examples_of_filters_are_taken(tools, query, sqlite_home, ask):
    tool, arguments = re.match(r"`(\w+)(?:\((\w+)=true\))?`", tools).groups()

    answer = ask(
        sqlite_home.uri,
        tool,
        query=query,
        **({arguments: True} if arguments else {}),
        **({"metric": "x"} if tool == "best_runs" else {}),
    )

    assert not answer.is_error, answer.text


@pytest.mark.parametrize(("about", "query"), examples_of("traces"))
def test_the_examples_of_trace_filters_are_taken(about, query, sqlite_home, ask):
    arguments = {"when": "24h"} if query.startswith("when=") else {"query": query}

    answer = ask(sqlite_home.uri, "search_traces", **arguments)

    assert not answer.is_error, answer.text
