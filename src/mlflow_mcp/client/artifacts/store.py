"""What every artifact store can do: list a folder, read a byte range, stream a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mlflow_mcp.errors import NotFound, Problem, Unreachable

BLOCK = 256 * 1024


@dataclass(frozen=True)
class ArtifactEntry:
    """A file or folder. `path` is relative to the root; a folder has no size."""

    path: str
    is_dir: bool
    size: int | None


@dataclass(frozen=True)
class ByteRange:
    """Some bytes of a file: where they start, and how long the whole file is (None when the store does not say)."""

    data: bytes
    start: int
    total: int | None

    @property
    def is_end(self) -> bool:
        return self.total is not None and self.start + len(self.data) >= self.total


class IsFolder(Problem):
    """The path names a folder where a file is needed."""


class ArtifactStore(Protocol):
    """Paths are relative to the store's root and checked already."""

    def entries(self, folder: str) -> list[ArtifactEntry]:
        """What a folder holds; empty for one that does not exist and for a file."""

    def read(self, path: str, start: int, length: int) -> ByteRange:
        """`length` bytes from `start`; a negative `start` counts from the end. Fewer at the end of the file.
        Raises NotFound for a missing file and IsFolder for a folder."""

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The file from `start` on in blocks. Reading may stop at any time: close the generator."""


def folder_not_file(path: str) -> IsFolder:
    if not path:
        return IsFolder("That is the root, a folder.", "list_artifacts(run_id) shows what it holds.")
    return IsFolder(f"'{path}' is a folder.", f"list_artifacts(run_id, '{path}') shows what it holds.")


def missing_file(path: str) -> NotFound:
    return NotFound(f"There is no artifact '{path}'.", "list_artifacts shows what there is.")


def byte_range(data: bytes, content_range: str, length: int) -> ByteRange:
    """The answer to a request for `length` bytes, with its `Content-Range` header (`bytes 0-9/100`).

    Raises Unreachable when some of the bytes are missing.
    """
    span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range)
    if span is None or len(data) < min(length, int(span[2]) - int(span[1]) + 1):
        raise Unreachable(f"The answer of the store broke off after {len(data):,} bytes.", "Try once more.")
    return ByteRange(data, int(span[1]), None if span[3] == "*" else int(span[3]))
