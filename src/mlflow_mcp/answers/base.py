"""What every answer is made of: the base model, tables, numbers and times, and how an answer is cut to its budget."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

# MLflow stores infinities as the largest doubles.
_LARGEST = 1.797e308
CELL_CHARS = 300

Notes = Annotated[list[str] | None, Field(description="What was left out or is uncertain, and which call gets it.")]


class Answer(BaseModel):
    """The base of every tool's answer. Fields that are None are not sent."""

    model_config = ConfigDict(extra="forbid")

    notes: Notes = None

    def note(self, *sentences: str) -> None:
        """Append to the notes, each sentence once."""
        kept = [*(self.notes or ()), *(sentence for sentence in sentences if sentence)]
        self.notes = list(dict.fromkeys(kept)) or None


class Table(BaseModel):
    """Rows under named columns; what is equal in every row stands in `common` instead."""

    columns: list[str]
    rows: list[list[Any]]
    common: dict[str, Any] | None = None

    @classmethod
    def of(cls, columns: Sequence[str], rows: Sequence[Sequence[Any]], keep: Sequence[str] = ()) -> Table:
        """Take out the columns that hold one value in all rows (with two rows or more), except those in `keep`,
        and drop those that hold nothing at all."""
        values = [[row[at] for row in rows] for at in range(len(columns))]
        common: dict[str, Any] = {}
        shown: list[int] = []
        for at, name in enumerate(columns):
            first = values[at][0] if rows else None
            same = all(value == first and type(value) is type(first) for value in values[at])
            if rows and same and first is None and name not in keep:
                continue
            if len(rows) > 1 and same and name not in keep:
                common[name] = first
            else:
                shown.append(at)
        return cls(
            columns=[columns[at] for at in shown],
            rows=[[short_numbers(row[at]) for at in shown] for row in rows],
            common={name: short_numbers(value) for name, value in common.items()} or None,
        )

    def without(self, name: str) -> Table:
        """The table without a column, wherever it stands."""
        if self.common is not None:
            self.common.pop(name, None)
            self.common = self.common or None
        if name in self.columns:
            at = self.columns.index(name)
            self.columns.pop(at)
            for row in self.rows:
                row.pop(at)
        return self


class Page(Answer):
    """An answer whose main content is one table that can go on in a next page."""

    next_cursor: Annotated[str | None, Field(description="Pass as `cursor` to go on.")] = None
    # The cursor for a page that is cut after its first n rows; set by the tool that can continue.
    _cursor_after: Callable[[int], str] | None = PrivateAttr(default=None)

    def continue_with(self, cursor_after: Callable[[int], str], shown: int, more: bool) -> None:
        """Let the page be cut anywhere, and set `next_cursor` when there is more after its `shown` rows."""
        self._cursor_after = cursor_after
        self.next_cursor = cursor_after(shown) if more else None


class Picture(Answer):
    """An image and a short text: what a person looks at, and the same in words for who cannot see it."""

    text: str
    data: Annotated[bytes, Field(repr=False)]
    mime_type: str = "image/png"


def number(value: float | int | None, digits: int | None = 6) -> float | int | str | None:
    """A JSON number with `digits` significant digits (None: whole), or "NaN", "Infinity", "-Infinity"."""
    if value is None or isinstance(value, (int, bool)):
        return value
    if math.isnan(value):
        return "NaN"
    if abs(value) >= _LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.{digits}g}") if digits else value


def iso(milliseconds: int | float | None) -> str | None:
    """MLflow's milliseconds since 1970 as ISO-8601 UTC with seconds."""
    if not milliseconds or milliseconds < 0:
        return None
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):  # a client logged a time outside the calendar
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(start: int | None, end: int | None) -> float | None:
    """The time between two of MLflow's milliseconds, in seconds."""
    return None if not start or not end else round((end - start) / 1000, 1)


def size(count: int | None) -> str:
    """A number of bytes for people: `981 B`, `2.1 MB`."""
    if count is None:
        return "unknown size"
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            return f"{amount:.3g} {unit}"
    raise AssertionError


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def clip(text: str, limit: int) -> str:
    """The text, or its beginning and how much was cut: `…[+1234 chars]`."""
    return text if len(text) <= limit else f"{text[:limit]}…[+{len(text) - limit} chars]"


def short_numbers(value: Any) -> Any:
    """A table's cell with its numbers as tables show them."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {key: short_numbers(inner) for key, inner in value.items()}
    return value


def encoded(content: Any) -> str:
    """The one encoding of answers: compact JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def content_of(answer: Answer) -> dict[str, Any]:
    """The answer as JSON values, its notes last: they speak of what stands before them."""
    content = answer.model_dump(mode="json", exclude_none=True)
    if "notes" in content:
        content["notes"] = content.pop("notes")
    return content


def fit(answer: Answer, content: dict[str, Any], budget: int) -> dict[str, Any]:
    """The answer's content, masked already, in at most `budget` characters of compact JSON.

    Long cells of tables are always cut. Then the rows of the longest table go (and `next_cursor` continues after the last
    one kept), then the longest texts are cut. What went is said in `notes`.
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
    room = budget - (len(encoded(content)) - len(encoded(rows))) - 250  # for the note and the cursor
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
        note += "; next_cursor goes on after them, or name fewer columns."
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
        return clip(part, limit)
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
        said = f"`{name}` is not complete: it does not fit into one answer."
        if said not in content["notes"]:
            content["notes"].append(said)
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
