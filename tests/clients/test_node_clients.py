"""Clients that are not ours talk to the real process: both TypeScript SDKs, in both protocol eras, and the Inspector."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from uuid import uuid4

import pytest
from mlflow import MlflowClient

from mlflow_mcp.server.prompt_files import prompt_files
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import RESOURCES, offered
from tests.support.pictures import image
from tests.support.stores import copied

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Place:
    """A store that these clients may change: the demo's data, a run with a picture, and one that goes on."""

    uri: str
    run_id: str
    picture: bytes
    running: str

    @property
    def env(self):
        return {"MLFLOW_TRACKING_URI": self.uri, "MLFLOW_MCP_ALLOW_WRITE": "delete"}


@pytest.fixture
def place(sqlite_store, tmp_path):
    # A name of its own: MLflow keeps the connection to a file, and the folder of one test may be that of the test before.
    uri = copied(sqlite_store.uri, tmp_path / f"{uuid4().hex}.db")
    client = MlflowClient(uri)
    experiment = client.create_experiment("clients", (tmp_path / "artifacts").as_uri())
    picture, goes_on = (client.create_run(experiment, run_name=name).info.run_id for name in ("picture", "goes on"))
    content = image(8, 8)
    (tmp_path / "plot.png").write_bytes(content)
    client.log_artifact(picture, str(tmp_path / "plot.png"))
    client.set_terminated(picture)
    client.log_metric(goes_on, "loss", 0.5)
    return Place(uri, picture, content, goes_on)


def step(do, **more):
    return {"do": do, **more}


def call(tool, /, **args):
    return step("call", tool=tool, args=args)


def of(answer):
    """What a call was answered, which is the same as structured content and as text."""
    result = answer["result"]
    assert not result.get("isError"), result
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return result["structuredContent"]


ERAS = [(1, "legacy"), (2, "modern")]


@pytest.mark.parametrize(("sdk", "era"), ERAS)
def test_a_typescript_client_uses_everything(sdk, era, place, sqlite_store, node_clients):
    seeded = sqlite_store.seeded
    run = f"{seeded.candidate}.0"
    (
        names,
        tags,
        query,
        config,
        figures,
        listed,
        server,
        help_text,
        picture,
        prompt,
        done,
        cancelled,
        after,
        deleted,
        heard,
    ) = node_clients.conversation(
        sdk,
        era,
        place.env,
        step("names"),
        call("search_runs_by_tags", experiment_id="ana/llama-3.1-8b", tags={"invocation_id": seeded.candidate}),
        call("query_runs", experiment_id="ben/qwen2.5-7b", query="tags.model LIKE '%qwen%'"),
        call("get_artifact_content", run_id=run, artifact_path="config.yml"),
        call("get_artifact_content", run_id=run, artifact_path="artifacts/eval_factory_metrics.json"),
        call("list_artifacts", run_id=run),
        step("read", uri="mlflow://server"),
        step("read", uri="mlflow://help/filters"),
        step("read", uri=f"mlflow://runs/{place.run_id}/artifacts/plot.png"),
        step("prompt", name="verify_delivery", args={"invocation": seeded.candidate}),
        step(
            "complete",
            ref={"type": "ref/prompt", "name": "verify_delivery"},
            argument={"name": "invocation", "value": seeded.candidate[:4]},
        ),
        step("cancel", tool="check_run", args={"run_ids": [place.running], "wait_s": 45}),
        call("get_run", run_id=place.running),
        call("delete", targets=[place.run_id]),
        step("heard"),
    )

    offer = offered(Settings(allow_write=("delete",)))
    assert names["result"]["tools"] == [entry.name for entry in offer]
    assert sorted(names["result"]["prompts"]) == sorted(prompt_files())
    assert set(names["result"]["templates"]) == {each.uri for each in RESOURCES if "{" in each.uri}
    assert f"mlflow://runs/{place.run_id}" in names["result"]["resources"]

    assert len(of(tags)["runs"]["rows"]) == 4
    assert len(of(query)["runs"]["rows"]) == 4
    assert "content" in of(config) or "text" in of(config)
    assert of(figures)
    assert of(listed)["artifacts"]["rows"]

    assert json.loads(content(server)["text"])["tracking_uri"] == place.uri
    assert content(help_text)["mimeType"] == "text/markdown"
    assert (content(picture)["mimeType"], base64.b64decode(content(picture)["blob"])) == ("image/png", place.picture)
    assert seeded.candidate in prompt["result"]["messages"][0]["content"]["text"]
    assert done["result"]["completion"]["values"] == [seeded.candidate]

    assert "escape" in cancelled["error"]
    assert of(after)["run_id"] == place.running
    assert of(deleted)
    assert MlflowClient(place.uri).get_run(place.run_id).info.lifecycle_stage == "deleted"
    (question,) = heard["result"]["elicited"]
    assert question.startswith("Delete on sqlite:")
    assert "picture" in question
    assert heard["result"]["progress"][0]["message"]


def content(answer):
    (only,) = answer["result"]["contents"]
    return only


def test_a_client_that_cannot_ask_its_user_deletes_nothing(place, node_clients):
    level, refused, completed, heard = node_clients.conversation(
        2,
        "legacy",
        place.env,
        step("level", level="info"),
        call("delete", targets=[place.run_id]),
        step(
            "complete",
            ref={"type": "ref/resource", "uri": "mlflow://models/{name}/{version}"},
            argument={"name": "version", "value": ""},
            given={"name": "no-such-model"},
        ),
        step("heard"),
        elicits=False,
    )

    assert "error" not in level
    assert refused["result"]["isError"]
    assert "this host cannot ask for it. Nothing was changed." in refused["result"]["content"][0]["text"]
    assert MlflowClient(place.uri).get_run(place.run_id).info.lifecycle_stage == "active"
    assert completed["result"]["completion"]["values"] == []
    (line,) = heard["result"]["logged"]
    assert (line["level"], line["logger"]) == ("info", "mlflow-mcp")
    assert line["data"].startswith("Nothing completed: ")


def test_the_inspector_finds_no_error_in_the_definitions(place, node_clients):
    """--strict exits with an error where the schema of a tool is not portable."""
    told = node_clients.inspected(place.env, "--method", "tools/list", "--strict", "--protocol-era", "modern")

    assert [tool["name"] for tool in told["tools"]] == [
        each.name for each in offered(Settings(allow_write=("delete",)))
    ]


def test_the_inspector_lists_reads_and_calls(place, sqlite_store, node_clients):
    seeded = sqlite_store.seeded
    listed = node_clients.inspected(place.env, "--method", "resources/templates/list")
    asked = ["--method", "tools/call", "--tool-name", "search_runs_by_tags", "--tool-arg"]
    found = node_clients.inspected(place.env, *asked, f'tags={{"invocation_id": "{seeded.candidate}"}}')

    assert {each["uriTemplate"] for each in listed["resourceTemplates"]} == {
        each.uri for each in RESOURCES if "{" in each.uri
    }
    assert len(found["structuredContent"]["runs"]["rows"]) == 4
