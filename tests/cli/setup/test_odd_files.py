"""Links that lead nowhere, and comments that end where an entry is taken out."""

from __future__ import annotations

import pytest

from mlflow_mcp.cli.setup.json_text import data, without_entry
from tests.cli.setup.conftest import URI, Machine

CURSOR = ".cursor/mcp.json"


def test_undo_behind_a_link_removes_what_was_made_and_leaves_the_link(machine: Machine):
    target = machine.home / "dotfiles" / "cursor.json"
    link = machine.home / CURSOR
    link.parent.mkdir()
    link.symlink_to(target)
    machine.setup("cursor", "--uri", URI)
    assert target.exists()

    machine.setup("cursor", "--undo")

    assert link.is_symlink()
    assert not target.exists()


def test_a_link_that_leads_to_itself_is_told_and_left(machine: Machine):
    link = machine.home / CURSOR
    link.parent.mkdir()
    link.symlink_to(link.name)

    said = machine.setup("cursor", "--uri", URI)

    assert f"{link} is a symbolic link that leads back to itself. Nothing was changed." in said.err
    assert link.is_symlink()


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {\n  // of ours\n  "mlflow": {}}}',
        '{"mcpServers": {"a": "// no comment",\n  // of ours, }\n  "mlflow": {}}, "z": 1}',
        '{"mcpServers": {\r\n  // of ours\r\n  "mlflow": {}}}',
    ],
)
def test_a_comment_before_the_entry_does_not_swallow_what_follows_it(text):
    without = data(text)
    del without["mcpServers"]["mlflow"]

    found = without_entry(text, ("mcpServers",), "mlflow")

    assert data(found) == without
    assert "// of ours" in found
