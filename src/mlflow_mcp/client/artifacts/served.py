"""Artifacts that an http(s) tracking server serves, in byte ranges.

It serves those of every run it can reach, whatever their store (`GET /get-artifact?run_id&path`, `GET …/artifacts/list`),
and honours `Range`; roots of logged models it proxies under `…/mlflow-artifacts/artifacts/<path>`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mlflow_mcp.client.artifacts.bodies import first_bytes, range_of_whole
from mlflow_mcp.client.artifacts.store import (
    BLOCK,
    ArtifactEntry,
    ByteRange,
    byte_range,
    folder_not_file,
    missing_file,
)
from mlflow_mcp.client.transport.codes import not_mlflow, of_status
from mlflow_mcp.errors import NotFound, NotMlflow, Problem, Unreachable
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from requests import Response

    from mlflow_mcp.client import Client


class ServerCannotRead(Unreachable):
    """The server failed (5xx) when it read the artifact: it may lack credentials for the store behind it."""


class ServedFiles:
    """Byte ranges and streams over one route of a tracking server, also when it ignores `Range`.

    `get(path, headers)` requests a file; `list_folder(path)` a listing, which also tells what a failure (500) means.
    """

    def __init__(
        self,
        client: Client,
        get: Callable[[str, Mapping[str, str]], Response],
        list_folder: Callable[[str], list[ArtifactEntry]],
    ) -> None:
        self._client, self._get, self._list = client, get, list_folder

    def read(self, path: str, start: int, length: int) -> ByteRange:
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
        with self._requested(path, {"Range": span}) as response:
            if response.status_code == 206:
                content_range = response.headers.get("Content-Range", "")
                return byte_range(first_bytes(response, length), content_range, length)
            if response.status_code == 200:
                return range_of_whole(response, start, length)
            file_size = response.headers.get("Content-Range", "").rpartition("/")[2]
        if not file_size.isdigit():  # 416 without the file's size
            with self._requested(path, {}) as response:
                return range_of_whole(response, start, length)
        total = int(file_size)  # beyond the end, or any range of an empty file
        if total and start < 0:  # some servers refuse a suffix longer than the file
            return self.read(path, 0, total)
        return ByteRange(b"", total, total)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._requested(path, {"Range": f"bytes={start}-"} if start else {}) as response:
            if response.status_code == 416:
                return
            skip = start if response.status_code == 200 else 0
            for block in response.iter_content(BLOCK):
                self._client.call.check()
                self._client.call.heard.now()
                if skip < len(block):
                    yield block[skip:] if skip else block
                skip = max(0, skip - len(block))

    @contextmanager
    def _requested(self, path: str, headers: dict[str, str]) -> Iterator[Response]:
        # An encoded body would make byte ranges and sizes mean something else.
        headers = {"Accept-Encoding": "identity", **headers}
        if str(self._client.uri).startswith("http://"):
            # `mlflow server` with several workers sends head and body of a file as two packets and waits for the
            # acknowledgement of the first, which kept connections delay by 40 ms; fresh ones do not.
            headers["Connection"] = "close"
        response = self._get(path, headers)
        try:
            if response.status_code not in ((200, 206, 416) if "Range" in headers else (200,)):
                raise self._problem(response, path)
            is_page = "html" in response.headers.get("Content-Type", "") and response.status_code != 416
            if is_page and "Content-Disposition" not in response.headers:
                # MLflow sends files as attachments: this is a log-in page in front of it.
                raise not_mlflow(safe_uri(self._client.uri), response.status_code)
            yield response
        finally:
            response.close()

    def entries(self, folder: str) -> list[ArtifactEntry]:
        """What a folder holds; empty for what the listing around it does not show as a folder."""
        try:
            return self._list(folder)
        except ServerCannotRead:
            listed = self._listed(folder)
            if listed is None or any(entry.is_dir for entry in listed):
                raise
            return []

    def _problem(self, response: Response, path: str) -> Problem:
        status = response.status_code
        if status in (400, 500):  # for a folder, and before MLflow 3.14 for a missing file as well
            listed = self._listed(path)
            if not path or any(entry.is_dir for entry in listed or ()):
                return folder_not_file(path)
            if status == 500 and listed == []:
                return missing_file(path)
        if status == 416:  # to a request without a range
            return not_mlflow(safe_uri(self._client.uri), 416)
        problem = of_status(status, safe_uri(self._client.uri), response.text)
        if isinstance(problem, NotFound):
            return missing_file(path)
        return ServerCannotRead(str(problem)) if status >= 500 else problem

    def _listed(self, path: str) -> list[ArtifactEntry] | None:
        """The path's entry in the listing of its folder, if it has one; None for the root and when that listing fails."""
        with suppress(Problem):
            return [entry for entry in self.entries(posixpath.dirname(path)) if entry.path == path] if path else None
        return None


class ServedRun:
    """A run's artifacts as its tracking server serves them. Raises RunNotFound when there is no such run, and
    ServerCannotRead when the server itself fails to read them."""

    def __init__(self, client: Client, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        files = ServedFiles(client, self._get, self._list)
        self.entries, self.read, self.stream = files.entries, files.read, files.stream

    def _list(self, folder: str) -> list[ArtifactEntry]:
        params = {"run_id": self._run_id} | ({"path": folder} if folder else {})
        entries: list[ArtifactEntry] = []
        while True:
            response = self._client.http.get("/api/2.0/mlflow/artifacts/list", params)
            self._refuse_missing_run(response)
            page = _json_of(self._client, response)
            if not {"root_uri", "files"} & set(page) or not isinstance(page.get("files", []), list):
                raise not_mlflow(safe_uri(self._client.uri), 200)
            entries += [_entry(file) for file in page.get("files", ())]
            token = page.get("next_page_token")
            if not token:
                return entries
            params["page_token"] = token

    def _get(self, path: str, headers: Mapping[str, str]) -> Response:
        params = {"run_id": self._run_id, "path": path}
        response = self._client.http.get("/get-artifact", params, headers=headers, stream=True)
        try:
            self._refuse_missing_run(response)
            root = self._root_without_route(response)
        except Problem:
            response.close()  # nobody reads it: an open connection would be left behind
            raise
        if root is None:
            return response
        response.close()
        return ProxiedRoot(self._client, root).get(path, headers)

    def _root_without_route(self, response: Response) -> str | None:
        """The run's root behind the artifact proxy, when the answer is that there is no such route: `--static-prefix` of
        older servers moves this route away from the API."""
        if response.status_code != 404 or not isinstance(of_status(404, "", response.text), NotMlflow):
            return None
        root = self._client.runs.artifact_root(self._run_id)
        return root if urlsplit(root).scheme == "mlflow-artifacts" else None

    def _refuse_missing_run(self, response: Response) -> None:
        """Raise RunNotFound for a 404 that is the run's: a missing file has the same status and error code."""
        if response.status_code == 404:
            self._client.runs.get(self._run_id)


class ProxiedRoot:
    """An artifact root behind the server's artifact proxy: that of a logged model, for example."""

    _ROUTE = "/api/2.0/mlflow-artifacts/artifacts"

    def __init__(self, client: Client, root: str) -> None:
        self._client = client
        self._root = urlsplit(root).path.rpartition(self._ROUTE)[2].strip("/")
        files = ServedFiles(client, self.get, self._list)
        self.entries, self.read, self.stream = files.entries, files.read, files.stream

    def _list(self, folder: str) -> list[ArtifactEntry]:
        response = self._client.http.get(self._ROUTE, {"path": posixpath.join(self._root, folder)})
        answer = _json_of(self._client, response)
        # This route lists names, not paths.
        return [
            _entry({**file, "path": posixpath.join(folder, posixpath.basename(str(file["path"])))})
            for file in answer.get("files", ())
        ]

    def get(self, path: str, headers: Mapping[str, str]) -> Response:
        return self._client.http.get(f"{self._ROUTE}/{quote(f'{self._root}/{path}')}", headers=headers, stream=True)

    def put(self, path: str, content: IO[bytes] | bytes) -> None:
        """Write a file, within a write. Raises Problem when the server does not take it."""
        route = f"{self._ROUTE}/{quote(f'{self._root}/{path}')}"
        headers = {"Content-Type": "application/octet-stream"}
        response = self._client.http.send("PUT", route, data=content, extra_headers=headers)
        if response.status_code not in (200, 201, 204):
            raise of_status(response.status_code, safe_uri(self._client.uri), response.text)


def _json_of(client: Client, response: Response) -> Any:
    try:
        return client.http.json_of(response)
    except Problem as problem:
        raise (ServerCannotRead(str(problem)) if response.status_code >= 500 else problem) from None


def _entry(file: Mapping[str, Any]) -> ArtifactEntry:
    length = str(file.get("file_size"))  # protobuf writes large integers as text
    return ArtifactEntry(str(file["path"]), bool(file.get("is_dir")), int(length) if length.isdecimal() else None)
