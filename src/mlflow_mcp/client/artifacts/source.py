"""The artifacts of one run or model, wherever they are kept: whole trees, byte ranges, streams."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.artifacts.locate import store_of_model, store_of_run
from mlflow_mcp.client.artifacts.store import ArtifactEntry, ArtifactStore, ByteRange
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.client.once import once
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

MOST_FOLDERS = 300
# What S3 allows for a key; file systems allow less for a name.
LONGEST_PATH = 1_024


def checked_path(path: str) -> str:
    """The path in its plain form (`a/b`). Raises Problem for one that could lead out of the run's artifacts."""
    text = path.replace("\\", "/")
    if any(ord(character) < 32 for character in text):
        raise Problem("An artifact path cannot hold control characters.", "list_artifacts shows the run's paths.")
    if len(text) > LONGEST_PATH:
        raise Problem(
            f"'{short(path, 120)}' is longer than the path of any artifact.",
            "list_artifacts shows the run's paths.",
        )
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text.strip()):
        raise Problem(
            f"'{short(path, 120)}' is a URL; an artifact path is relative to its run.",
            "Pass the part after the run's artifact root, e.g. 'config.yml'.",
        )
    if re.match(r"/|~/|[A-Za-z]:(?:/|$)", text.strip()) or ".." in text.split("/"):
        raise Problem(
            f"'{short(path, 120)}' leads outside the run's artifacts.",
            "Pass a path relative to the run, as list_artifacts shows them.",
        )
    plain = posixpath.normpath(text) if text.strip() else ""
    return "" if plain == "." else plain


class ArtifactSource:
    """The artifacts of a run id, a logged model or a model version. Nothing is requested until something is read."""

    def __init__(self, client: Client, owner: str) -> None:
        self.owner = owner
        self._client, self._id = client.at(owner)

    @once
    def _store(self) -> ArtifactStore:
        find = store_of_model if is_model(self._id) else store_of_run
        return self._client.ask(lambda: find(self._client, self._id))

    def entries(self, folder: str = "") -> list[ArtifactEntry]:
        """What a folder holds; empty for one that does not exist and for a file."""
        return self._client.ask(lambda: self._store.entries(folder))

    def tree(
        self, folder: str = "", depth: int | None = None, most: int = MOST_FOLDERS
    ) -> tuple[list[ArtifactEntry], int]:
        """All entries below a folder, to a depth, sorted by path; and how many folders were left unread.

        One request a folder, those of a level at the same time; at most `most` of them.
        """
        below: list[ArtifactEntry] = []
        level, read, unread, levels_read = [folder], 0, 0, 0
        steps = self._client.call.steps("listed", "folder")
        while level and (depth is None or levels_read < depth):
            unread += max(0, len(level) - (most - read))
            level = level[: max(0, most - read)]
            read += len(level)
            listings = self._client.run_concurrently(*(partial(self.entries, path) for path in level), steps=steps)
            entries = [entry for listing in listings for entry in listing]
            below += entries
            level = [entry.path for entry in entries if entry.is_dir]
            levels_read += 1
        return sorted(below, key=lambda entry: entry.path), unread

    def read(self, path: str, start: int, length: int) -> ByteRange:
        """`length` bytes from `start`; a negative `start` counts from the end. Fewer at the end of the file.

        Raises NotFound for a missing file and IsFolder for a folder.
        """
        return self._client.ask(lambda: self._store.read(path, start, length))

    def read_ranges(self, path: str, *ranges: tuple[int, int]) -> list[ByteRange]:
        """Several (start, length) of one file, read at the same time."""
        return self._client.run_concurrently(*(partial(self.read, path, start, length) for start, length in ranges))

    def stream(self, path: str, start: int = 0) -> Generator[bytes, None, None]:
        """The file from `start` on in blocks. Reading may stop at any time: close the generator."""
        with self._client.asking():
            for block in self._store.stream(path, start):
                self._client.call.check()
                yield block
