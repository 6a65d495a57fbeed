"""One artifact as a file of this machine: never through a link, never over another content, never of two versions."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short, size
from mlflow_mcp.tools import output_files

# Compared byte by byte when it is here already; of a larger file only three places are.
MOST_COMPARED = 20_000_000
_PLACE = 1_000_000
_REPORT_EVERY = 4_000_000


class Skipped(Problem):
    """This file cannot be had, others can."""


@dataclass(frozen=True)
class FileDownload:
    """A file to fetch into `target`. Until it is whole, its bytes are in a part beside it, whose name nobody can guess."""

    source: ArtifactSource
    entry: ArtifactEntry
    target: Path

    @property
    def parts(self) -> list[Path]:
        """What earlier calls left of a file of this name and size. Links are none."""
        pattern = re.compile(re.escape(self._part_prefix) + r"[0-9a-f]{16}\.part")
        try:
            found = [each for each in self.target.parent.iterdir() if pattern.fullmatch(each.name)]
        except OSError:  # no such folder yet
            return []
        return [each for each in found if each.is_file() and not each.is_symlink()]

    @property
    def _part_prefix(self) -> str:
        # Not `<name>.part`: an artifact may be called so. The size parts versions from each other.
        return f".{self.target.name[:60]}.{self.entry.size}."

    def new_part(self) -> Path:
        return self.target.with_name(f"{self._part_prefix}{secrets.token_hex(8)}.part")

    @property
    def left(self) -> tuple[Path, int] | None:
        """The longest part of an earlier call and its length. One that is longer than the file belongs to another."""
        lengths = [(part.stat().st_size, part) for part in self.parts]
        fitting = [(length, part) for length, part in lengths if length <= (self.entry.size or length)]
        length, part = max(fitting, default=(0, None))
        return (part, length) if part is not None and length else None

    @property
    def missing(self) -> int:
        """Bytes to fetch, as far as the size is known."""
        if self.target.exists():
            return 0
        return (self.entry.size or 0) - (self.left[1] if self.left else 0)

    def on_disk(self, state: str) -> int:
        """Bytes that there are now."""
        if state == "unfinished":
            return self.left[1] if self.left else 0
        return self.target.stat().st_size if self.target.exists() else 0


def fetch(client: Client, download: FileDownload, overwrite: bool, report: Callable[[int], None]) -> str:
    """Fetch one file, or as much of it as time allows, and tell its state. Raises Skipped for one that cannot be had."""
    try:
        if download.target.exists():
            if _has_same_content(client, download):
                return "present"
            if not overwrite:
                return "differs"
        if client.call.is_late:
            return "unfinished"
        output_files.make_folder(client.settings, download.target.parent)
        return _fetched(client, download, report)
    except OSError as error:
        reason = error.strerror or "no such file can be written"
        raise Skipped(f"'{short(download.entry.path, 120)}' could not be written ({reason}).") from error


def _fetched(client: Client, download: FileDownload, report: Callable[[int], None]) -> str:
    start, part = _begin(download)
    length, ended = _append(client, download, part, start, report)
    if not ended:
        return "unfinished"
    expected = download.entry.size
    if expected is not None and length > expected:
        part.unlink()
        raise Skipped(
            f"'{short(download.entry.path, 120)}' came with {size(length)} instead of {size(expected)}: it is being written."
        )
    if expected is not None and length < expected:
        raise Problem(
            f"'{download.entry.path}' came with {size(length)} instead of {size(expected)}.",
            "It was cut off or is being written: call again, and what has come is kept.",
        )
    part.chmod(0o644)
    part.replace(download.target)  # a link of that name is replaced, not followed
    report(length)
    return "resumed" if start else "downloaded"


def _begin(download: FileDownload) -> tuple[int, Path]:
    """Where to go on, and in which part: in one that was left when its beginning and its end are still the artifact's."""
    left = download.left
    if left is not None:
        part, length = left
        with _opened(part, os.O_RDONLY) as file:
            if _alike(download, file, _places(length)):
                return length, part
    for part in download.parts:
        part.unlink()
    return 0, download.new_part()


def _has_same_content(client: Client, download: FileDownload) -> bool:
    length = download.entry.size
    with _opened(download.target, os.O_RDONLY) as file:
        if length is None or os.fstat(file.fileno()).st_size != length:
            return False
        if length > MOST_COMPARED:
            return _alike(download, file, _places(length))
        with closing(download.source.stream(download.entry.path)) as blocks:
            same = all(file.read(len(block)) == block for block in blocks)
        return same and file.read(1) == b""


def _places(length: int) -> list[tuple[int, int]]:
    """The beginning, the middle and the end of so many bytes, as (start, length)."""
    starts = {0, max(0, length // 2 - _PLACE // 2), max(0, length - _PLACE)}
    return [(start, min(_PLACE, length - start)) for start in sorted(starts) if length]


def _alike(download: FileDownload, file: IO[bytes], places: list[tuple[int, int]]) -> bool:
    ranges = download.source.read_ranges(download.entry.path, *places)
    for (start, length), found in zip(places, ranges):
        file.seek(start)
        if file.read(length) != found.data:
            return False
    return True


def _append(
    client: Client, download: FileDownload, part: Path, start: int, report: Callable[[int], None]
) -> tuple[int, bool]:
    """Write what comes from byte `start` on: how long the part is then, and whether the stream ended before the time was up."""
    length = reported = start
    how = os.O_WRONLY | (os.O_APPEND if start else os.O_CREAT | os.O_EXCL)
    with (
        _opened(part, how) as file,
        closing(download.source.stream(download.entry.path, start)) as blocks,
    ):
        for block in blocks:
            length += file.write(block)
            if download.entry.size is not None and length > download.entry.size:
                break
            if length - reported >= _REPORT_EVERY:
                report(length)
                reported = length
                if client.call.is_late and length != download.entry.size:
                    return length, False
        file.flush()
        os.fsync(file.fileno())
    return length, True


def _opened(path: Path, how: int) -> IO[bytes]:
    """The file itself: a link of that name is refused."""
    handle = os.open(path, how | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o600)
    return os.fdopen(handle, "rb" if how == os.O_RDONLY else "ab" if how & os.O_APPEND else "wb")
