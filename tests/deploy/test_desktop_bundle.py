"""The bundle for Claude Desktop, and its entry for the MCP registry."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mlflow_mcp.settings import Settings
from scripts.pack_mcpb import bundle_files, entry, for_users, pack

tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).parents[2]
MANIFEST = json.loads((ROOT / "deploy/claude-desktop/manifest.json").read_text(encoding="utf-8"))
ENTRY = json.loads((ROOT / "deploy/registry/server.json").read_text(encoding="utf-8"))
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

URL = "https://github.com/acme/mlflow-mcp/releases/download/v0.1.0/mlflow-mcp-0.1.0.mcpb"


# --- the manifest


def test_a_field_that_is_left_empty_never_reaches_the_server_as_its_placeholder():
    """Claude Desktop leaves `${user_config.token}` as it is where there is no value: it would be sent as the token."""
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(MANIFEST["server"])))
    assert used == set(MANIFEST["user_config"])
    for name in used:
        field = MANIFEST["user_config"][name]
        assert field["required"] or "default" in field, name


def test_what_is_secret_is_masked_and_kept_in_the_systems_store():
    secret = {name for name, field in MANIFEST["user_config"].items() if field.get("sensitive")}
    assert secret == {"password", "token"}


def test_the_bundles_variables_are_ours_or_mlflows():
    ours = {field.alias for field in Settings.model_fields.values()}
    for name in MANIFEST["server"]["mcp_config"]["env"]:
        assert name in ours or name.startswith("MLFLOW_TRACKING_")


def test_the_bundle_is_started_out_of_its_own_folder():
    server = MANIFEST["server"]
    assert server["mcp_config"]["command"] == server["type"] == "uv"
    assert server["mcp_config"]["args"][:3] == ["run", "--directory", "${__dirname}"]
    assert server["mcp_config"]["args"][-1] == server["entry_point"]
    assert server["entry_point"] in bundle_files()


# --- what is packed


def test_the_same_checkout_gives_the_same_bundle(tmp_path):
    assert pack(tmp_path / "a").read_bytes() == pack(tmp_path / "b").read_bytes()


def test_the_bundle_holds_the_package_and_nothing_of_the_checkout_besides():
    files = set(bundle_files())
    outside = {name for name in files if not name.startswith("src/mlflow_mcp/")}
    assert outside == {"manifest.json", "server.py", "pyproject.toml", "README.md", "LICENSE"}
    assert not [name for name in files if "__pycache__" in name or name.endswith(".pyc")]
    assert "src/mlflow_mcp/server/help/filters.md" in files


def test_the_bundles_project_file_is_ours_without_what_is_for_development():
    ours, bundled = tomllib.loads(PYPROJECT), tomllib.loads(for_users(PYPROJECT))
    assert bundled == {
        "build-system": ours["build-system"],
        "project": ours["project"],
        "tool": {"hatch": ours["tool"]["hatch"]},
    }


# --- the registry


def test_the_registry_asks_for_what_the_bundle_asks_for():
    (package,) = ENTRY["packages"]
    assert {each["name"] for each in package["environmentVariables"]} == set(MANIFEST["server"]["mcp_config"]["env"])
    secret = {each["name"] for each in package["environmentVariables"] if each.get("isSecret")}
    assert secret == {"MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"}


def test_the_entry_is_of_the_registrys_form(tmp_path):
    """What its schema of 2025-12-11 and its rules for publishing say of the fields that stand here."""
    filled = entry(pack(tmp_path), "io.github.acme/mlflow-mcp", URL)
    assert set(filled) == {"$schema", "name", "title", "description", "version", "packages"}
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", filled["name"])
    assert 1 <= len(filled["description"]) <= 100
    assert re.fullmatch(r"\d+\.\d+\.\d+", filled["version"])
    (package,) = filled["packages"]
    assert package["registryType"] == "mcpb"
    assert package["transport"] == {"type": "stdio"}
    assert "version" not in package  # is part of the bundle's address
    for variable in package["environmentVariables"]:
        known = {"name", "description", "isRequired", "isSecret", "default", "placeholder", "format"}
        assert set(variable) <= known
        assert variable.get("format", "string") in ("string", "filepath")


def test_a_published_entry_has_the_bundles_checksum(tmp_path):
    bundle = pack(tmp_path)
    (package,) = entry(bundle, "io.github.acme/mlflow-mcp", URL)["packages"]
    assert package["identifier"] == URL
    assert package["fileSha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()


def test_the_template_can_be_taken_for_nobodys_package():
    """Nothing of ours is on an index yet: an entry that named one there would install another author's program."""
    assert ENTRY["name"].startswith("com.example/")
    assert [package["identifier"].split("/")[2] for package in ENTRY["packages"]] == ["example.com"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "io.github.acme/mlflow-mcp"],
        ["--name", "io.github.acme/mlflow-mcp", "--url", "https://example.com/mlflow-mcp.mcpb"],
        ["--name", "mlflow-mcp", "--url", URL],
    ],
)
def test_no_entry_is_written_that_the_registry_would_refuse(arguments, tmp_path):
    command = [sys.executable, str(ROOT / "scripts/pack_mcpb.py"), "--folder", str(tmp_path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
