"""Read one artifact, or a part of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer, Picture
from mlflow_mcp.answers.budget import CELL_CHARS, encoded
from mlflow_mcp.answers.masking import mask
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.client.artifacts.store import ByteRange
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clip, plural, short, size
from mlflow_mcp.tools.arguments import ArtifactPath, one_or_many
from mlflow_mcp.tools.artifacts.formats import tables
from mlflow_mcp.tools.artifacts.formats.archives import listing
from mlflow_mcp.tools.artifacts.formats.detect import IMAGES, kind_of, refusal
from mlflow_mcp.tools.artifacts.formats.documents import document_text
from mlflow_mcp.tools.artifacts.formats.images import image
from mlflow_mcp.tools.artifacts.formats.select import outline, select
from mlflow_mcp.tools.artifacts.formats.structured import MOST_CHARACTERS, Unparsable, parse
from mlflow_mcp.tools.artifacts.formats.text import (
    Lines,
    Window,
    cleaned,
    encoding_of,
    lines_of_text,
    read_lines,
    span_of_last,
)
from mlflow_mcp.tools.artifacts.owners import ArtifactOwner, owner_of
from mlflow_mcp.tools.artifacts.paths import with_path

_PROBE = 4096


_DATA = {".json": "json", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml", ".ipynb": "json"}


_TABLES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}


_ROWS = 20


_COLUMNS = 100


@dataclass(frozen=True)
class Wanted:
    """What of the file was asked for."""

    window: Window = field(default_factory=Window)
    select: str | None = None
    columns: Sequence[str] | None = None


class ArtifactContent(Answer):
    """A file, or the part of it that was asked for: `text`, parsed `content`, an `outline` of what is too large, a `table`
    of its rows, or the names that an archive holds."""

    path: str
    bytes: Annotated[int | None, Field(description="Size of the whole file.")] = None
    lines: Annotated[str | None, Field(description="Which lines are shown, when not all.")] = None
    encoding: Annotated[str | None, Field(description="When it is not UTF-8.")] = None
    text: str | None = None
    content: Any = None
    outline: list[str] | None = None
    row_count: Annotated[int | None, Field(description="Rows of the whole file.")] = None
    column_types: str | None = None
    table: Table | None = None
    holds: list[str] | None = None


def read(source: ArtifactSource, path: str, wanted: Wanted, budget: int) -> ArtifactContent | Picture:
    """The part of a file that is wanted, at most `budget` characters. Raises Problem for what cannot be shown."""
    ending = PurePosixPath(path.lower()).suffix
    # What is shown from its beginning is mostly had with the first request already.
    from_start = wanted.window.is_from_start and ending not in _TABLES
    piece, end = _ends(source, path, budget * 2 if from_start else _PROBE, wanted.window.tail, budget)
    if not piece.data:
        return ArtifactContent(path=path, bytes=0, text="", notes=["The file is empty."])
    binary = kind_of(path, piece.data[:_PROBE])
    is_table = ending in _TABLES and (binary is None or binary[0] == "parquet") and not wanted.select
    if is_table and wanted.window.tail is None and wanted.window.start_byte is None:
        encoding = encoding_of(piece.data[:_PROBE])
        return _rows(source, path, _TABLES[ending], encoding, piece.total, wanted, budget)
    if wanted.columns:
        raise Problem(
            f"columns are those of CSV, TSV, JSON-lines and Parquet files, and go without tail and start_byte; "
            f"'{path}' is read otherwise.",
            "Leave columns out.",
        )
    if binary is not None:
        return _binary(source, path, *binary, piece.total, wanted, budget)
    if ending in (".html", ".htm") and wanted.window.start_byte is None:
        text = document_text(source, path, "html", piece.total)
        return _of_lines(path, lines_of_text(text, wanted.window, budget, piece.total), "The page's text.")
    if ending in _DATA and wanted.window.is_whole:
        return _data(source, path, _DATA[ending], piece, wanted, budget)
    if wanted.select:
        raise Problem(
            f"select works on JSON, YAML and TOML, and alone; '{path}' is read otherwise.", "Leave select out."
        )
    encoding = encoding_of(piece.data[:_PROBE])
    answer = _of_lines(path, read_lines(source, path, wanted.window, encoding, budget, piece, end))
    if encoding != "utf-8":
        answer.encoding = encoding
    if answer.text and "\ufffd" in answer.text:
        answer.note("Bytes that are no text in this encoding stand as \ufffd.")
    return answer


def _ends(
    source: ArtifactSource, path: str, beginning: int, tail: int | None, budget: int
) -> tuple[ByteRange, ByteRange | None]:
    """The beginning of a file and, when its last lines are wanted, its end: asked for at the same time."""
    read_beginning = partial(source.read, path, 0, beginning)
    if tail is None:
        return read_beginning(), None
    span = span_of_last(tail, budget)
    first, last = source.client.run_concurrently(read_beginning, partial(source.read, path, -span, span))
    return first, last


def _of_lines(path: str, lines: Lines, *notes: str) -> ArtifactContent:
    answer = ArtifactContent(path=path, bytes=lines.total, lines=lines.shown, text=lines.text)
    answer.note(*notes, *lines.notes)
    return answer


def _data(
    source: ArtifactSource, path: str, kind: str, head: ByteRange, wanted: Wanted, budget: int
) -> ArtifactContent:
    total = head.total
    most = MOST_CHARACTERS[kind]
    if total is None or total > most:
        if wanted.select:
            raise Problem(
                f"'{path}' has {size(total)}; select takes at most {size(most)} of {kind.upper()} apart.",
                "Leave select out, or find lines with search_artifacts.",
            )
        encoding = encoding_of(head.data[:_PROBE])
        answer = _of_lines(path, read_lines(source, path, wanted.window, encoding, budget, head))
        answer.note("Too large to take apart: shown as text.")
        return answer
    data = head.data if head.is_end else source.read(path, 0, total).data
    text = data.decode(encoding_of(data[:_PROBE]), "replace")
    try:
        value = parse(kind, text)
    except Unparsable as broken:
        answer = _of_lines(path, lines_of_text(cleaned(text), wanted.window, budget, total))
        answer.note(f"It cannot be taken apart as {kind.upper()} ({broken}), so it is shown as text.")
        return answer
    if wanted.select:
        return _selected(path, total, value, wanted.select, budget, source.client.settings.mask_secrets)
    if kind != "json" and len(encoded(text)) <= budget:
        return ArtifactContent(path=path, bytes=total, text=text)  # with its comments
    if len(encoded(value)) <= budget:
        return ArtifactContent(path=path, bytes=total, content=value)
    answer = ArtifactContent(path=path, bytes=total, outline=outline(value, budget // 2))
    answer.note(
        "Too large for one answer: this is its outline. select='…' (JMESPath, as written here) takes out a part."
    )
    return answer


def _selected(path: str, total: int, value: Any, expression: str, budget: int, mask_secrets: bool) -> ArtifactContent:
    try:
        found = select(value, expression)
    except Unparsable as broken:
        raise Problem(
            f"select='{short(expression, 200)}' is no JMESPath expression for it ({broken}).",
            "Write keys.like.this, lists[0] or lists[*].key; keys with other characters in double quotes.",
        ) from broken
    answer = ArtifactContent(path=path, bytes=total)
    if mask_secrets:  # by the key, which the boundary does not see
        found = mask(found, (re.findall(r"[\w-]+", expression) or [""])[-1])
    if found is None or found == []:
        answer.outline = outline(value, 1_500)
        nothing = "finds nothing, or null" if found is None else "finds an empty list"
        answer.note(
            f"select='{short(expression, 200)}' {nothing}; this is the file's outline. Quote keys such as \"mmlu-pro\"."
        )
    elif len(encoded(found)) <= budget:
        answer.content = found
    elif isinstance(found, str):
        answer.text = found[: budget // 2]
        answer.note(f"The text has {len(found):,} characters; this is its beginning.")
    else:
        answer.outline = outline(found, budget // 2)
        answer.note("What it selects is too large for one answer: this is its outline. Select less.")
    return answer


def _rows(
    source: ArtifactSource, path: str, kind: str, encoding: str, total: int | None, wanted: Wanted, budget: int
) -> ArtifactContent:
    start, most = wanted.window.start_line or 1, wanted.window.max_lines or _ROWS
    rows = tables.read_rows(source, path, kind, encoding, total, wanted.columns, start, most)
    if not rows.rows and start > 1:
        raise Problem(f"'{path}' has only {plural(rows.count or 0, 'row')}.", "Give a smaller start_line.")
    wide = len(rows.columns) > _COLUMNS and not wanted.columns
    answer = ArtifactContent(path=path, bytes=total, row_count=rows.count)
    if most == 1 and rows.rows:
        kept, answer.content = 1, dict(zip(rows.columns, rows.rows[0]))  # whole, where a cell would be cut
    else:
        kept, answer.table = _table(rows, _COLUMNS if wide else len(rows.columns), budget)
        answer.column_types = tables.types_of(rows, _COLUMNS if wide else len(rows.columns))
        if wide:
            answer.note(f"Only {_COLUMNS} of {len(rows.columns):,} columns are shown; columns=['…'] shows others.")
    last = start + kept - 1
    answer.lines = f"rows {start}-{last}" if kept else None
    if rows.count is None or last < rows.count:
        answer.note(
            f"start_line={last + 1} goes on with the next rows; columns=[…] shows fewer columns, max_lines=1 a row whole."
        )
    if rows.count is None:
        answer.note("The rows of so large a file are not counted.")
    if rows.ragged:
        answer.note(
            f"{plural(rows.ragged, 'row')} shown here are longer than the header; what is beyond it is left out."
        )
    return answer


def _table(rows: tables.Rows, columns: int, budget: int) -> tuple[int, Table]:
    """As many rows as fit, and how many these are. Not `Table.of`: what a file holds is shown whole, also its numbers."""
    shown = [[_cell(value) for value in row[:columns]] for row in rows.rows]
    room, kept = budget * 0.8 - 2 * len(encoded(rows.columns[:columns])), 0
    for row in shown:
        room -= len(encoded([clip(value, CELL_CHARS) if isinstance(value, str) else value for value in row]))
        if room < 0 and kept:
            break
        kept += 1
    return kept, Table(columns=rows.columns[:columns], rows=shown[:kept])


def _cell(value: Any) -> Any:
    """What is nested and long becomes a text, which the boundary can cut."""
    if isinstance(value, (dict, list)) and len(text := encoded(value)) > CELL_CHARS:
        return text
    return value


def _binary(
    source: ArtifactSource, path: str, kind: str, name: str, total: int | None, wanted: Wanted, budget: int
) -> ArtifactContent | Picture:
    if kind in IMAGES:
        return image(source, path, kind, total)
    if kind == "pdf":
        text = document_text(source, path, "pdf", total)
        return _of_lines(path, lines_of_text(text, wanted.window, budget, total), "The document's text.")
    held = listing(source, path, kind, total)
    if held is None:
        raise refusal(path, name, total, "never unpickled" if kind == "pickle" else "not text")
    answer = ArtifactContent(path=path, bytes=total, holds=held)
    answer.note(f"It is {name} of {size(total)}: only what it holds is listed.")
    return answer


def _as_expression(value: Any) -> Any:
    """`[0]` is an expression, which the SDK takes for a list in JSON."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


Select = Annotated[
    str | None,
    BeforeValidator(_as_expression),
    Field(description="JMESPath into JSON, YAML or TOML, e.g. 'results.tasks.\"mmlu-pro\".metrics'."),
]


StartLine = Annotated[int | None, Field(ge=1, description="First line (of a table: row) to show, from 1.")]


MaxLines = Annotated[int | None, Field(ge=1, le=10_000, description="Lines or rows at most.")]


Tail = Annotated[int | None, Field(ge=1, le=10_000, description="Show the last so many lines instead.")]


StartByte = Annotated[int | None, Field(ge=0, description="Read from this byte, for lines that are too long.")]


Columns = Annotated[
    list[str] | None, BeforeValidator(one_or_many), Field(description="Columns of a CSV, JSON-lines or Parquet file.")
]


def get_artifact_content(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_id: ArtifactOwner,
    artifact_path: ArtifactPath,
    select: Select = None,
    start_line: StartLine = None,
    max_lines: MaxLines = None,
    tail: Tail = None,
    start_byte: StartByte = None,
    columns: Columns = None,
) -> ArtifactContent | Picture:
    """Read a file of a run: config, results, JSON, YAML, log, CSV or Parquet table, image, PDF, HTML. The path may be loose:
    'config.yml', 'results.yml' or 'artifacts/eval_factory_metrics.json' finds the one file that ends so. Large files come in
    part: select out of JSON or YAML, lines from start_line, the last ones with tail. search_artifacts finds lines in logs."""
    owner = owner_of(client, run_id)
    source = client.artifacts(owner)
    wanted = Wanted(Window(start_line, max_lines, tail, start_byte), select, columns)
    budget = int(client.settings.max_chars * 0.9)
    return with_path(source, checked_path(artifact_path), lambda path: read(source, path, wanted, budget))
