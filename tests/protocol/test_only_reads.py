"""Where nothing may be written, a proxy before a real server hears no request that writes."""

from __future__ import annotations

import re

import pytest

from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import offered
from tests.support.servers import faulty_proxy

# What POST is used for by reads: searches, whose questions are too long for an address.
READING_POSTS = re.compile(
    r"/(experiments|runs|traces|logged-models|model-versions|registered-models|datasets|evaluation-datasets)/"
    r"(search|get|metrics|batchGet|batchGetInfos|calculate-filter-correlation)$|/traces/(search|metrics)$|/graphql$"
)


@pytest.mark.slow
def test_read_tools_send_only_reads(mlflow_server, ask_many, tmp_path):
    seeded = mlflow_server.seeded
    run_id = seeded.runs["eval-71f3f3199ea5e1f0-gpqa_diamond"]
    calls = {
        "get_server_info": {},
        "resolve_id": {"id": seeded.candidate},
        "search_experiments": {},
        "describe_experiment": {"experiment_id": "ana/llama-3.1-8b"},
        "query_runs": {"query": "tags.model LIKE '%qwen%'"},
        "search_runs_by_tags": {"tags": {"invocation_id": seeded.candidate}},
        "get_invocation": {"invocation_id": seeded.candidate},
        "get_run": {"run_id": run_id},
        "best_runs": {"metric": "accuracy"},
        "compare_runs": {"run_ids": [seeded.candidate, seeded.duplicated]},
        "find_similar_runs": {"run_id": run_id},
        "compare_samples": {"run_ids": [seeded.candidate, seeded.duplicated]},
        "check_run": {"run_ids": [run_id]},
        "aggregate_runs": {"metrics": "*"},
        "get_metric_history": {"run_ids": [run_id], "metrics": "*"},
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
    }
    with faulty_proxy(mlflow_server.uri) as proxy:
        settings = Settings(tracking_uri=proxy.uri, download_dir=str(tmp_path))
        names = {entry.name for entry in offered(settings) if entry.toolset != "plots"}
        with ask_many(settings) as ask_on:
            failed = {tool for tool, arguments in calls.items() if ask_on(tool, **arguments).is_error}
        seen = list(proxy.requests)

    assert set(calls) == names
    assert failed <= {"compare_samples"}  # nothing of these samples was exported
    assert len(seen) > len(calls)
    written = [
        f"{each.method} {each.path}"
        for each in seen
        if each.method not in ("GET", "HEAD")
        and not (each.method == "POST" and READING_POSTS.search(each.path.partition("?")[0]))
    ]
    assert not written
