"""The official conformance suite, `@modelcontextprotocol/conformance`, in both eras."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mlflow_mcp.server.transports.web import http_app
from tests.support.conformance_fixtures import fixture_server
from tests.support.http_serving import serving
from tests.support.node import found_node, installed

pytestmark = pytest.mark.slow
SUITE = {"@modelcontextprotocol/conformance": "0.2.0-alpha.12"}
# What needs nothing but an MCP server, and so must have been run.
MUST_PASS = {
    "2026-07-28": {
        *("tools-list", "tools-call-error", "resources-list", "sep-2164-resource-not-found", "prompts-list"),
        *("completion-complete", "caching", "http-header-validation", "dns-rebinding-protection"),
        *("input-required-result-unsupported-methods", "input-required-result-ignore-extra-params"),
    },
    "2025-11-25": {
        *("server-initialize", "server-session-lifecycle", "ping", "logging-set-level", "completion-complete"),
        *("tools-list", "tools-call-error", "resources-list", "prompts-list", "dns-rebinding-protection"),
        "server-sse-multiple-streams",
    },
}


SESSIONS = {"2026-07-28": 0, "2025-11-25": 100}


def ran(address: str, version: str, expected: str, folder: Path) -> dict[str, list[str]]:
    """The status of each check by the folder of its scenario. All failures that are not expected are told."""
    node = found_node(at_least=22)
    suite = installed(node, "conformance", SUITE) / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    asked = ["server", "--url", f"{address}/mcp", "--suite", "all", "--spec-version", version]
    options = ["--expected-failures", str(Path(__file__).with_name(expected)), "-o", str(folder)]
    command = [node.program, str(suite), *asked, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-3_000:]}\n{done.stderr[-1_000:]}"
    files = folder.glob("**/checks.json")
    return {file.parent.name: [check["status"] for check in json.loads(file.read_text())] for file in files}


@pytest.mark.parametrize("version", SESSIONS)
def test_the_conformance_suite_passes(version, sqlite_template, tmp_path):
    options = {"sessions": SESSIONS[version], "sessions_each": 100, "calls_per_minute": 0}
    with serving(sqlite_template.uri, **options) as (address, _):
        checks = ran(address, version, "conformance.yml", tmp_path)

    for name in MUST_PASS[version]:
        (found,) = (each for folder, each in checks.items() if folder.startswith(f"server-{name}"))
        assert set(found) <= {"SUCCESS", "INFO"}, name


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")  # what 2025 had, and 2026 has not
@pytest.mark.parametrize("version", SESSIONS)
def test_it_passes_with_tools_and_prompts_of_its_own(version, empty_store, tmp_path):
    """What asks the user, streams, and goes in rounds passes our HTTP app unchanged."""
    options = {"sessions": SESSIONS[version], "sessions_each": 100, "calls_per_minute": 0}
    with serving(empty_store, app_of=lambda parts: http_app(fixture_server(parts), parts), **options) as (address, _):
        checks = ran(address, version, "conformance_fixtures.yml", tmp_path)

    assert len(checks) > 25  # scenarios
