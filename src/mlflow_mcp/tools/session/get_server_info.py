"""Which server this is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlflow_mcp import __version__
from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client.transport.connection import Tracking
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.output_files import root_of


class ServerInfo(Answer):
    """The configured tracking server."""

    tracking_uri: str
    reachable: bool
    server_version: str | None = None
    client_version: str
    mlflow_mcp_version: str = __version__
    experiments: Annotated[int, Field(description="Active experiments.")]
    newest_experiments: list[str]
    access: str = "MLflow is only read"
    files_into: Annotated[str, Field(description="The only folder that exports and downloads are written into.")]


def get_server_info(tracking: Tracking) -> ServerInfo:
    """Tell which MLflow tracking server is configured, whether it answers, its version, how many experiments it has and
    what this session may do. Call it when other calls fail or before the first question; search_experiments comes next."""
    names = tracking.reread_experiments()
    import mlflow

    return ServerInfo(
        tracking_uri=safe_uri(tracking.known_uri),
        reachable=True,
        server_version=server_version(tracking),
        client_version=mlflow.__version__,
        experiments=len(names),
        newest_experiments=list(names.values())[:5],
        files_into=str(root_of(tracking.settings)),
    )


def server_version(tracking: Tracking) -> str | None:
    """The server's own version; None for a store without a server, or a server too old or too guarded to tell."""
    if not tracking.is_http:
        return None
    response = tracking.request("/version")
    text = response.text.strip()
    return text if response.status_code == 200 and len(text) < 40 and text[:1].isdigit() else None
