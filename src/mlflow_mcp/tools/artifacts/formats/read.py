"""From a path to its content: the kind of the file decides who reads it."""

from __future__ import annotations

from collections.abc import Callable

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.answers.budget import Budget
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats import archives, data, documents, images, tables, text
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.detect import Family, FileKind, kind_by_name
from mlflow_mcp.tools.artifacts.formats.encoding import PROBE
from mlflow_mcp.tools.artifacts.formats.split import begins_like_table

Reader = Callable[[OpenedFile, ContentRequest], ArtifactContent | ImageAnswer]

_READERS: dict[Family, Reader] = {
    "text": text.read,
    "data": data.read,
    "table": tables.read,
    "image": images.read,
    "document": documents.read,
    "archive": archives.read,
    "binary": archives.refuse,
}


def read_content(
    client: Client, source: ArtifactSource, path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    """The part of a file that is asked for. Raises Problem for what cannot be shown, NotFound for a file that is not there."""
    file = open_file(client, source, path, request)
    if not file.head.data:
        return ArtifactContent(path=path, bytes=0, text="", notes=["The file is empty."])
    family = _family(file.kind, request)
    if _is_split_page(file, request) and (answer := tables.read_split(file, request)):
        return answer
    if request.columns and family != "table":
        raise Problem(
            f"columns are those of CSV, TSV, JSON-lines and Parquet files, and go without tail and start_byte; "
            f"'{path}' is read otherwise.",
            "Leave columns out.",
        )
    if request.select and family == "text":
        raise Problem(
            f"select works on JSON, YAML and TOML, and alone; '{path}' is read otherwise.", "Leave select out."
        )
    return _READERS[family](file, request)


def open_file(client: Client, source: ArtifactSource, path: str, request: ContentRequest) -> OpenedFile:
    """The file with its beginning and, when its last lines are asked for, its end: requested at the same time."""
    budget = Budget.of(client.settings.max_chars)
    # What is shown from its beginning is mostly had with the first request already.
    shows_head = request.window.is_from_start and kind_by_name(path).family != "table"
    ranges = [(0, budget.read_ahead if shows_head else PROBE)]
    if request.window.tail is not None:
        length = text.bytes_of_last(request.window.tail, budget)
        ranges.append((-length, length))
    head, *end = source.read_ranges(path, *ranges)
    return OpenedFile(
        source, path, head, budget, end[0] if end else None, client.settings.mask_secrets, client.call.check
    )


def _is_split_page(file: OpenedFile, request: ContentRequest) -> bool:
    """Whether rows are asked for of JSON that may be a table."""
    window = request.window
    return begins_like_table(file) and request.select is None and window.tail is None and window.start_byte is None


def _family(kind: FileKind, request: ContentRequest) -> Family:
    """Whose reader takes the request: lines of a file that is otherwise parsed are read as text."""
    window = request.window
    as_lines = {
        "table": window.tail is not None or window.start_byte is not None or request.select is not None,
        "data": not window.is_whole,
        "document": window.start_byte is not None and kind.stored_as_text,
    }
    if not as_lines.get(kind.family):
        return kind.family
    return "text" if kind.stored_as_text else "binary"
