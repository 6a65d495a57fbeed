"""Pages of any source of rows: walked whole, and a change of the list is told only where it is one."""

from __future__ import annotations

import pytest

from mlflow_mcp.client import Client
from mlflow_mcp.client.page_tokens import token_at
from mlflow_mcp.client.pages import Source, page_of
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.settings import Settings

NUMBERS = list(range(100, 160))
READ_AT_ONCE = 7


def numbers_where(kept):
    """A source of the numbers that are `kept`, which reads lists of seven of them all, as a server that cannot filter."""

    def read(_, most, token):
        start = 0 if token is None else PLACES[token]
        found = []
        while start < len(NUMBERS) and len(found) < most:
            found += [number for number in NUMBERS[start : start + READ_AT_ONCE] if kept(number)]
            start += READ_AT_ONCE
        return found, token_at(start) if start < len(NUMBERS) else None

    return Source(read, sorted, str, ("numbers",), leaves_out=True)


PLACES = {token_at(place): place for place in range(1, len(NUMBERS) + 1)}


@pytest.mark.parametrize("limit", [1, 3, 5, 8, 60])
def test_rows_of_a_source_that_leaves_some_out_are_walked_whole(limit, empty_store):
    """Their page tokens are no places of rows: the row before a token may be one that is left out."""
    client = Client(Connection(Settings(tracking_uri=empty_store)))
    source = numbers_where(lambda number: number % 7 not in (1, 3))
    found, cursor = [], None
    while True:
        page = page_of(client, ["0"], source, limit, cursor)
        assert not page.has_shifted
        found += page.rows[:limit]
        if not page.more:
            break
        cursor = page.cursor_after(len(page.rows))

    assert found == [number for number in NUMBERS if number % 7 not in (1, 3)]
