"""Libraries that are not installed: the answer names the extra that brings them, and everything else works."""

from __future__ import annotations

import json
import subprocess

import pytest
from mlflow import MlflowClient

from mlflow_mcp.installation import how_to_add
from tests.support.pictures import image
from tests.support.servers import server_environment

# In a process of its own, where importing a library fails as it does when it is not there.
WITHOUT = """
import json, sys

for module in ("PIL", "pypdf", "pyarrow", "matplotlib"):
    sys.modules[module] = None  # what Python itself notes for a module that cannot be imported

import anyio
from mcp import Client
from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings

async def work():
    async with Client(build_server(Settings(tracking_uri=sys.argv[1], toolsets=("tracking", "artifacts", "plots")))) as client:
        for tool, arguments in json.loads(sys.argv[2]):
            result = await client.call_tool(tool, arguments)
            print(json.dumps([result.is_error, result.content[0].type, getattr(result.content[0], "text", "")]))

anyio.run(work)
"""


@pytest.mark.slow
def test_a_library_that_is_not_installed_names_the_extra(sqlite_home, tmp_path, forked_python):
    files = {
        "large.png": image(3_000, 1_500),
        "report.pdf": b"%PDF-1.4 x",
        "a.parquet": b"PAR1" + b"x" * 50,
        "small.png": image(300, 200),
    }
    run_id = sqlite_home.run(files)
    MlflowClient(sqlite_home.uri).log_metric(run_id, "loss", 0.5, step=3)
    calls = [
        *(("get_artifact_content", {"run_id": run_id, "artifact_path": name}) for name in files),
        ("plot_metrics", {"run_ids": [run_id], "metrics": ["loss"]}),
        ("export_runs", {"path": "runs.parquet"}),
        ("export_runs", {"path": "runs.html", "run_ids": [run_id]}),
    ]

    printed = subprocess.run(
        [forked_python, "-c", WITHOUT, sqlite_home.uri, json.dumps(calls)],
        env=server_environment(),
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout

    large, pdf, parquet, small, plot, export, report = [json.loads(line) for line in printed.splitlines()]
    assert small == [False, "image", ""], "an image that is sent as it is needs no library"
    assert not report[0]
    page = (tmp_path / "mlflow-mcp-files" / "runs.html").read_text()
    assert "No pictures: this needs the extra" in page
    assert "loss" in page, "the figures are there all the same"
    answers = {"images": large, "documents": pdf, "parquet": parquet, "plots": plot, "parquet, written": export}
    for extra, (is_error, _, text) in answers.items():
        assert is_error
        name = extra.partition(",")[0]
        assert text == f"This needs the extra '{name}', which is not installed. {how_to_add(name)}"
