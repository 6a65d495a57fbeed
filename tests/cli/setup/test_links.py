"""The links that `setup --print` shows are read back as their hosts read them."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from mlflow_mcp.cli.setup.links import install_link

URI = "https://mlflow.example.com"
# What a link must carry unharmed: a blank, an umlaut, and what base64 writes as + and /.
ENTRY = {"command": "uvx", "args": ["--from", "/a b/ü?>~", "mlflow-mcp"], "env": {"MLFLOW_TRACKING_URI": URI}}


def test_cursors_link_holds_the_entry():
    link = urlsplit(install_link("cursor", "my mlflow", ENTRY) or "")
    asked = parse_qs(link.query, strict_parsing=True)

    assert (link.scheme, link.netloc, link.path) == ("cursor", "anysphere.cursor-deeplink", "/mcp/install")
    assert asked["name"] == ["my mlflow"]
    assert json.loads(base64.b64decode(asked["config"][0], validate=True)) == ENTRY


def test_vscodes_link_holds_the_entry_with_its_name():
    before, _, asked = (install_link("vscode", "my mlflow", ENTRY) or "").partition("?")

    assert before == "vscode:mcp/install"
    assert json.loads(unquote(asked)) == {"name": "my mlflow", **ENTRY}


def test_other_hosts_have_none():
    assert install_link("claude-desktop", "mlflow", ENTRY) is None


@pytest.mark.parametrize(("host", "begins"), [("cursor", "cursor://"), ("vscode", "vscode:mcp/install?")])
def test_print_shows_the_link_beside_the_configuration(machine, host, begins):
    said = machine.setup(host, "--uri", URI, "--print")

    assert f"Or open this link on this machine: {begins}" in said.err
    assert begins not in said.out


def test_no_link_holds_a_stored_secret(machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tell-nobody-1234567890")
    stored = machine.setup("cursor", "--uri", URI, "--print", "--store-secrets")
    referred = machine.setup("cursor", "--uri", URI, "--print")

    assert "Or open this link" not in stored.err
    link = referred.err.partition("link on this machine: ")[2].strip()
    config = base64.b64decode(parse_qs(urlsplit(link).query)["config"][0]).decode()
    assert "tell-nobody" not in config
    assert "${env:MLFLOW_TRACKING_TOKEN}" in config
