"""Artifacts in a folder of this machine, or a shared one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mlflow_mcp.client.artifacts.store import BLOCK, ArtifactEntry, ByteRange, folder_not_file, missing_file
from mlflow_mcp.errors import Problem


class Folder:
    """A folder of this machine, or a shared one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entries(self, folder: str) -> list[ArtifactEntry]:
        target = self._within(folder)
        if not _is(Path.is_dir, target):
            return []
        entries = []
        for child in sorted(target.iterdir()):
            real = child.resolve()
            # Links that lead out are left out, and those to a folder around them, which would never end.
            if real.is_relative_to(self.root) and not target.is_relative_to(real):
                is_dir = real.is_dir()
                if not is_dir and not real.is_file():  # a pipe or a device, or deleted meanwhile
                    continue
                size = None if is_dir else real.stat().st_size
                entries.append(ArtifactEntry(posixpath.join(folder, child.name), is_dir, size))
        return entries

    def read(self, path: str, start: int, length: int) -> ByteRange:
        with self._opened(path) as file:
            total = file.seek(0, 2)
            begin = max(0, total + start) if start < 0 else min(start, total)
            file.seek(begin)
            return ByteRange(file.read(length if start >= 0 else min(length, -start)), begin, total)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._opened(path) as file:
            file.seek(start)
            while block := file.read(BLOCK):
                yield block

    def _within(self, path: str) -> Path:
        target = (self.root / path).resolve()
        if not target.is_relative_to(self.root):
            raise Problem(f"'{path}' leads outside the run's artifacts.", "list_artifacts shows the run's paths.")
        return target

    @contextmanager
    def _opened(self, path: str) -> Iterator[IO[bytes]]:
        target = self._within(path)
        if _is(Path.is_dir, target):
            raise folder_not_file(path)
        if not _is(Path.is_file, target):
            raise missing_file(path)
        with target.open("rb") as file:
            yield file


def _is(check: Callable[[Path], bool], path: Path) -> bool:
    try:
        return check(path)
    except OSError:  # a name that is too long
        return False
