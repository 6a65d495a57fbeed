"""The one encoding of answers, and how an answer is cut to its budget."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from mlflow_mcp.answers.base import Answer, Page
from mlflow_mcp.text import truncate

T = TypeVar("T")
CELL_CHARS = 300
# Kept free for a note and a cursor when rows are cut off.
_NOTE_AND_CURSOR = 250


@dataclass(frozen=True)
class Budget:
    """Room for the main part of an answer, in characters of its encoding, and the shares that its forms get of it.

    A tool that decides by it what to read answers with whole lines or rows; `fit` would cut wherever the room ends.
    """

    content: int

    @classmethod
    def of(cls, max_chars: int) -> Budget:
        """What the largest answer leaves beside its path, sizes and notes."""
        return cls(int(max_chars * 0.9))

    @property
    def rows(self) -> int:
        """For the rows of a table, beside the types of its columns."""
        return int(self.content * 0.8)

    @property
    def excerpt(self) -> int:
        """For an outline, or raw text of which every character may need two when it is encoded."""
        return self.content // 2

    @property
    def short_outline(self) -> int:
        """For an outline that only shows what could have been selected."""
        return min(1_500, self.excerpt)

    @property
    def read_ahead(self) -> int:
        """Bytes that hold enough text for an answer, also when some of it is removed (ANSI codes, progress bars)."""
        return self.content * 2

    @property
    def most_read_at_end(self) -> int:
        """Bytes that are read at most to find the last lines."""
        return self.content * 4


def encoded(content: Any) -> str:
    """The one encoding of answers: compact JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def sendable(part: T) -> T:
    """JSON values in which half of a surrogate pair is written as `\\ud83d`: UTF-8 cannot hold it, and one in an answer would
    end the connection."""
    if isinstance(part, str):
        return cast(T, part if part.isascii() else part.encode("utf-8", "backslashreplace").decode())
    if isinstance(part, list):
        return cast(T, [sendable(inner) for inner in part])
    if isinstance(part, dict):
        return cast(T, {sendable(key): sendable(inner) for key, inner in part.items()})
    return part


def content_of(answer: Answer) -> dict[str, Any]:
    """The answer as JSON values, its notes last: they speak of what stands before them."""
    content = answer.model_dump(mode="json", exclude_none=True)
    if "notes" in content:
        content["notes"] = content.pop("notes")
    return content


def fit(answer: Answer, content: dict[str, Any], budget: int) -> dict[str, Any]:
    """The answer's content, masked already, in at most `budget` characters of compact JSON.

    Long cells of tables are always cut. Then the rows of the longest table go (and `next_cursor` continues after the last
    one kept), then the longest texts are cut. `notes` say what was left out.
    """
    content = _with_short_cells(content)
    if len(encoded(content)) <= budget:
        return content
    rows = _longest_rows(content)
    if rows is not None and len(rows) > 1:
        content = _with_fewer_rows(answer, content, rows, budget)
    if len(encoded(content)) > budget:
        content = _with_shorter_texts(content, budget)
    return content


def _with_short_cells(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_short_cells(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if not (isinstance(part.get("columns"), list) and isinstance(part.get("rows"), list)):
        return {key: _with_short_cells(inner) for key, inner in part.items()}
    return {key: inner if key == "columns" else _cut_texts(inner, CELL_CHARS) for key, inner in part.items()}


def _longest_rows(content: Any) -> list[Any] | None:
    found: list[list[Any]] = []

    def visit(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("columns"), list) and isinstance(part.get("rows"), list):
                found.append(part["rows"])
            for inner in part.values():
                visit(inner)
        elif isinstance(part, list):
            for inner in part:
                visit(inner)

    visit(content)
    return max(found, key=lambda rows: len(encoded(rows)), default=None)


def _with_fewer_rows(answer: Answer, content: dict[str, Any], rows: list[Any], budget: int) -> dict[str, Any]:
    whole = list(rows)
    room = budget - (len(encoded(content)) - len(encoded(rows))) - _NOTE_AND_CURSOR
    used, kept = 0, 0
    for row in whole:
        used += len(encoded(row)) + 1
        if used > room:
            break
        kept += 1
    kept = max(kept, 1)
    if kept == len(whole):
        return content
    rows[:] = whole[:kept]
    note = f"Only the first {kept} of {len(whole)} rows fit into one answer"
    if isinstance(answer, Page) and answer._cursor_after is not None:
        content["next_cursor"] = answer._cursor_after(kept)
        note += "; next_cursor continues after them, or name fewer columns."
    else:
        note += "; narrow the question to see the rest."
    content["notes"] = [*content.get("notes", ()), note]
    return content


def _with_shorter_texts(content: dict[str, Any], budget: int) -> dict[str, Any]:
    note = "Long texts were cut to fit into one answer."
    content["notes"] = [*content.get("notes", ()), note]
    for limit in (4_000, 1_000, CELL_CHARS, 100, 40):
        cut: dict[str, Any] = _cut_texts(content, limit)
        if len(encoded(cut)) <= budget:
            return cut
    return _with_fewer_parts(cut, budget)


def _cut_texts(part: Any, limit: int, under: str = "") -> Any:
    if isinstance(part, str) and under not in ("next_cursor", "run_id", "url"):
        return truncate(part, limit)
    if isinstance(part, dict):
        return {key: inner if key == "notes" else _cut_texts(inner, limit, key) for key, inner in part.items()}
    if isinstance(part, list):
        return [_cut_texts(inner, limit) for inner in part]
    return part


def _with_fewer_parts(content: dict[str, Any], budget: int) -> dict[str, Any]:
    """The last resort: leave out the later half of the largest field, again and again, until the rest fits."""
    while len(encoded(content)) > budget:
        name = max((key for key in content if key != "notes"), key=lambda key: len(encoded(content[key])))
        smaller = _half(content[name])
        if len(encoded(smaller)) >= len(encoded(content[name])):
            break  # nothing is left that could go
        content[name] = smaller
        note = f"`{name}` is not complete: it does not fit into one answer."
        if note not in content["notes"]:
            content["notes"].append(note)
    return content


def _half(part: Any) -> Any:
    """The first half of a value, of the same form: a table loses columns, never its shape."""
    if isinstance(part, dict) and isinstance(part.get("columns"), list) and isinstance(part.get("rows"), list):
        if part.get("common"):
            return {**part, "common": _half(part["common"])}
        half = len(part["columns"]) // 2
        return {**part, "columns": part["columns"][:half], "rows": [row[:half] for row in part["rows"]]}
    if isinstance(part, list):
        return part[: len(part) // 2]
    if isinstance(part, dict):
        return dict(list(part.items())[: len(part) // 2])
    if isinstance(part, str):
        return part[: len(part) // 2]
    return part
