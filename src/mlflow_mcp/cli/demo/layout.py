"""An answer as a person likes to read it. Agents get the same as one line of JSON; nothing here knows a tool."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from mlflow_mcp.cli.terminal import wrapped

MOST_LINES = 20
WIDEST_CELL, ROOMY_CELL, NARROWEST_CELL = 52, 36, 22
MOST_CELL_LINES = 3
_LONG_ID = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24}\b")


def laid_out(answer: dict[str, Any], width: int) -> list[str]:
    """Lines of at most `width`: names with values, then aligned tables and the beginning of long texts, then remarks."""
    answer = _with_own_texts(answer)
    facts = {name: value for name, value in answer.items() if isinstance(value, (str, int, float, list))}
    facts = {
        name: value
        for name, value in facts.items()
        if name != "notes" and not _is_long(value) and not _is_records(value)
    }
    widest = max((len(name) for name in facts), default=0)
    lines, remarks = [], []
    for name, value in facts.items():
        lines += wrapped(_words(value), width, f"{name:<{widest}}  ", " " * (widest + 2))
    for name, value in answer.items():
        if _is_table(value):
            lines += ["", *_table(value, width)]
        elif _is_records(value):
            for record in value:
                lines += ["", *_record(record, width)]
        elif _is_long(value):
            lines += ["", *_beginning(name, value, width)]
        elif isinstance(value, dict):
            remarks.append(f"{name}: {_words(value)}")
    remarks += [f"Note: {printable(note)}" for note in answer.get("notes") or ()]
    for remark in remarks:
        lines += ["", *wrapped(remark, width)]
    return lines if facts else lines[1:]


def printable(text: str) -> str:
    """The text without control characters, which could move a terminal's cursor; ids of runs shortened."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return _LONG_ID.sub(r"\1…", clean)


def _with_own_texts(answer: dict[str, Any]) -> dict[str, Any]:
    """The long texts of small objects beside them: `changes.template`."""
    found: dict[str, Any] = {}
    for name, value in answer.items():
        long = {key: text for key, text in value.items() if _is_long(text)} if isinstance(value, dict) else {}
        found[name] = {key: each for key, each in value.items() if key not in long} if long else value
        found |= {f"{name}.{key}": text for key, text in long.items()}
    return found


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and {"columns", "rows"} <= set(value)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _record(record: dict[str, Any], width: int) -> list[str]:
    """A line for each field."""
    widest = max(len(name) for name in record)
    return [
        line
        for name, value in record.items()
        for line in wrapped(_words(value), width, f"{printable(name):<{widest}}  ", " " * (widest + 2))
    ]


def _words(value: Any) -> str:
    """A small value on one line."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return "; ".join(f"{printable(str(name))}: {_words(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_words(inner) for inner in value)
    return "-" if value is None else json.dumps(value)


def _beginning(name: str, text: str, width: int) -> list[str]:
    lines = text.splitlines()
    shown = [_cut(printable(line), width) for line in lines[:MOST_LINES]]
    more = len(lines) - len(shown)
    return shown + ([f"… and {more} more lines of `{name}`, which are in the answer too"] if more else [])


def _table(table: dict[str, Any], width: int) -> list[str]:
    """The columns, aligned; those that do not fit follow in a table of their own; and what is equal in every row."""
    names = list(table["columns"])
    for widest in (width, width - 15, WIDEST_CELL, ROOMY_CELL, 28, NARROWEST_CELL):
        cells = [[_cell(value, widest) for value in row] for row in table["rows"]]
        shown = _that_fit(names, cells, width, [])
        if len(shown) == len(names):
            break
    else:  # it takes a second table in any case: then with room for the names
        cells = [[_cell(value, ROOMY_CELL) for value in row] for row in table["rows"]]
        shown = _that_fit(names, cells, width, [])
    lines = _aligned(names, cells, shown)
    while left_out := [at for at in range(len(names)) if at not in shown]:
        keys = _keys(table["rows"])
        part = _that_fit(names, cells, width, [*keys, *left_out[:1]], left_out)
        lines += ["", *_aligned(names, cells, part)]
        shown = [*shown, *part]
    if table.get("common"):
        lines += wrapped(f"In every row: {_words(table['common'])}", width)
    return lines


def _aligned(names: list[str], cells: list[list[list[str]]], shown: list[int]) -> list[str]:
    heads = [_head(names[at], cells, at) for at in shown]
    widths = [max([len(head), *_lengths(cells, at)]) for at, head in zip(shown, heads)]
    lines = ["  ".join(f"{head:<{space}}" for head, space in zip(heads, widths)).rstrip()]
    lines.append("  ".join("-" * space for space in widths))
    for row in cells:
        for line in range(max(len(row[at]) for at in shown)):
            parts = [row[at][line] if line < len(row[at]) else "" for at in shown]
            lines.append("  ".join(f"{part:<{space}}" for part, space in zip(parts, widths)).rstrip())
    return lines


def _keys(rows: list[list[Any]]) -> list[int]:
    """The first columns, as many as it takes to tell the rows apart; the first alone when none do."""
    for count in range(1, 4):
        if len({json.dumps(row[:count]) for row in rows}) == len(rows):
            return list(range(count))
    return [0]


def _that_fit(
    names: list[str],
    cells: list[list[list[str]]],
    width: int,
    first: list[int],
    others: list[int] | None = None,
) -> list[int]:
    """Places of the columns to show, in order: `first` in any case (else the first and the last, where results stand),
    then as many of the others as fit."""
    shown = sorted(set(first))
    for at in others if others is not None else dict.fromkeys([0, len(names) - 1, *range(len(names))]):
        wider = sorted({*shown, at})
        space = sum(max([len(_head(names[each], cells, each)), *_lengths(cells, each)]) + 2 for each in wider) - 2
        if space <= width or not shown:
            shown = wider
    return shown


def _head(name: str, cells: list[list[list[str]]], at: int) -> str:
    """A column's name; of a long dotted one, the end."""
    limit = max([18, *_lengths(cells, at)])
    return name if len(name) <= limit else "…" + name[1 - limit :]


def _lengths(cells: list[list[list[str]]], at: int) -> list[int]:
    return [len(line) for row in cells for line in row[at]]


def _cell(value: Any, widest: int) -> list[str]:
    """A cell's lines: one for each entry of a mapping, names and values aligned."""
    if isinstance(value, dict) and value:
        names = [_cut(printable(str(name)), WIDEST_CELL - 10) for name in value]
        widest = max(len(name) for name in names)
        return [f"{name:<{widest}}  {_words(inner)}" for name, inner in zip(names, value.values())]
    text = _words(value)
    if len(text) > widest and " " in text:  # a sentence: its middle may be what was asked for
        lines = textwrap.wrap(text, widest)
        return [_cut(line, widest) for line in lines[:MOST_CELL_LINES]] + ["…"][: len(lines) > MOST_CELL_LINES]
    return [_cut(text, widest)]


def _cut(text: str, limit: int) -> str:
    """The text, or its beginning and its end: names mostly differ at their ends."""
    if len(text) <= limit:
        return text
    return text[: limit - limit // 2 - 1] + "…" + text[len(text) - limit // 2 :]
