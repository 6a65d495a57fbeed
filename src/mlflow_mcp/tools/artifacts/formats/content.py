"""What every reader of a file is given, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.budget import Budget
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ByteRange
from mlflow_mcp.client.once import once
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import size
from mlflow_mcp.tools.artifacts.formats.detect import FileKind, kind_of
from mlflow_mcp.tools.artifacts.formats.encoding import encoding_of, has_lone_returns


@dataclass(frozen=True)
class Window:
    """Which lines or bytes are asked for; all None: as many of the first lines as fit."""

    start_line: int | None = None
    max_lines: int | None = None
    tail: int | None = None
    start_byte: int | None = None

    @property
    def is_from_start(self) -> bool:
        return self.tail is None and self.start_byte is None and self.start_line in (None, 1)

    @property
    def is_whole(self) -> bool:
        return self == Window()


@dataclass(frozen=True)
class ContentRequest:
    """Which part of a file is asked for."""

    window: Window = field(default_factory=Window)
    select: str | None = None
    columns: Sequence[str] | None = None


@dataclass(frozen=True)
class OpenedFile:
    """A file whose beginning (`head`) has been read, and its `end` when its last lines are asked for.

    `check` raises when the call is over: readers that work long without a request call it now and then.
    """

    source: ArtifactSource
    path: str
    head: ByteRange
    budget: Budget
    end: ByteRange | None = None
    mask_secrets: bool = True
    check: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, when the store says it."""
        return self.head.total

    @cached_property
    def kind(self) -> FileKind:
        return kind_of(self.path, self.head.data)

    @cached_property
    def encoding(self) -> str:
        return encoding_of(self.head.data)

    def encoding_at(self, part: bytes) -> str:
        """The encoding of a part of the file: of one that begins with ASCII, what the part itself tells."""
        is_told = self.encoding != "utf-8" or not self.head.data.isascii()
        return self.encoding if is_told else encoding_of(part)

    def with_line_ends(self, part: bytes) -> bytes:
        """The part with '\\n' for '\\r' when the whole file has no '\\n'."""
        return part.replace(b"\r", b"\n") if b"\r" in part and self._has_lone_returns else part

    @once
    def _has_lone_returns(self) -> bool:
        if b"\n" in self.head.data or self.head.is_end:
            return b"\n" not in self.head.data
        with closing(self.source.stream(self.path)) as blocks:
            return has_lone_returns(blocks)

    def whole(self, most: int, too_large: str) -> bytes:
        """All of the file. Raises Problem with the reason `too_large` when it has more bytes than `most`, or an unknown number."""
        if self.total is None or self.total > most:
            raise self.refused(too_large)
        return self.head.data if self.head.is_end else self.source.read(self.path, 0, self.total).data

    def refused(self, why: str) -> Problem:
        """The error for a file that cannot be shown."""
        return Problem(
            f"'{self.path}' is {self.kind.label} of {size(self.total)}, {why}.",
            "download_artifacts fetches it as it is; get_run gives the run's URL, where a person can open it.",
        )


class ArtifactContent(Answer):
    """A file, or the part of it that was asked for: `text`, parsed `content`, an `outline` of what is too large, a `table`
    of its rows, or the names that an archive holds."""

    VERBATIM = ("text", "content", "outline", "table", "holds")

    partial: Annotated[str | None, Field(description="Which of several runs are not in it.")] = None
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
