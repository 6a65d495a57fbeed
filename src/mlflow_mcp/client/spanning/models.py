"""The logged models of several servers, with the server's name before their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.models import Models
from mlflow_mcp.entities.on_server import model_on

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from mlflow_mcp.client.spanning import SpanningClient


class SpanningModels(Models):
    """`models` of a client of several servers. What a name or a version stands for, its own server is asked before."""

    def __init__(self, client: SpanningClient) -> None:
        super().__init__(client)
        self._whole = client

    def logged(self, model_id: str) -> LoggedModel:
        part, own = self._whole.at(model_id)
        return model_on(part.models.logged(own), part.prefix)
