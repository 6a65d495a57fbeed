"""Which server this is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlflow_mcp import __version__
from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.output_files import root_of


class ServerInfo(Answer):
    """The configured tracking server."""

    tracking_uri: str
    server_version: str | None = None
    client_version: str
    mlflow_mcp_version: str = __version__
    experiments: Annotated[int, Field(description="Active experiments.")]
    newest_experiments: list[str]
    files_into: Annotated[
        str | None, Field(description="The only folder that exports and downloads are written into.")
    ] = None


def get_server_info(client: Client) -> ServerInfo:
    """Report which MLflow tracking server is configured, its version, how many experiments it has and where this session
    writes files. Fails when the server does not answer. Call it when other calls fail or before the first question;
    search_experiments comes next."""
    names = client.experiments.reread()
    return ServerInfo(
        tracking_uri=safe_uri(client.uri),
        server_version=client.http.server_version() if client.is_http else None,
        client_version=client.connection.mlflow_version,
        experiments=len(names),
        newest_experiments=list(names.values())[:5],
        files_into=None if client.settings.over_http else str(root_of(client.settings)),
    )
