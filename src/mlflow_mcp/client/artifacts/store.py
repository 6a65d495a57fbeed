"""What every place of artifacts is asked for: listings, byte ranges and streams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mlflow_mcp.errors import NotFound, Problem, Unreachable

BLOCK = 256 * 1024


@dataclass(frozen=True)
class Entry:
    """A file or folder. `path` is relative to the root; a folder has no size."""

    path: str
    is_dir: bool
    size: int | None


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file: where they start, and how long the whole file is (None when the store does not say)."""

    data: bytes
    start: int
    total: int | None

    @property
    def is_end(self) -> bool:
        return self.total is not None and self.start + len(self.data) >= self.total


class IsFolder(Problem):
    """A folder stands where a file was meant."""


class Place(Protocol):
    """Paths are relative to the place's root and checked already."""

    def entries(self, folder: str) -> list[Entry]:
        """What a folder holds; empty for one that does not exist and for a file."""

    def read(self, path: str, start: int, length: int) -> Piece:
        """`length` bytes from `start`; a negative `start` counts from the end. Fewer at the end of the file.
        Raises NotFound for a missing file and IsFolder for a folder."""

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The file from `start` on in blocks. Reading may stop at any time: close the generator."""


def is_folder(path: str) -> IsFolder:
    if not path:
        return IsFolder("That is the root, a folder.", "list_artifacts(run_id) shows what it holds.")
    return IsFolder(f"'{path}' is a folder.", f"list_artifacts(run_id, '{path}') shows what it holds.")


def no_file(path: str) -> NotFound:
    return NotFound(f"There is no artifact '{path}'.", "list_artifacts shows what there is.")


def piece_of_range(data: bytes, told: str, length: int) -> Piece:
    """The bytes that came for a range, which the answer tells as `bytes 0-9/100`. Raises Unreachable when some are missing."""
    span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", told)
    if span is None or len(data) < min(length, int(span[2]) - int(span[1]) + 1):
        raise Unreachable(f"The answer of the store broke off after {len(data):,} bytes.", "Try once more.")
    return Piece(data, int(span[1]), None if span[3] == "*" else int(span[3]))
