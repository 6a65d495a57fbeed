"""Reading a run's artifacts in pieces: listings, byte ranges and streams, never more than was asked for.

An http(s) tracking server serves the artifacts of every run it can reach itself, whatever its store
(`GET /get-artifact?run_id&path`, `GET …/artifacts/list`), and honours `Range`. Local stores are read as files.
Where neither works (a bucket that only this machine may read), MLflow's own artifact repository downloads the file.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlflow_mcp import errors
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.local_store import local_path
from mlflow_mcp.tracking import Tracking

if TYPE_CHECKING:
    from requests import Response

MOST_FOLDERS = 300
_BLOCK = 64 * 1024


@dataclass(frozen=True)
class Entry:
    """A file or folder among a run's artifacts. `path` is relative to the run's root; a folder has no size."""

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


def checked_path(path: str) -> str:
    """The path in its plain form (`a/b`). Raises Problem for one that could lead out of the run's artifacts."""
    text = path.strip().replace("\\", "/").removeprefix("./")
    if "\0" in text or any(ord(character) < 32 for character in text):
        raise Problem("An artifact path cannot hold control characters.", "list_artifacts shows the run's paths.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        raise Problem(
            f"'{errors.short(path, 120)}' is a URL; an artifact path is relative to its run.",
            "Pass the part after the run's artifact root, e.g. 'config.yml'.",
        )
    if text.startswith(("/", "~")) or ".." in text.split("/") or re.match(r"[A-Za-z]:", text):
        raise Problem(
            f"'{errors.short(path, 120)}' leads outside the run's artifacts.",
            "Pass a path relative to the run, as list_artifacts shows them.",
        )
    return posixpath.normpath(text) if text else ""


class ArtifactSource:
    """The artifacts of one run. Nothing is requested until something is read."""

    def __init__(self, tracking: Tracking, run_id: str) -> None:
        self.tracking = tracking
        self.run_id = run_id
        self._root: Path | None = None

    # -- listings --------------------------------------------------------------------------------------------------

    def entries(self, folder: str = "") -> list[Entry]:
        """What a folder holds; empty for one that does not exist and for a file."""
        if not self.tracking.is_http:
            return self._list_with_client(folder)
        params = {"run_id": self.run_id} | ({"path": folder} if folder else {})
        found: list[Entry] = []
        while True:
            answer = self.tracking.get_json("/api/2.0/mlflow/artifacts/list", params)
            found += [_entry(each) for each in answer.get("files", ())]
            token = answer.get("next_page_token")
            if not token:
                return found
            params["page_token"] = token

    def _list_with_client(self, folder: str) -> list[Entry]:
        files = self.tracking.client.list_artifacts(self.run_id, folder or None)
        return [Entry(file.path, bool(file.is_dir), file.file_size) for file in files]

    def tree(self, folder: str = "", depth: int | None = None) -> tuple[list[Entry], int]:
        """All entries below a folder, to a depth, sorted by path; and how many folders were left unread.

        One request a folder, those of a level side by side; at most MOST_FOLDERS of them.
        """
        found: list[Entry] = []
        level, read, unread, deep = [folder], 0, 0, 0
        while level and (depth is None or deep < depth):
            unread += max(0, len(level) - (MOST_FOLDERS - read))
            level = level[: max(0, MOST_FOLDERS - read)]
            read += len(level)
            listings = self.tracking.side_by_side(*(lambda at=at: self.entries(at) for at in level))
            entries = [entry for listing in listings for entry in listing]
            found += entries
            level = [entry.path for entry in entries if entry.is_dir]
            deep += 1
        return sorted(found, key=lambda entry: entry.path), unread

    # -- bytes -----------------------------------------------------------------------------------------------------

    def read(self, path: str, start: int, length: int) -> Piece:
        """`length` bytes from `start`; a negative `start` counts from the end. Fewer at the end of the file.

        Raises NotFound for a missing file and IsFolder for a folder.
        """
        if not self.tracking.is_http:
            return self._read_local(path, start, length)
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
        with self._get(path, {"Range": span}) as response:
            if response.status_code == 416:  # beyond the end, or any range of an empty file
                total = int(response.headers.get("Content-Range", "*/0").rpartition("/")[2] or 0)
                if total and start < 0:  # some servers refuse a suffix longer than the file
                    return self.read(path, 0, total)
                return Piece(b"", total, total)
            if response.status_code == 206:
                return _ranged_piece(response, length)
            return _streamed_piece(response, start, length)

    def stream(self, path: str) -> Iterator[bytes]:
        """The whole file in blocks. Reading may stop at any time: close the generator."""
        if self.tracking.is_http:
            with self._get(path, {}) as response:
                for block in response.iter_content(_BLOCK):
                    self.tracking.call.check()
                    yield block
            return
        with self._opened(path) as file:
            while block := file.read(_BLOCK):
                self.tracking.call.check()
                yield block

    @contextmanager
    def _get(self, path: str, headers: dict[str, str]) -> Iterator[Response]:
        params = {"run_id": self.run_id, "path": path}
        # An encoded body would make byte ranges and sizes mean something else.
        headers = {"Accept-Encoding": "identity", **headers}
        if str(self.tracking.uri).startswith("http://"):
            # `mlflow server` with several workers sends head and body of a file as two packets and waits for the
            # acknowledgement of the first, which kept connections delay by 40 ms; fresh ones do not.
            headers["Connection"] = "close"
        response = self.tracking.request("/get-artifact", params, headers=headers, stream=True)
        try:
            if response.status_code not in (200, 206, 416):
                raise self._problem(response, path)
            if "html" in response.headers.get("Content-Type", "") and "Content-Disposition" not in response.headers:
                # MLflow sends files as attachments: this is a log-in page in front of it.
                raise errors.not_mlflow(errors.safe_uri(self.tracking.known_uri), response.status_code)
            yield response
        finally:
            response.close()

    def _problem(self, response: Response, path: str) -> Problem:
        body = response.text
        if "directory" in body and response.status_code == 400:
            return IsFolder(f"'{path}' is a folder.", f"list_artifacts(run_id, '{path}') shows what it holds.")
        problem = errors.of_status(response.status_code, errors.safe_uri(self.tracking.known_uri), body)
        if isinstance(problem, NotFound) and "Run with id" in body:
            return NotFound(f"No run has the id '{self.run_id}'.", "resolve_id finds what an id is.")
        return problem

    # -- local files -----------------------------------------------------------------------------------------------

    def _read_local(self, path: str, start: int, length: int) -> Piece:
        with self._opened(path) as file:
            total = file.seek(0, 2)
            begin = max(0, total + start) if start < 0 else min(start, total)
            file.seek(begin)
            return Piece(file.read(length if start >= 0 else min(length, -start)), begin, total)

    @contextmanager
    def _opened(self, path: str) -> Iterator[IO[bytes]]:
        root = self._local_root()
        if root is None:
            with tempfile.TemporaryDirectory(prefix="mlflow-mcp-") as folder:
                copy = Path(self.tracking.client.download_artifacts(self.run_id, path, folder))
                with copy.open("rb") as file:
                    yield file
            return
        place = (root / path).resolve()
        if not place.is_relative_to(root):
            raise Problem(f"'{path}' leads outside the run's artifacts.", "list_artifacts shows the run's paths.")
        if place.is_dir():
            raise IsFolder(f"'{path}' is a folder.", f"list_artifacts(run_id, '{path}') shows what it holds.")
        if not place.is_file():
            raise NotFound(f"The run has no artifact '{path}'.", "list_artifacts shows what it has.")
        with place.open("rb") as file:
            yield file

    def _local_root(self) -> Path | None:
        if self._root is None:
            uri = str(self.tracking.client.get_run(self.run_id).info.artifact_uri or "")
            root = local_path(uri)
            self._root = None if root is None else root.resolve()
        return self._root


def _entry(told: dict[str, Any]) -> Entry:
    length = told.get("file_size")
    return Entry(str(told["path"]), bool(told.get("is_dir")), None if length is None else int(length))


def _ranged_piece(response: Response, length: int) -> Piece:
    span, _, total = response.headers.get("Content-Range", "bytes 0-/").partition(" ")[2].partition("/")
    start = int(span.partition("-")[0] or 0)
    return Piece(_first_bytes(response, length), start, int(total) if total.isdigit() else None)


def _streamed_piece(response: Response, start: int, length: int) -> Piece:
    """The range out of a server that ignores `Range`: what comes before is passed over, what comes after not fetched."""
    told = response.headers.get("Content-Length", "")
    total = int(told) if told.isdigit() else None
    if start >= 0:
        return Piece(_first_bytes(response, length, skip=start), min(start, total or start), total)
    kept, seen = b"", 0
    for block in response.iter_content(_BLOCK):
        seen += len(block)
        kept = (kept + block)[start:]
    return Piece(kept[:length], max(0, seen + start), seen)


def _first_bytes(response: Response, length: int, skip: int = 0) -> bytes:
    parts: list[bytes] = []
    missing = length
    for block in response.iter_content(_BLOCK):
        if skip >= len(block):
            skip -= len(block)
            continue
        part = block[skip : skip + missing]
        skip = 0
        parts.append(part)
        missing -= len(part)
        if missing <= 0:
            break
    return b"".join(parts)
