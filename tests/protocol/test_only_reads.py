"""Where nothing may be written, a proxy before a real server hears no request that writes: of no tool, resource, prompt or
completion. Each is called here by name, so that a new one cannot be forgotten."""

from __future__ import annotations

import re
from typing import get_args

import anyio
import pytest
from mcp import Client
from mcp.types import PromptReference

from mlflow_mcp.server.app import build_server
from mlflow_mcp.server.resources import HELP
from mlflow_mcp.settings import Settings, Toolset
from mlflow_mcp.tools.catalog import RESOURCES, offered
from mlflow_mcp.tools.session.completions import COMPLETED
from tests.support.servers import faulty_proxy

# What POST is used for by reads: searches, whose questions are too long for an address.
READING_POSTS = re.compile(
    r"/(experiments|runs|traces|logged-models|model-versions|registered-models|datasets|evaluation-datasets)/"
    r"(search|get|metrics|batchGet|batchGetInfos|calculate-filter-correlation)$|/traces/(search|metrics)$|/graphql$"
)


# The drawing of curves is read like any other; what it writes is a file.
EVERYTHING = tuple(get_args(Toolset))


def calls(seeded, genai):
    """A call of every tool that needs no permission; `genai` has a dataset's id."""
    run_id = seeded.runs["eval-71f3f3199ea5e1f0-gpqa_diamond"]
    return {
        "get_server_info": {},
        "resolve_id": {"id": seeded.candidate},
        "search_experiments": {},
        "describe_experiment": {"experiment_id": "ana/llama-3.1-8b"},
        "query_runs": {"query": "tags.model LIKE '%qwen%'"},
        "search_runs_by_tags": {"tags": {"invocation_id": seeded.candidate}},
        "get_invocation": {"invocation_id": seeded.candidate, "verify": True},
        "get_run": {"run_id": run_id},
        "best_runs": {"metric": "accuracy"},
        "compare_runs": {"run_ids": [seeded.candidate, seeded.duplicated]},
        "find_similar_runs": {"run_id": run_id},
        "compare_samples": {"run_ids": [seeded.candidate, seeded.duplicated]},
        "check_run": {"run_ids": [run_id], "wait_s": 1},
        "aggregate_runs": {"metrics": "*"},
        "get_metric_history": {"run_ids": [run_id], "metrics": "*", "exact": True},
        "export_runs": {"path": "runs.csv"},
        "list_artifacts": {"run_id": run_id},
        "get_artifact_content": {"run_id": run_id, "artifact_path": "config.yml"},
        "search_artifacts": {"run_ids": [run_id], "pattern": "error"},
        "diff_artifacts": {"run_ids": [run_id, "0c94be2d86a1f753.0"], "artifact_path": "config"},
        "download_artifacts": {"run_ids": [run_id]},
        "search_models": {},
        "get_model": {"model": "support-assistant"},
        "search_traces": {},
        "get_trace": {"trace_id": seeded.failed_trace},
        "summarize_traces": {},
        "plot_metrics": {"run_ids": [seeded.training_base], "metrics": ["train/loss"]},
        "search_genai": {"kind": "prompts"},
        "get_prompt": {"prompt": "answer"},
        "get_dataset": {"dataset": genai},
    }


def written(proxy):
    """The requests that change something, or might."""
    return [
        f"{each.method} {each.path}"
        for each in proxy.requests
        if each.method not in ("GET", "HEAD")
        and not (each.method == "POST" and READING_POSTS.search(each.path.partition("?")[0]))
    ]


@pytest.mark.slow
def test_read_tools_send_only_reads(mlflow_server, genai_server, ask_many, tmp_path):
    asked = calls(mlflow_server.seeded, genai_server.datasets["golden-questions"])
    failed, heard = set(), {}
    offer = offered(Settings(toolsets=EVERYTHING))
    for uri, is_genai in ((mlflow_server.uri, False), (genai_server.uri, True)):
        with faulty_proxy(uri) as proxy:
            settings = Settings(tracking_uri=proxy.uri, download_dir=str(tmp_path), toolsets=EVERYTHING)
            with ask_many(settings) as ask_on:
                for entry in offer:
                    if (entry.toolset == "genai") == is_genai:
                        before = len(proxy.requests)
                        if ask_on(entry.name, **asked[entry.name]).is_error:
                            failed.add(entry.name)
                        heard[entry.name] = len(proxy.requests) - before
            assert written(proxy) == []

    assert set(asked) == {entry.name for entry in offer}
    assert failed <= {"compare_samples"}  # nothing of these samples was exported
    assert all(heard.values()), "each was proved by requests"


RESOURCE_URIS = {
    "server": "mlflow://server",
    "experiments/{experiment_id}": "mlflow://experiments/1",
    "runs/{run_id}": "mlflow://runs/{run_id}",
    "runs/{run_id}/artifacts/{+path}": "mlflow://runs/{run_id}/artifacts/config.yml",
    "invocations/{invocation_id}": "mlflow://invocations/{candidate}",
    "models/{name}": "mlflow://models/support-assistant",
    "models/{name}/{version}": "mlflow://models/support-assistant/1",
    "traces/{trace_id}": "mlflow://traces/{trace}",
}
# What must be known already for some arguments.
GIVEN = {"metric": {"experiment": "ana/llama-3.1-8b"}, "version": {"name": "support-assistant"}}


@pytest.mark.slow
def test_resources_prompts_and_completions_send_only_reads(mlflow_server):
    seeded = mlflow_server.seeded
    ids = {
        "run_id": seeded.runs["eval-71f3f3199ea5e1f0-gpqa_diamond"],
        "candidate": seeded.candidate,
        "trace": seeded.failed_trace,
    }

    async def talk(uri):
        async with Client(build_server(Settings(tracking_uri=uri))) as client:
            await client.list_resources()
            await client.list_resource_templates()
            for pattern in RESOURCE_URIS.values():
                assert (await client.read_resource(pattern.format(**ids))).contents
            for name in HELP:
                assert (await client.read_resource(f"mlflow://help/{name}")).contents
            for prompt in (await client.list_prompts()).prompts:
                arguments = {each.name: "x" for each in prompt.arguments or ()}
                assert (await client.get_prompt(prompt.name, arguments)).messages
            for argument in COMPLETED:
                reference = PromptReference(name="compare_invocations")
                found = await client.complete(reference, {"name": argument, "value": ""}, GIVEN.get(argument))
                assert found.completion.values, argument

    with faulty_proxy(mlflow_server.uri) as proxy:
        anyio.run(talk, proxy.uri)
        assert written(proxy) == []
        assert len(proxy.requests) > len(RESOURCE_URIS)

    assert set(RESOURCE_URIS) == {each.name for each in RESOURCES}
