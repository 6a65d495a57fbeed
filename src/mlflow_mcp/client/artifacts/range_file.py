"""An artifact as a file object that reads only the ranges it is asked for: for libraries that want a file."""

from __future__ import annotations

import io

from mlflow_mcp.client.artifacts.source import ArtifactSource

_BUFFER = 256 * 1024


class _Ranges(io.RawIOBase):
    def __init__(self, source: ArtifactSource, path: str, total: int) -> None:
        self._source, self._path, self._total, self._at = source, path, total, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._total}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed names no type
        length = min(len(buffer), max(0, self._total - self._at))
        data = self._source.read(self._path, self._at, length).data if length else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_range_file(source: ArtifactSource, path: str, total: int) -> io.BufferedReader:
    """The artifact of `total` bytes, seekable, buffered; every miss of the buffer is one ranged request."""
    return io.BufferedReader(_Ranges(source, path, total), _BUFFER)
