"""The official conformance suite, where Node 22 and its package can be had: `npx @modelcontextprotocol/conformance`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.http_serving import serving

pytestmark = pytest.mark.slow
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
EXPECTED = Path(__file__).with_name("conformance.yml")
# What needs nothing but an MCP server, and so must have been run.
MUST_PASS = {
    "2026-07-28": {"tools-list", "resources-list", "caching", "http-header-validation", "dns-rebinding-protection"},
    "2025-11-25": {"server-initialize", "server-session-lifecycle", "ping", "dns-rebinding-protection"},
}


def node_is_new_enough() -> bool:
    if shutil.which("npx") is None or (node := shutil.which("node")) is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    return int(version.strip().lstrip("v").partition(".")[0] or 0) >= 22


@pytest.mark.skipif(not node_is_new_enough(), reason="the conformance suite needs Node 22 or newer, with npx")
@pytest.mark.parametrize(("version", "sessions"), [("2026-07-28", 0), ("2025-11-25", 100)])
def test_the_conformance_suite_passes(version, sessions, sqlite_template, tmp_path):
    with serving(sqlite_template.uri, sessions=sessions, calls_per_minute=0) as (address, _):
        command = [
            "npx",
            "--yes",
            SUITE,
            "server",
            "--url",
            f"{address}/mcp",
            "--suite",
            "all",
            "--spec-version",
            version,
        ]
        options = ["--expected-failures", str(EXPECTED), "-o", str(tmp_path)]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, f"{done.stdout[-3_000:]}\n{done.stderr[-1_000:]}"
    checks = {file.parent.name: json.loads(file.read_text()) for file in tmp_path.glob("**/checks.json")}
    for name in MUST_PASS[version]:
        (found,) = (each for folder, each in checks.items() if folder.startswith(f"server-{name}"))
        assert {check["status"] for check in found} <= {"SUCCESS", "INFO"}, name
