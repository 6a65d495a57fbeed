"""Artifacts in a folder of this machine, or a shared one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mlflow_mcp.client.artifacts.store import BLOCK, Entry, Piece, is_folder, no_file
from mlflow_mcp.errors import Problem


class Folder:
    """A folder of this machine, or a shared one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entries(self, folder: str) -> list[Entry]:
        place = self._within(folder)
        if not _is(Path.is_dir, place):
            return []
        found = []
        for each in sorted(place.iterdir()):
            target = each.resolve()
            # Links that lead out are left out, and those to a folder around them, which would never end.
            if target.exists() and target.is_relative_to(self.root) and not place.is_relative_to(target):
                is_dir = target.is_dir()
                size = None if is_dir else target.stat().st_size
                found.append(Entry(posixpath.join(folder, each.name), is_dir, size))
        return found

    def read(self, path: str, start: int, length: int) -> Piece:
        with self._opened(path) as file:
            total = file.seek(0, 2)
            begin = max(0, total + start) if start < 0 else min(start, total)
            file.seek(begin)
            return Piece(file.read(length if start >= 0 else min(length, -start)), begin, total)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._opened(path) as file:
            file.seek(start)
            while block := file.read(BLOCK):
                yield block

    def _within(self, path: str) -> Path:
        place = (self.root / path).resolve()
        if not place.is_relative_to(self.root):
            raise Problem(f"'{path}' leads outside the run's artifacts.", "list_artifacts shows the run's paths.")
        return place

    @contextmanager
    def _opened(self, path: str) -> Iterator[IO[bytes]]:
        place = self._within(path)
        if _is(Path.is_dir, place):
            raise is_folder(path)
        if not _is(Path.is_file, place):
            raise no_file(path)
        with place.open("rb") as file:
            yield file


def _is(kind: Callable[[Path], bool], place: Path) -> bool:
    try:
        return kind(place)
    except OSError:  # a name that is too long
        return False
