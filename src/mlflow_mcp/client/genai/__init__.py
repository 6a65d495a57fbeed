"""What MLflow keeps for work with language models: prompts, evaluation datasets, scorers; a module for each."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mlflow_mcp.client.genai.datasets import Datasets
from mlflow_mcp.client.genai.prompts import Prompts
from mlflow_mcp.client.genai.scorers import Scorers

if TYPE_CHECKING:
    from mlflow_mcp.client import Client


class Genai:
    """`client.genai`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @cached_property
    def prompts(self) -> Prompts:
        return Prompts(self._client)

    @cached_property
    def datasets(self) -> Datasets:
        return Datasets(self._client)

    @cached_property
    def scorers(self) -> Scorers:
        return Scorers(self._client)
