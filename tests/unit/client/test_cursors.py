"""Cursors: what a call gave comes back, and nothing else does."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.cursors import decode_cursor, decode_offset, decode_position, encode_cursor
from mlflow_mcp.errors import Problem


def test_a_cursor_holds_what_it_was_given():
    assert decode_cursor(encode_cursor(["token", 5], "a", None), "a", None) == ["token", 5]
    assert decode_offset(encode_cursor(40, "a"), "a") == 40
    assert decode_position(encode_cursor([None, 3], "a"), "a") == (None, 3)


@pytest.mark.parametrize("content", [None, "x", {}, [], ["a"], ["a", "b", "c"]])
def test_a_tampered_cursor_is_refused_although_its_digest_is_right(content):
    cursor = encode_cursor(content, "a")

    with pytest.raises(Problem, match="not one that this server gave"):
        decode_position(cursor, "a")
    if not isinstance(content, int):
        with pytest.raises(Problem, match="not one that this server gave"):
            decode_offset(cursor, "a")


def test_a_cursor_of_other_arguments_is_refused():
    with pytest.raises(Problem, match="other arguments"):
        decode_cursor(encode_cursor(1, "a"), "b")
