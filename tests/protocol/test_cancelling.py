"""A cancelled call sends MLflow nothing more, whatever it was about to ask."""

from __future__ import annotations

import sys

import anyio
import pytest
from mcp import Client

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support.curves import LONG
from tests.support.servers import faulty_proxy, hold, unknown_route

NEVER = 60  # seconds after which a hanging test fails
OURS = ("/mlflow_mcp/tools/", "/mlflow_mcp/client/")
FILES = "get-artifact|mlflow-artifacts"
SEARCHES = "runs/search"


def is_at_work():
    """Whether a thread is inside of a tool or of what a tool asks."""
    for frame in sys._current_frames().values():
        while frame is not None:
            if any(part in frame.f_code.co_filename for part in OURS):
                return True
            frame = frame.f_back
    return False


async def until(condition):
    with anyio.fail_after(NEVER):
        while not condition():
            await anyio.sleep(0.01)


async def quiet(proxy):
    """Come back when all threads wait: for half a second none has made a request."""
    heard = -1
    while heard < len(proxy.requests):
        heard = len(proxy.requests)
        await anyio.sleep(0.5)


def cancelled(settings, proxy, tool, arguments, **options):
    """Cancel the call while MLflow's answer to its first held request is awaited. How many requests were made until then,
    and which after it was answered."""

    async def talk():
        async with Client(build_server(settings), **options) as client:
            await client.call_tool("get_server_info", {})  # what is asked once is asked
            before = len(proxy.requests)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, tool, arguments)
                await until(lambda: proxy.count(proxy.faults[0].path))
                await quiet(proxy)
                tasks.cancel_scope.cancel()
            await anyio.wait_all_tasks_blocked()  # the server's as well: it has heard of the cancellation by then
            during = len(proxy.requests)
            proxy.released.set()
            await until(lambda: not is_at_work())
            return during - before, [each.path for each in proxy.requests[during:]]

    return anyio.run(talk)


def made(settings, proxy, tool, arguments):
    """How many requests the whole call makes."""

    async def talk():
        async with Client(build_server(settings)) as client:
            await client.call_tool("get_server_info", {})
            before = len(proxy.requests)
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            return len(proxy.requests) - before

    return anyio.run(talk)


def calls(seeded):
    run_id, both = seeded.runs[seeded.log_run], [seeded.candidate, seeded.duplicated]
    return {
        "get_invocation": ({"invocation_id": seeded.candidate, "verify": True}, FILES),
        "compare_runs": ({"run_ids": both}, FILES),
        "find_similar_runs": ({"run_id": run_id}, SEARCHES),
        "search_artifacts": ({"run_ids": [seeded.candidate], "pattern": "error"}, FILES),
        "diff_artifacts": ({"run_ids": [run_id, f"{seeded.baseline}.0"], "artifact_path": "config"}, "artifacts/list"),
        "download_artifacts": ({"run_ids": [run_id]}, FILES),
        "list_artifacts": ({"run_id": run_id, "recursive": True}, "artifacts/list"),
        "check_run": ({"run_ids": [seeded.training_base], "wait_s": 10}, "get-history"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("tool", [
    "check_run", "compare_runs", "diff_artifacts", "download_artifacts", "find_similar_runs", "get_invocation",
    "list_artifacts", "search_artifacts",
])  # fmt: skip
def test_a_cancelled_call_sends_nothing_more(tool, mlflow_server, tmp_path):
    arguments, held = calls(mlflow_server.seeded)[tool]
    check(mlflow_server.uri, tool, arguments, hold(held), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "arguments", "held"),
    [
        ("aggregate_runs", {"metrics": "*"}, hold(SEARCHES)),
        ("export_runs", {"path": "runs.csv"}, hold(SEARCHES)),
        ("get_metric_history", {"run_ids": [LONG], "metrics": "loss", "exact": True}, hold("get-history")),
    ],
)
def test_no_page_is_read_after_a_cancellation(tool, arguments, held, curves_server, tmp_path):
    check(curves_server, tool, arguments, held, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("held", [SEARCHES, "artifacts/list", FILES])
def test_no_samples_are_read_after_a_cancellation(held, http_home, tmp_path):
    """Of each run there are more files than are read at the same time."""
    answers = "".join(
        f'{{"problem": "P{n}", "predicted_answer": "{n}", "symbolic_correct": true}}\n' for n in range(30)
    )
    files = {f"eval/output-rs{repeat}.jsonl": answers for repeat in range(12)}
    run_ids = [http_home.run(files)[:20] for _ in range(2)]
    arguments = {"run_ids": run_ids}
    check(http_home.uri, "compare_samples", arguments, hold(held), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [{}, {"group_by": "failure"}, {"group_by": "tool"}, {"compare_to": "previous", "when": "2026-09-02.."}]
)
def test_no_figures_of_traces_are_asked_for_after_a_cancellation(arguments, traces_server, tmp_path):
    check(traces_server.uri, "summarize_traces", arguments, hold("traces/metrics"), tmp_path)


@pytest.mark.slow
def test_no_traces_are_counted_after_a_cancellation(traces_server, tmp_path):
    """On a server that computes no figures they are read."""
    uncounting = unknown_route("traces/metrics")
    check(traces_server.uri, "summarize_traces", {}, hold("traces/search"), tmp_path, uncounting)


def check(uri, tool, arguments, held, folder, *others):
    with faulty_proxy(uri, *others) as proxy:
        whole = made(Settings(tracking_uri=proxy.uri, download_dir=str(folder / "whole")), proxy, tool, arguments)
    with faulty_proxy(uri, held, *others) as proxy:
        settings = Settings(tracking_uri=proxy.uri, download_dir=str(folder / "cancelled"), probe_timeout=60)
        during, after = cancelled(settings, proxy, tool, arguments, mode="legacy")

    assert after == []
    assert during < whole, "the call would have gone on"
