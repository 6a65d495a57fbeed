"""How an answer is cut to its budget: rows first, then texts, then parts; never an id or a cursor."""

from __future__ import annotations

from typing import Any

from mlflow_mcp.answers.base import Answer, Page
from mlflow_mcp.answers.budget import CELL_CHARS, encoded
from mlflow_mcp.text import truncate

# Kept free for a note and a cursor when rows are cut off.
_NOTE_AND_CURSOR = 250
# Of an answer that is too large: a note quotes what callers and strangers have written.
_NOTE_CHARS = 400
_NOTES_SHARE = 0.35
# Of an error: it is one sentence and a next step, whatever it quotes.
_ERROR_CHARS = 4_000
# Half an id means another thing, or nothing.
_NEVER_CUT = ("next_cursor", "url", "id", "parent")


def fit_sentences(failed: str, next_step: str, budget: int) -> str:
    """An error in at most `budget` characters. Of a long sentence the middle goes: what failed stands at its beginning, and
    its reason often at its end."""
    room = min(budget, _ERROR_CHARS)
    whole = f"{failed} {next_step}".strip()
    if len(whole) <= room:
        return whole
    next_step = without_middle(next_step, room // 3)
    return f"{without_middle(failed, room - len(next_step) - 1)} {next_step}".strip()


def without_middle(text: str, limit: int) -> str:
    """The text, or its beginning and its end with how much is left out between them, in at most `limit` characters."""
    if len(text) <= limit:
        return text
    mark = f"…[{len(text) - limit:,}+ chars]…"
    kept = max(0, limit - len(mark))
    end = kept // 3
    return text[: kept - end] + mark + (text[-end:] if end else "")


def fit(answer: Answer, content: dict[str, Any], budget: int) -> dict[str, Any]:
    """The answer's content, masked already, in at most `budget` characters of compact JSON.

    Long cells of tables are always cut. Then the rows of the longest table go (and `next_cursor` continues after the last
    one kept), then the longest texts are cut. `notes` say what was left out.
    """
    content = _with_short_cells(content)
    if len(encoded(content)) <= budget:
        return content
    if "notes" in content:
        content["notes"] = _short_notes(content["notes"], int(budget * _NOTES_SHARE))
    rows = _longest_rows(content)
    if rows is not None and len(rows) > 1:
        content = _with_fewer_rows(answer, content, rows, budget)
    if len(encoded(content)) > budget:
        content = _with_shorter_texts(content, budget)
    return content


def _is_table(part: dict[str, Any]) -> bool:
    """Whether these are columns and rows of cells: a stranger's JSON may use the same two names for anything."""
    columns, rows = part.get("columns"), part.get("rows")
    return (
        isinstance(columns, list)
        and isinstance(rows, list)
        and all(isinstance(column, str) for column in columns)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    )


def _short_notes(notes: list[str], room: int) -> list[str]:
    """The first notes, as many as there is room for, each cut in its middle; and how many are left out."""
    kept: list[str] = []
    for note in notes:
        short = without_middle(note, min(_NOTE_CHARS, room))
        if len(encoded([*kept, short])) > room:
            break
        kept.append(short)
    left_out = len(notes) - len(kept)
    return kept + ([f"{left_out} more notes do not fit."] if left_out else [])


def _with_short_cells(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_short_cells(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    if not _is_table(part):
        return {key: _with_short_cells(inner) for key, inner in part.items()}
    return {key: inner if key == "columns" else _cut_texts(inner, CELL_CHARS) for key, inner in part.items()}


def _longest_rows(content: Any) -> list[Any] | None:
    found: list[list[Any]] = []

    def visit(part: Any) -> None:
        if isinstance(part, dict):
            if _is_table(part):
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
        prefix = f"{answer._server}:" if answer._server else ""
        content["next_cursor"] = prefix + answer._cursor_after(kept)
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
    if isinstance(part, str):
        return part if _is_whole(under) else truncate(part, limit)
    if isinstance(part, dict):
        is_table = _is_table(part)
        if is_table:
            part = {**part, "rows": [_cut_row(row, part["columns"], limit) for row in part["rows"]]}
        done = ("notes", "columns", "rows") if is_table else ("notes",)
        return {key: inner if key in done else _cut_texts(inner, limit, key) for key, inner in part.items()}
    if isinstance(part, list):
        return [_cut_texts(inner, limit, under) for inner in part]
    return part


def _cut_row(row: list[Any], columns: list[Any], limit: int) -> list[Any]:
    return [_cut_texts(cell, limit, str(name)) for cell, name in zip(row, columns)]


def _is_whole(name: str) -> bool:
    return name in _NEVER_CUT or name.endswith(("_id", "_ids"))


def _with_fewer_parts(content: dict[str, Any], budget: int) -> dict[str, Any]:
    """The last resort: leave out the later half of the largest field, again and again, until the rest fits."""
    while len(encoded(content)) > budget:
        names = [key for key in content if key != "notes" and not _is_whole(key)]
        if not names:
            break
        name = max(names, key=lambda key: len(encoded(content[key])))
        smaller = _half(content[name])
        if len(encoded(smaller)) < len(encoded(content[name])):
            content[name] = smaller
        else:
            del content[name]  # nothing of it fits
        note = f"`{name}` is not complete: it does not fit into one answer."
        if note not in content["notes"]:
            content["notes"].append(note)
    return content


def _half(part: Any) -> Any:
    """The first half of a value, of the same form: a table loses columns, and never all of them."""
    if isinstance(part, dict) and _is_table(part):
        if part.get("common"):
            return {**part, "common": _half(part["common"])}
        half = (len(part["columns"]) + 1) // 2
        if half == len(part["columns"]):
            return {**part, "rows": part["rows"][: len(part["rows"]) // 2]}
        return {**part, "columns": part["columns"][:half], "rows": [row[:half] for row in part["rows"]]}
    if isinstance(part, list):
        return part[: len(part) // 2]
    if isinstance(part, dict):
        return dict(list(part.items())[: len(part) // 2])
    if isinstance(part, str):
        return truncate(part, len(part) // 2)
    return part
