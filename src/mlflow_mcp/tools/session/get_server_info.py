"""Which server this is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp import __version__
from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.spanning import SpanningClient
from mlflow_mcp.client.spanning.everywhere import Outcome, ask_everywhere
from mlflow_mcp.errors import Unreachable
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
    return _of_all(client) if isinstance(client, SpanningClient) else _of_one(client)


def _of_all(client: SpanningClient) -> ServerInfo:
    """The default server, and the state of each. Raises Unreachable where the default one does not answer."""
    default, *others = outcomes = ask_everywhere(client, _of_one)
    if default.found is None:
        states = "; ".join(f"{each.name}: {each.unknown or 'answers'}" for each in others)
        problem = default.problem or Unreachable("It did not answer.")
        raise Unreachable(f"{default.name}, the default server: {default.unknown or problem} Of the others, {states}")
    answer = default.found
    answer._servers = [_state(each, is_default=each is default) for each in outcomes]
    answer.note("Ids on a server other than the default one have its name and a colon before them.")
    return answer


def _state(outcome: Outcome[ServerInfo], *, is_default: bool) -> dict[str, Any]:
    info = outcome.found
    state: dict[str, Any] = {"name": outcome.name, "tracking_uri": safe_uri(outcome.client.connection.uri or "")}
    state |= {"default": True} if is_default else {}
    if info is None:
        return state | {"state": f"not usable: {outcome.unknown or outcome.problem}"}
    version = {"server_version": info.server_version} if info.server_version else {}
    return state | version | {"state": "answers", "experiments": info.experiments}


def _of_one(client: Client) -> ServerInfo:
    names = client.experiments.reread()
    return ServerInfo(
        tracking_uri=safe_uri(client.uri),
        server_version=client.http.server_version() if client.is_http else None,
        client_version=client.connection.mlflow_version,
        experiments=len(names),
        newest_experiments=list(names.values())[:5],
        files_into=None if client.settings.over_http else str(root_of(client.settings)),
    )
