"""Every package says the same version."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mlflow_mcp import __version__

ROOT = Path(__file__).parents[2]

MANIFESTS = [
    ".claude-plugin/plugin.json",
    "gemini-extension.json",
    "deploy/claude-desktop/manifest.json",
    "deploy/registry/server.json",
]


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_has_the_packages_version(name):
    """scripts/generate_docs.py writes it."""
    assert json.loads((ROOT / name).read_text(encoding="utf-8"))["version"] == __version__


def test_the_registrys_bundle_has_it_in_its_name():
    entry = json.loads((ROOT / "deploy/registry/server.json").read_text(encoding="utf-8"))
    assert entry["packages"][0]["identifier"].endswith(f"/mlflow-mcp-{__version__}.mcpb")


def test_the_image_of_the_kubernetes_example_has_it():
    text = (ROOT / "deploy/kubernetes/kustomization.yaml").read_text(encoding="utf-8")
    assert re.findall(r"newTag: (.*)", text) == [__version__]


def test_no_other_manifest_has_a_version_of_its_own():
    """A manifest that is added belongs into the list above."""
    folders = [ROOT, ROOT / ".claude-plugin", *(ROOT / "deploy").rglob("*/")]
    found = {
        file.relative_to(ROOT).as_posix()
        for folder in folders
        for file in folder.glob("*.json")
        if re.search(r'^  "version":', file.read_text(encoding="utf-8"), re.M)
    }
    assert found == set(MANIFESTS)
