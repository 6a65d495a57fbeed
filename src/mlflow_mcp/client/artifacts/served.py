"""Artifacts that an http(s) tracking server serves, in pieces.

It serves those of every run it can reach, whatever their store (`GET /get-artifact?run_id&path`, `GET …/artifacts/list`),
and honours `Range`; roots of logged models it proxies under `…/mlflow-artifacts/artifacts/<path>`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mlflow_mcp.client.artifacts.store import BLOCK, Entry, Piece, Place, is_folder, no_file, piece_of_range
from mlflow_mcp.client.transport.translate import not_mlflow, of_status
from mlflow_mcp.errors import NotFound, Problem, Unreachable
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from requests import Response

    from mlflow_mcp.client import Client

_BUCKETS = ("s3", "gs", "wasbs", "abfss", "r2", "oss", "hdfs", "dbfs", "ftp", "sftp")


class _Served:
    """What both routes of a tracking server have in common: ranges, and servers that ignore them."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def _request(self, path: str, headers: dict[str, str]) -> Response:
        raise NotImplementedError  # each route has its own

    def read(self, path: str, start: int, length: int) -> Piece:
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
        with self._got(path, {"Range": span}) as response:
            if response.status_code == 206:
                return _ranged_piece(response, length)
            if response.status_code == 200:
                return _streamed_piece(response, start, length)
            told = response.headers.get("Content-Range", "").rpartition("/")[2]
        if not told.isdigit():  # 416 without the file's size
            with self._got(path, {}) as response:
                return _streamed_piece(response, start, length)
        total = int(told)  # beyond the end, or any range of an empty file
        if total and start < 0:  # some servers refuse a suffix longer than the file
            return self.read(path, 0, total)
        return Piece(b"", total, total)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._got(path, {"Range": f"bytes={start}-"} if start else {}) as response:
            if response.status_code == 416:
                return
            skip = start if response.status_code == 200 else 0
            for block in response.iter_content(BLOCK):
                self.client.call.check()
                if skip < len(block):
                    yield block[skip:] if skip else block
                skip = max(0, skip - len(block))

    @contextmanager
    def _got(self, path: str, headers: dict[str, str]) -> Iterator[Response]:
        # An encoded body would make byte ranges and sizes mean something else.
        headers = {"Accept-Encoding": "identity", **headers}
        if str(self.client.uri).startswith("http://"):
            # `mlflow server` with several workers sends head and body of a file as two packets and waits for the
            # acknowledgement of the first, which kept connections delay by 40 ms; fresh ones do not.
            headers["Connection"] = "close"
        response = self._request(path, headers)
        try:
            if response.status_code not in ((200, 206, 416) if "Range" in headers else (200,)):
                raise self._problem(response, path)
            is_page = "html" in response.headers.get("Content-Type", "") and response.status_code != 416
            if is_page and "Content-Disposition" not in response.headers:
                # MLflow sends files as attachments: this is a log-in page in front of it.
                raise not_mlflow(safe_uri(self.client.uri), response.status_code)
            yield response
        finally:
            response.close()

    def _problem(self, response: Response, path: str) -> Problem:
        body = response.text
        if "directory" in body and response.status_code in (400, 500):
            return is_folder(path)
        problem = of_status(response.status_code, safe_uri(self.client.uri), body)
        if isinstance(problem, NotFound) and "Run with id" not in body:
            return no_file(path)
        return problem


class ServedRun(_Served):
    """A run's artifacts as its tracking server serves them; those of a bucket that only this machine may read, from there."""

    def __init__(self, client: Client, run_id: str, place_at: Callable[[Client, str], Place]) -> None:
        super().__init__(client)
        self.run_id = run_id
        self._place_at = place_at

    def entries(self, folder: str) -> list[Entry]:
        params = {"run_id": self.run_id} | ({"path": folder} if folder else {})
        found: list[Entry] = []
        while True:
            response = self.client.http.get("/api/2.0/mlflow/artifacts/list", params)
            if response.status_code >= 500 and (bucket := self._own_bucket()):
                return bucket.entries(folder)
            answer = self.client.http.json_of(response)
            found += [_entry(each) for each in answer.get("files", ())]
            token = answer.get("next_page_token")
            if not token:
                return found
            params["page_token"] = token

    def read(self, path: str, start: int, length: int) -> Piece:
        try:
            return super().read(path, start, length)
        except Unreachable:
            if bucket := self._own_bucket():
                return bucket.read(path, start, length)
            raise

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        try:
            first = next(blocks := super().stream(path, start), b"")
        except Unreachable:
            if not (bucket := self._own_bucket()):
                raise
            yield from bucket.stream(path, start)
            return
        yield first
        yield from blocks

    def _request(self, path: str, headers: dict[str, str]) -> Response:
        params = {"run_id": self.run_id, "path": path}
        return self.client.http.get("/get-artifact", params, headers=headers, stream=True)

    def _problem(self, response: Response, path: str) -> Problem:
        problem = super()._problem(response, path)
        if isinstance(problem, NotFound) and "Run with id" in response.text:
            return NotFound(f"No run has the id '{self.run_id}'.", "resolve_id finds what an id is.")
        if response.status_code >= 500:  # the server may lack the credentials that this machine has
            return Unreachable(str(problem))
        return problem

    def _own_bucket(self) -> Place | None:
        root = str(self.client.runs.get(self.run_id).info.artifact_uri or "")
        return self._place_at(self.client, root) if urlsplit(root).scheme in _BUCKETS else None


class ProxiedRoot(_Served):
    """An artifact root behind the server's artifact proxy: that of a logged model, for example."""

    _ROUTE = "/api/2.0/mlflow-artifacts/artifacts"

    def __init__(self, client: Client, root: str) -> None:
        super().__init__(client)
        path = urlsplit(root).path
        self.root = path.rpartition(self._ROUTE)[2].strip("/")

    def entries(self, folder: str) -> list[Entry]:
        answer = self.client.http.get_json(self._ROUTE, {"path": posixpath.join(self.root, folder)})
        # This route tells names, not paths.
        return [
            _entry({**each, "path": posixpath.join(folder, posixpath.basename(str(each["path"])))})
            for each in answer.get("files", ())
        ]

    def _request(self, path: str, headers: dict[str, str]) -> Response:
        return self.client.http.get(f"{self._ROUTE}/{quote(f'{self.root}/{path}')}", headers=headers, stream=True)


def _entry(told: dict[str, Any]) -> Entry:
    length = told.get("file_size")
    return Entry(str(told["path"]), bool(told.get("is_dir")), None if length is None else int(length))


def _ranged_piece(response: Response, length: int) -> Piece:
    return piece_of_range(_first_bytes(response, length), response.headers.get("Content-Range", ""), length)


def _streamed_piece(response: Response, start: int, length: int) -> Piece:
    """The range from a server that ignores `Range`: what comes before is passed over, what comes after not fetched."""
    told = response.headers.get("Content-Length", "")
    total = int(told) if told.isdigit() else None
    if start >= 0:
        data = _first_bytes(response, length, skip=start)
        if total is None and 0 < len(data) < length:
            total = start + len(data)
        return Piece(data, start if total is None else min(start, total), total)
    kept, seen = b"", 0
    for block in response.iter_content(BLOCK):
        seen += len(block)
        kept = (kept + block)[start:]
    return Piece(kept[:length], max(0, seen + start), seen)


def _first_bytes(response: Response, length: int, skip: int = 0) -> bytes:
    parts: list[bytes] = []
    missing = length
    for block in response.iter_content(BLOCK):
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
