"""What the searches for prompts, datasets and scorers share: what is asked, and a page that can be cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client.cursors import decode_position, encode_cursor
from mlflow_mcp.client.filters import COMPARATOR, blanked, containing, refuse_what_mlflow_cannot

T = TypeVar("T")
TEXT = 100  # characters of a text in a row


@dataclass(frozen=True)
class Asked:
    """The arguments of a search; `experiment_ids` None: everywhere."""

    query: str
    experiment_ids: list[str] | None
    limit: int
    cursor: str | None

    @property
    def is_filter(self) -> bool:
        """Whether the query is one of MLflow's filters rather than a part of a name."""
        return re.search(rf"(?i){COMPARATOR}", blanked(self.query)) is not None

    @property
    def filter(self) -> str:
        """As MLflow takes it. Raises Problem for what it cannot express."""
        if not self.query:
            return ""
        if not self.is_filter:
            return containing("name", self.query)[0]
        refuse_what_mlflow_cannot(self.query)
        return self.query

    def takes(self, name: str) -> bool:
        """Whether a thing of this name is meant: a part of a name may hold what MLflow's filters take for wildcards."""
        return self.is_filter or self.query.lower() in name.lower()


@dataclass(frozen=True)
class Found:
    """A table, and where it goes on after any number of its rows; `names` are compared with a query that found nothing."""

    table: Table
    more: bool
    cursor_after: Callable[[int], str]
    names: Callable[[], Sequence[str]]
    partial: str | None = None


@dataclass(frozen=True)
class Rows:
    """One page of MLflow's list, those rows taken out that are not meant."""

    rows: list[Any]
    more: bool
    cursor_after: Callable[[int], str]


def page_of(
    kind: str, asked: Asked, read: Callable[[int, str | None], tuple[list[T], str | None]], name_of: Callable[[T], str]
) -> Rows:
    """The next rows; `read(number of rows, page token)` gives a page and the token of the next."""
    arguments = (kind, asked.query, asked.experiment_ids)
    token, skip = decode_position(asked.cursor, *arguments) if asked.cursor else (None, 0)
    page, following = read(asked.limit + skip, token)
    kept = [at for at, each in enumerate(page) if at >= skip and asked.takes(name_of(each))]

    def cursor_after(count: int) -> str:
        return encode_cursor([token, kept[count]] if count < len(kept) else [following, 0], *arguments)

    return Rows([page[at] for at in kept], following is not None, cursor_after)
