"""The artifacts of a job that was exported several times: those of all its copies, as one tree."""

from __future__ import annotations

import posixpath
from collections.abc import Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ArtifactEntry, ByteRange
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

# Files up to this size are compared whole, of larger ones the ends.
_COMPARED_WHOLE = 2_000_000
_END = 64_000


class CopiesDiffer(Problem):
    """A file is not the same in all copies of a job that have it: `path` in `run_ids`."""

    path = ""
    run_ids: tuple[str, ...] = ()


class CopiesSource(ArtifactSource):
    """Reads a file from the copy that has it. Where several have it, they must be equal: else Problem names them.

    `copies` describes each copy by its run id, the canonical one first. `remarks` says which copies were read.
    """

    def __init__(self, client: Client, copies: Mapping[str, str]) -> None:
        super().__init__(client, next(iter(copies)))
        self._copies = copies
        self._sources = {run_id: ArtifactSource(client, run_id) for run_id in copies}
        self._chosen: dict[str, ArtifactSource] = {}
        self.remarks: list[str] = []

    def entries(self, folder: str = "") -> list[ArtifactEntry]:
        listings = self._client.run_concurrently(*(partial(each.entries, folder) for each in self._sources.values()))
        by_path = {entry.path: entry for listing in reversed(listings) for entry in listing}
        return [by_path[path] for path in sorted(by_path)]

    def read(self, path: str, start: int, length: int) -> ByteRange:
        return self._source(path).read(path, start, length)

    def stream(self, path: str, start: int = 0) -> Generator[bytes, None, None]:
        return self._source(path).stream(path, start)

    def _source(self, path: str) -> ArtifactSource:
        """The copy to read the file from."""
        if path not in self._chosen:
            self._chosen[path] = self._choose(path)
        return self._chosen[path]

    def _choose(self, path: str) -> ArtifactSource:
        folder = posixpath.dirname(path)
        sources = list(self._sources.values())
        listings = self._client.run_concurrently(*(partial(each.entries, folder) for each in sources))
        holders = {
            source.owner: entry
            for source, listing in zip(sources, listings)
            for entry in listing
            if entry.path == path and not entry.is_dir
        }
        if not holders:
            return sources[0]  # which then says what is wrong with the path
        if len(holders) > 1 and not self._are_equal(path, holders):
            described = ", ".join(self._copies[run_id] for run_id in holders)
            differ = CopiesDiffer(
                f"'{path}' differs between the copies of this job: {described}.",
                "Call again with one of these run ids, the first for the scores that count; diff_artifacts shows what differs.",
            )
            differ.path, differ.run_ids = path, tuple(holders)
            raise differ
        first = next(iter(holders))
        if len(holders) > 1:
            self.remarks.append(f"The file is the same in {plural(len(holders), 'copy', 'copies')} of this job.")
        else:
            self.remarks.append(f"Only one of {len(sources)} copies of this job has it: {self._copies[first]}.")
        return self._sources[first]

    def _are_equal(self, path: str, holders: Mapping[str, ArtifactEntry]) -> bool:
        sizes = {entry.size for entry in holders.values()}
        if len(sizes) > 1:
            return False
        size = sizes.pop()
        is_small = size is not None and size <= _COMPARED_WHOLE
        ranges = [(0, _COMPARED_WHOLE)] if is_small else [(0, _END), (-_END, _END)]
        read = [partial(self._sources[run_id].read_ranges, path, *ranges) for run_id in holders]
        contents = self._client.run_concurrently(*read)
        return len({b"".join(part.data for part in parts) for parts in contents}) == 1
