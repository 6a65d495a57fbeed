"""The official conformance suite, `@modelcontextprotocol/conformance`, in both eras."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.http_serving import serving
from tests.support.node import found_node, installed

pytestmark = pytest.mark.slow
SUITE = {"@modelcontextprotocol/conformance": "0.2.0-alpha.12"}
EXPECTED = Path(__file__).with_name("conformance.yml")
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


@pytest.mark.parametrize(("version", "sessions"), [("2026-07-28", 0), ("2025-11-25", 100)])
def test_the_conformance_suite_passes(version, sessions, sqlite_template, tmp_path):
    node = found_node(at_least=22)
    suite = installed(node, "conformance", SUITE) / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    options = {"sessions": sessions, "sessions_each": sessions or None, "calls_per_minute": 0}
    with serving(sqlite_template.uri, **options) as (address, _):
        asked = ["server", "--url", f"{address}/mcp", "--suite", "all", "--spec-version", version]
        expected = ["--expected-failures", str(EXPECTED), "-o", str(tmp_path)]
        done = subprocess.run(
            [node.program, str(suite), *asked, *expected], capture_output=True, text=True, timeout=300, check=False
        )

    assert done.returncode == 0, f"{done.stdout[-3_000:]}\n{done.stderr[-1_000:]}"
    checks = {file.parent.name: json.loads(file.read_text()) for file in tmp_path.glob("**/checks.json")}
    for name in MUST_PASS[version]:
        (found,) = (each for folder, each in checks.items() if folder.startswith(f"server-{name}"))
        assert {check["status"] for check in found} <= {"SUCCESS", "INFO"}, name
