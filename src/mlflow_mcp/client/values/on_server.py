"""The values of one server's runs, with the server's name before their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlflow_mcp.client.values.run import RunValues

if TYPE_CHECKING:
    from mlflow_mcp.client.values.database import DatabaseValues
    from mlflow_mcp.client.values.server import ServerValues


class ValuesOnServer:
    """The same as the values that it holds but for the ids."""

    def __init__(self, values: DatabaseValues | ServerValues, prefix: str) -> None:
        self._values, self._prefix = values, prefix

    def __iter__(self) -> Iterator[list[RunValues]]:
        for page in self._values:
            yield [
                run._replace(run_id=f"{self._prefix}{run.run_id}", experiment_id=f"{self._prefix}{run.experiment_id}")
                for run in page
            ]

    def names(self, kind: str) -> list[str]:
        return self._values.names(kind)

    @property
    def runs(self) -> int:
        return self._values.runs

    @property
    def has_all(self) -> bool:
        return self._values.has_all

    @property
    def partial(self) -> str | None:
        return self._values.partial

    @property
    def left_out(self) -> list[str]:
        return self._values.left_out

    @property
    def total(self) -> int | None:
        return self._values.total

    @property
    def stopped(self) -> str | None:
        return self._values.stopped
