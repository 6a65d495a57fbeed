"""What a host hears of a call before its answer."""

from __future__ import annotations

import re

import anyio
import pytest
from mcp import Client

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import CATALOG
from tests.support.servers import faulty_proxy, stall

# These ask a fixed number of small questions; a slow server makes them say how long it takes, as it does all others.
SHORT = {
    "get_server_info", "resolve_id", "search_experiments", "describe_experiment", "query_runs", "search_runs_by_tags",
    "get_run", "search_models", "get_model", "get_trace", "search_genai", "get_prompt", "get_dataset",
}  # fmt: skip
# Of these the drawing is most; what changes MLflow is a few requests.
OTHERS = {entry.name for entry in CATALOG if entry.toolset == "plots" or entry.effect.changes_mlflow}
# Which of the words must have been said by the end of a call. Of two stretches that follow each other within a tenth of a second
# only the last words are sent.
WORDS = {
    "get_invocation": r"read \d+ of \d+ files and histories|checked 5 of 5 runs",
    "best_runs": r"read \d+( of \d+)? (runs|files and histories)",
    "compare_runs": r"read \d+ of \d+ files and histories",
    "find_similar_runs": r"read \d+( of \d+)? (runs|config files)",
    "compare_samples": r"read (\S+ [kM]?B) of \1 of samples",
    "aggregate_runs": r"read \d+( of \d+)? runs",
    "get_metric_history": r"read (\d+) of \1 metrics' histories",
    "export_runs": r"read \d+ runs",
    "list_artifacts": r"listed (\d+) of \1 folders",
    "get_artifact_content": r"opened 4 of 4 files",
    "search_artifacts": r"searched (\d+) of \1 files",
    "diff_artifacts": r"read 2 of 2 files",
    "download_artifacts": r"downloaded (\S+ [kM]?B) of \1, file (\d+) of \2",
    "check_run": r"looked at 1 of 1 run",
    "search_traces": r"read \d+ traces",
    "summarize_traces": r"computed (\d+) of \1 tables of figures",
}


def calls(seeded):
    """A call of each of them on the demo's data."""
    both, run_id = [seeded.candidate, seeded.duplicated], seeded.runs[seeded.log_run]
    return {
        "get_invocation": {"invocation_id": seeded.candidate},
        "best_runs": {"metric": "accuracy"},
        "compare_runs": {"run_ids": both},
        "find_similar_runs": {"run_id": run_id},
        "aggregate_runs": {"metrics": "*"},
        "get_metric_history": {"run_ids": [seeded.training_base], "metrics": "*"},
        "export_runs": {"path": "runs.csv"},
        "list_artifacts": {"run_id": run_id, "recursive": True},
        "get_artifact_content": {"run_id": [seeded.candidate], "artifact_path": "artifacts/eval_factory_metrics.json"},
        "search_artifacts": {"run_ids": [run_id], "pattern": "error"},
        "diff_artifacts": {"run_ids": [run_id, f"{seeded.baseline}.0"], "artifact_path": "config"},
        "download_artifacts": {"run_ids": [run_id]},
        "check_run": {"run_ids": [seeded.training_base]},
        "search_traces": {},
        "summarize_traces": {},
    }


def heard(settings, tool, arguments, **options):
    """The progress messages of a call up to its answer; there are none after it."""
    said = []

    async def note(done, total, message):
        said.append((done, total, message))

    async def talk():
        async with Client(build_server(settings), **options) as client:
            result = await client.call_tool(tool, arguments, progress_callback=note)
            before = len(said)
            await client.list_tools()
            assert len(said) == before, "nothing after the answer"
            assert not result.is_error, result.content

    anyio.run(talk)
    return said


def check(said, tool):
    numbers = [done for done, _, _ in said]
    assert numbers == sorted(set(numbers)), "each larger than the one before"
    assert all(total is None or total >= done for done, total, _ in said)
    assert any(re.fullmatch(WORDS[tool], message) for _, _, message in said), said


def test_every_tool_is_sorted_by_whether_it_can_take_long():
    assert set(WORDS) | SHORT | OTHERS == {entry.name for entry in CATALOG}
    assert not set(WORDS) & SHORT


@pytest.mark.slow
@pytest.mark.parametrize("tool", sorted(set(WORDS) - {"compare_samples"}))
def test_what_can_take_long_says_how_far_it_is(tool, mlflow_server, tmp_path):
    settings = Settings(tracking_uri=mlflow_server.uri, download_dir=str(tmp_path))
    arguments = calls(mlflow_server.seeded)[tool]

    check(heard(settings, tool, arguments, mode="legacy"), tool)


@pytest.mark.slow
def test_a_verification_says_how_far_it_is(mlflow_server):
    arguments = {"invocation_id": mlflow_server.seeded.candidate, "verify": True}

    said = heard(Settings(tracking_uri=mlflow_server.uri), "get_invocation", arguments)

    assert re.fullmatch(r"checked (\d+) of \1 runs", said[-1][2]), said


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_samples_are_told_in_bytes(mode, sqlite_home):
    rows = "".join(f'{{"id": {n}, "prompt": "what is {n}", "score": {n % 2}}}\n' for n in range(2_000))
    run_ids = [sqlite_home.run({"samples.jsonl": rows + f'{{"id": {n}}}\n'}) for n in (1, 2)]

    said = heard(Settings(tracking_uri=sqlite_home.uri), "compare_samples", {"run_ids": run_ids}, mode=mode)

    check(said, "compare_samples")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_call_that_waits_for_one_answer_says_for_how_long(mode, mlflow_server):
    """A host that gives up a silent call hears that this one goes on."""
    said = []

    async def note(done, total, message):
        said.append((done, total, message))

    async def talk(proxy):
        settings = Settings(tracking_uri=proxy.uri, probe_timeout=60)
        with anyio.fail_after(60):
            async with Client(build_server(settings), mode=mode) as client, anyio.create_task_group() as tasks:

                async def ask():
                    await client.call_tool("get_run", {"run_id": "a" * 32}, progress_callback=note)

                tasks.start_soon(ask)
                while len(said) < 2:
                    await anyio.sleep(0.05)
                tasks.cancel_scope.cancel()

    with faulty_proxy(mlflow_server.uri, stall("runs/")) as proxy:
        anyio.run(talk, proxy)

    assert [message for _, _, message in said[:2]] == ["2 s so far", "4 s so far"]
    assert 0 <= said[0][0] < said[1][0] < 1, "no step is done"
    assert {total for _, total, _ in said} == {None}
