"""A host's configuration as a whole file: what `--print` shows, and what is in examples/configs."""

from __future__ import annotations

from typing import Any

from mlflow_mcp.cli.setup.entry import ADDRESS, OurEntry
from mlflow_mcp.cli.setup.hosts import HOSTS, Host
from mlflow_mcp.installation import example_command

EXAMPLE_ADDRESS = "https://mlflow.example.com"
# scripts/generate_docs.py writes them.
EXAMPLES = {
    "claude_code.mcp.json": "claude-code",
    "claude_desktop_config.json": "claude-desktop",
    "codex.config.toml": "codex",
    "cursor.mcp.json": "cursor",
    "gemini.settings.json": "gemini",
    "vscode.mcp.json": "vscode",
    "windsurf.mcp_config.json": "windsurf",
    "zed.settings.json": "zed",
}


def configuration(host: Host, name: str, entry: dict[str, Any]) -> str:
    """A whole file with this entry alone."""
    text: str = host.form.with_entry("", host.keys, name, entry)
    return text


def example_files() -> dict[str, str]:
    ours = OurEntry(example_command(), {ADDRESS: EXAMPLE_ADDRESS})
    return {file: configuration(HOSTS[name], "mlflow", ours.for_host(HOSTS[name])) for file, name in EXAMPLES.items()}
