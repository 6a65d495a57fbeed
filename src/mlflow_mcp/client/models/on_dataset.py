"""Models with metrics on a dataset of which only the name is given.

MLflow's server looks for a missing digest when none is named (it hands `dataset_digest: None` to its store), and so finds
nothing, while the store itself takes every digest. So pages of a server are filtered here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlflow_mcp.client.models.query import Comparison, comparisons_of

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

# Rows of a request whose answer is filtered.
_READ_AT_ONCE = 100

Read = Callable[[int, "str | None"], "tuple[list[LoggedModel], str | None]"]


def read_matching(
    read: Read, dataset: str, query: str, most: int, token: str | None
) -> tuple[list[LoggedModel], str | None]:
    """From a page token on at least `most` models with a metric on the dataset, if there are as many, and the token of the
    page after them. The comparisons of metrics hold for values on that dataset."""
    parts = [part for part in comparisons_of(query) if isinstance(part, Comparison) and part.kind == "metrics"]
    found: list[LoggedModel] = []
    while True:
        page, token = read(max(most, _READ_AT_ONCE), token)
        found += [model for model in page if _is_measured(model, dataset, parts)]
        if token is None or len(found) >= most:
            return found, token


def _is_measured(model: LoggedModel, dataset: str, parts: list[Comparison]) -> bool:
    points = [each for each in model.metrics or () if each.dataset_name == dataset]
    return bool(points) and all(
        any(point.key == part.name and part.holds(point.value) is not False for point in points) for part in parts
    )
