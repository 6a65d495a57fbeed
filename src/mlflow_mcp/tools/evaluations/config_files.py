"""The launcher's config out of a run's files, for evaluations that were exported without flattened params."""

from __future__ import annotations

from mlflow_mcp.client import Client
from mlflow_mcp.entities.recorded_config import flattened
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.tools.artifacts.formats.structured import load_yaml

_CONFIGS = ("config.yml", "config.yaml")
_CONFIG_BYTES = 256 * 1024


def config_params(client: Client, run_id: str) -> dict[str, str]:
    """The launcher's config of a run's files, under the names of flattened params; nothing where it cannot be read."""
    for name in _CONFIGS:
        try:
            content = client.artifacts(run_id).read(name, 0, _CONFIG_BYTES)
        except NotFound:
            continue
        except Problem:  # what cannot be read is not compared, and counted
            return {}
        parsed = load_yaml(content.data.decode("utf-8", "replace"))
        return flattened(parsed) if isinstance(parsed, dict) else {}
    return {}
