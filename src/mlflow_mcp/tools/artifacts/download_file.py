"""One artifact as a file of this machine: never through a link, never over another content, never of two versions."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short, size
from mlflow_mcp.tools import output_files

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

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
    def left_parts(self) -> list[Path]:
        """The parts of earlier calls, the longest first. One that is longer than the file belongs to another."""
        return sorted(self.parts, key=_length_of, reverse=True)

    @property
    def left(self) -> int:
        """How much an earlier call has left."""
        lengths = map(_length_of, self.parts)
        return max((length for length in lengths if length <= (self.entry.size or length)), default=0)

    @property
    def missing(self) -> int:
        """Bytes to fetch, as far as the size is known."""
        if self.target.exists():
            return 0
        return (self.entry.size or 0) - self.left

    def on_disk(self, state: str) -> int:
        """Bytes that there are now."""
        if state == "unfinished":
            return self.left
        return self.target.stat().st_size if self.target.exists() else 0


def fetch(client: Client, download: FileDownload, overwrite: bool, report: Callable[[int], None]) -> str:
    """Fetch one file, or as much of it as time allows, and tell its state. Raises Skipped for one that cannot be had."""
    try:
        if download.target.exists():
            if not download.target.is_file():
                raise Skipped(f"{download.target} is no file, and not replaced by one.")
            if _has_same_content(client, download):
                return "present"
            if not overwrite:
                return "differs"
        if client.call.is_late:
            return "unfinished"
        _refuse_file_for_folder(client, download)
        output_files.make_folder(client.settings, download.target.parent)
        return _fetched(client, download, report)
    except OSError as error:
        raise Skipped(
            f"'{short(download.entry.path, 120)}' could not be written ({output_files.reason_of(error)}).",
            "Free space there, or ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR to another place.",
        ) from error


def _refuse_file_for_folder(client: Client, download: FileDownload) -> None:
    """An object store may hold both `a` and `a/b`; a disk cannot."""
    root = output_files.root_of(client.settings)
    inside = (folder for folder in download.target.parents if folder.is_relative_to(root))
    if blocking := next((folder for folder in inside if folder.exists() and not folder.is_dir()), None):
        raise Skipped(f"'{short(download.entry.path, 120)}' needs a folder where {blocking} is a file.")


def _fetched(client: Client, download: FileDownload, report: Callable[[int], None]) -> str:
    expected = download.entry.size
    with _claimed(download) as (file, part, start):
        try:
            length, ended = _append(client, download, file, start, report)
        except OSError:
            _take_back(file, part, start)
            raise
        if not ended:
            return "unfinished"
        if expected is not None and length > expected:
            part.unlink()
            raise Skipped(
                f"'{short(download.entry.path, 120)}' came with {size(length)} instead of {size(expected)}: it is being written."
            )
        if expected is not None and length < expected:
            raise Skipped(
                f"'{short(download.entry.path, 120)}' came with {size(length)} instead of {size(expected)}: it was cut off or "
                "is being written; what has come is kept for the next call.",
                "Call again.",
            )
        part.chmod(0o644)
        if fcntl is None:  # Windows does not rename an open file
            file.close()
        part.replace(download.target)  # a link of that name is replaced, not followed
    report(length)
    return "resumed" if start else "downloaded"


@contextmanager
def _claimed(download: FileDownload) -> Iterator[tuple[IO[bytes], Path, int]]:
    """The part to write into, held against other calls: one that was left when its beginning and its end are still the
    artifact's, else a new one. What was left and does not fit is removed, unless another call is writing it."""
    for part in download.left_parts:
        with suppress(FileNotFoundError), _opened(part, os.O_RDWR | os.O_APPEND) as file:
            if not _hold(file, part):
                continue
            length = os.fstat(file.fileno()).st_size
            if length and length <= (download.entry.size or length) and _alike(download, file, _places(length)):
                yield file, part, length
                return
            part.unlink()
    part = download.new_part()
    with _opened(part, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL) as file:
        _hold(file, part)
        try:
            yield file, part, 0
        finally:
            if not file.closed:
                file.flush()
            if _length_of(part) == 0:  # nothing came; a whole one has its name by now
                part.unlink(missing_ok=True)


def _hold(file: IO[bytes], part: Path) -> bool:
    """Whether the part is this call's alone, and still called so: another call may be writing it, or have renamed it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), part.stat())
    except OSError:
        return False


def _take_back(file: IO[bytes], part: Path, start: int) -> None:
    """Give the disk back what this call wrote: it may be full."""
    with suppress(OSError):
        if start:
            os.truncate(part, start)
        else:
            part.unlink()
    with suppress(OSError):
        file.close()  # what is still buffered cannot be written either


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
    client: Client, download: FileDownload, file: IO[bytes], start: int, report: Callable[[int], None]
) -> tuple[int, bool]:
    """Write what comes from byte `start` on: how long the part is then, and whether the stream ended before the time was up."""
    length = reported = start
    with closing(download.source.stream(download.entry.path, start)) as blocks:
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


def _length_of(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:  # another call has just finished it
        return 0


def _opened(path: Path, how: int) -> IO[bytes]:
    """The file itself: a link of that name is refused."""
    handle = os.open(path, how | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o600)
    return os.fdopen(handle, "rb" if how == os.O_RDONLY else "a+b")
