"""The places where MLflow keeps artifacts, each read in pieces: listings, byte ranges and streams.

An http(s) tracking server serves the artifacts of every run it can reach, whatever their store
(`GET /get-artifact?run_id&path`, `GET …/artifacts/list`), and honours `Range`; roots of logged models it proxies under
`…/mlflow-artifacts/artifacts/<path>`. Local folders are read as files, S3 by ranges of its own. For what is left,
MLflow's artifact repository downloads the whole file.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from mlflow_mcp import errors
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.local_store import local_path
from mlflow_mcp.tracking import Tracking

if TYPE_CHECKING:
    from requests import Response

BLOCK = 256 * 1024
_BUCKETS = ("s3", "gs", "wasbs", "abfss", "r2", "oss", "hdfs", "dbfs", "ftp", "sftp")


@dataclass(frozen=True)
class Entry:
    """A file or folder. `path` is relative to the root; a folder has no size."""

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


class Place(Protocol):
    """Paths are relative to the place's root and checked already."""

    def entries(self, folder: str) -> list[Entry]:
        """What a folder holds; empty for one that does not exist and for a file."""

    def read(self, path: str, start: int, length: int) -> Piece:
        """`length` bytes from `start`; a negative `start` counts from the end. Fewer at the end of the file.
        Raises NotFound for a missing file and IsFolder for a folder."""

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The file from `start` on in blocks. Reading may stop at any time: close the generator."""


def place_of_run(tracking: Tracking, run_id: str) -> Place:
    if tracking.is_http:
        return ServedRun(tracking, run_id)
    return place_at(tracking, str(tracking.get_run(run_id).info.artifact_uri or ""))


def place_at(tracking: Tracking, root: str) -> Place:
    """The place that an artifact root (`mlflow-artifacts:/…`, a folder, `s3://…`) names."""
    scheme = urlsplit(root).scheme
    if (folder := local_path(root)) is not None:
        if tracking.is_http and not folder.is_dir():
            raise Problem(
                f"These artifacts lie in {folder} of the server's own disk, which this machine does not see.",
                "Its operator can start it with --serve-artifacts; artifacts of runs are readable in any case.",
            )
        return Folder(folder.resolve())
    if tracking.is_http and scheme in ("mlflow-artifacts", "http", "https"):
        return ProxiedRoot(tracking, root)
    if scheme == "s3":
        return Bucket(root)
    return Repository(root)


def is_folder(path: str) -> IsFolder:
    if not path:
        return IsFolder("That is the root, a folder.", "list_artifacts(run_id) shows what it holds.")
    return IsFolder(f"'{path}' is a folder.", f"list_artifacts(run_id, '{path}') shows what it holds.")


def no_file(path: str) -> NotFound:
    return NotFound(f"There is no artifact '{path}'.", "list_artifacts shows what there is.")


# -- over http -----------------------------------------------------------------------------------------------------


class _Served:
    """What both routes of a tracking server have in common: ranges, and servers that ignore them."""

    def __init__(self, tracking: Tracking) -> None:
        self.tracking = tracking

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
                self.tracking.call.check()
                if skip < len(block):
                    yield block[skip:] if skip else block
                skip = max(0, skip - len(block))

    @contextmanager
    def _got(self, path: str, headers: dict[str, str]) -> Iterator[Response]:
        # An encoded body would make byte ranges and sizes mean something else.
        headers = {"Accept-Encoding": "identity", **headers}
        if str(self.tracking.uri).startswith("http://"):
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
                raise errors.not_mlflow(errors.safe_uri(self.tracking.known_uri), response.status_code)
            yield response
        finally:
            response.close()

    def _problem(self, response: Response, path: str) -> Problem:
        body = response.text
        if "directory" in body and response.status_code in (400, 500):
            return is_folder(path)
        problem = errors.of_status(response.status_code, errors.safe_uri(self.tracking.known_uri), body)
        if isinstance(problem, NotFound) and "Run with id" not in body:
            return no_file(path)
        return problem


class ServedRun(_Served):
    """A run's artifacts as its tracking server serves them; those of a bucket that only this machine may read, from there."""

    def __init__(self, tracking: Tracking, run_id: str) -> None:
        super().__init__(tracking)
        self.run_id = run_id

    def entries(self, folder: str) -> list[Entry]:
        params = {"run_id": self.run_id} | ({"path": folder} if folder else {})
        found: list[Entry] = []
        while True:
            response = self.tracking.request("/api/2.0/mlflow/artifacts/list", params)
            if response.status_code >= 500 and (bucket := self._own_bucket()):
                return bucket.entries(folder)
            answer = self.tracking.json_of(response)
            found += [_entry(each) for each in answer.get("files", ())]
            token = answer.get("next_page_token")
            if not token:
                return found
            params["page_token"] = token

    def read(self, path: str, start: int, length: int) -> Piece:
        try:
            return super().read(path, start, length)
        except errors.Unreachable:
            if bucket := self._own_bucket():
                return bucket.read(path, start, length)
            raise

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        try:
            first = next(blocks := super().stream(path, start), b"")
        except errors.Unreachable:
            if not (bucket := self._own_bucket()):
                raise
            yield from bucket.stream(path, start)
            return
        yield first
        yield from blocks

    def _request(self, path: str, headers: dict[str, str]) -> Response:
        params = {"run_id": self.run_id, "path": path}
        return self.tracking.request("/get-artifact", params, headers=headers, stream=True)

    def _problem(self, response: Response, path: str) -> Problem:
        problem = super()._problem(response, path)
        if isinstance(problem, NotFound) and "Run with id" in response.text:
            return NotFound(f"No run has the id '{self.run_id}'.", "resolve_id finds what an id is.")
        if response.status_code >= 500:  # the server may lack the credentials that this machine has
            return errors.Unreachable(str(problem))
        return problem

    def _own_bucket(self) -> Place | None:
        root = str(self.tracking.get_run(self.run_id).info.artifact_uri or "")
        return place_at(self.tracking, root) if urlsplit(root).scheme in _BUCKETS else None


class ProxiedRoot(_Served):
    """An artifact root behind the server's artifact proxy: that of a logged model, for example."""

    _ROUTE = "/api/2.0/mlflow-artifacts/artifacts"

    def __init__(self, tracking: Tracking, root: str) -> None:
        super().__init__(tracking)
        path = urlsplit(root).path
        self.root = path.rpartition(self._ROUTE)[2].strip("/")

    def entries(self, folder: str) -> list[Entry]:
        answer = self.tracking.get_json(self._ROUTE, {"path": posixpath.join(self.root, folder)})
        # This route tells names, not paths.
        return [
            _entry({**each, "path": posixpath.join(folder, posixpath.basename(str(each["path"])))})
            for each in answer.get("files", ())
        ]

    def _request(self, path: str, headers: dict[str, str]) -> Response:
        return self.tracking.request(f"{self._ROUTE}/{quote(f'{self.root}/{path}')}", headers=headers, stream=True)


def _entry(told: dict[str, Any]) -> Entry:
    length = told.get("file_size")
    return Entry(str(told["path"]), bool(told.get("is_dir")), None if length is None else int(length))


def _ranged_piece(response: Response, length: int) -> Piece:
    return _piece(_first_bytes(response, length), response.headers.get("Content-Range", ""), length)


def _piece(data: bytes, told: str, length: int) -> Piece:
    """The bytes that came for a range, which the answer tells as `bytes 0-9/100`. Raises Unreachable when some are missing."""
    span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", told)
    if span is None or len(data) < min(length, int(span[2]) - int(span[1]) + 1):
        raise errors.Unreachable(f"The answer of the store broke off after {len(data):,} bytes.", "Try once more.")
    return Piece(data, int(span[1]), None if span[3] == "*" else int(span[3]))


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


# -- without a server ----------------------------------------------------------------------------------------------


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


class Bucket:
    """An S3 bucket, with the credentials and endpoint that MLflow itself would use. Needs the extra `s3`."""

    def __init__(self, root: str) -> None:
        import boto3  # noqa: F401  # its absence is told by name
        from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

        self._repository: Any = S3ArtifactRepository(root)
        parts = urlsplit(root)
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")

    def entries(self, folder: str) -> list[Entry]:
        with self._in_words():
            found = self._repository.list_artifacts(folder or None)
        return [Entry(each.path, bool(each.is_dir), each.file_size) for each in found]

    def read(self, path: str, start: int, length: int) -> Piece:
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
        with self._in_words(), self._got(path, span) as told:
            if told is None:
                total = self._client.head_object(Bucket=self._bucket, Key=self._key(path))["ContentLength"]
                return Piece(b"", total, total)
            return _piece(told["Body"].read(length), str(told.get("ContentRange")), length)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._in_words(), self._got(path, f"bytes={start}-" if start else None) as told:
            if told is not None:
                yield from told["Body"].iter_chunks(BLOCK)

    @property
    def _client(self) -> Any:
        return self._repository._get_s3_client()

    def _key(self, path: str) -> str:
        return posixpath.join(self._prefix, path)

    @contextmanager
    def _got(self, path: str, span: str | None) -> Iterator[dict[str, Any] | None]:
        """S3's answer, its body closed at the end; None for a range beyond the end of the file."""
        from botocore.exceptions import ClientError

        asked = {"Bucket": self._bucket, "Key": self._key(path)} | ({"Range": span} if span else {})
        try:
            answer: dict[str, Any] = self._client.get_object(**asked)
        except ClientError as error:
            code = _code(error)
            if code in ("NoSuchKey", "404"):
                raise (is_folder(path) if self.entries(path) else no_file(path)) from error
            if code not in ("InvalidRange", "416"):
                raise
            yield None
            return
        with closing(answer["Body"]):
            yield answer

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (ClientError, BotoCoreError, MlflowException) as error:
            told = _code(error) if isinstance(error, ClientError) else errors.short(str(error), 200)
            raise errors.Unreachable(
                f"The bucket '{self._bucket}' could not be read: {told.rstrip('.')}.",
                "Check the AWS credentials and MLFLOW_S3_ENDPOINT_URL in the host's env block.",
            ) from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code"))


class Repository:
    """Any other store, through MLflow's artifact repository: it can only download whole files."""

    def __init__(self, root: str) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        self._repository: Any = get_artifact_repository(root)

    def entries(self, folder: str) -> list[Entry]:
        found = self._repository.list_artifacts(folder or None)
        return [Entry(each.path, bool(each.is_dir), each.file_size) for each in found]

    def read(self, path: str, start: int, length: int) -> Piece:
        with self._downloaded(path) as folder:
            return folder.read(posixpath.basename(path), start, length)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._downloaded(path) as folder:
            yield from folder.stream(posixpath.basename(path), start)

    @contextmanager
    def _downloaded(self, path: str) -> Iterator[Folder]:
        with tempfile.TemporaryDirectory(prefix="mlflow-mcp-") as temporary:
            copy = Path(self._repository.download_artifacts(path, temporary)).resolve()
            if copy.is_dir():
                raise is_folder(path)
            yield Folder(copy.parent)


_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


def is_model(given: str) -> bool:
    """Whether an id names a logged model or a model version rather than a run."""
    return given.startswith("models:/") or bool(_MODEL_ID.fullmatch(given))


def place_of_model(tracking: Tracking, given: str) -> Place:
    """The artifacts of a logged model (`m-…`, `models:/m-…`) or a model version (`models:/name/3`, `models:/name@alias`)."""
    named = given.removeprefix("models:/").strip("/")
    if _MODEL_ID.fullmatch(named):
        model = tracking.logged_model(named)
        if model is None:
            raise NotFound(f"No logged model has the id '{named}'.", "get_run shows the models of a run.")
        return place_at(tracking, str(model.artifact_location))
    uri = tracking.model_version_uri(*_name_and_version(given, named))
    return place_of_model(tracking, uri) if uri.startswith("models:/") else place_at(tracking, uri)


def _name_and_version(given: str, named: str) -> tuple[str, str]:
    """("name", "3") or ("name", "@alias")."""
    if "@" in named:
        name, _, alias = named.rpartition("@")
        return name, f"@{alias}"
    name, _, version = named.rpartition("/")
    if not name or not version.isdigit():
        raise Problem(f"'{given}' names no model version.", "Write models:/name/3, models:/name@alias or models:/m-….")
    return name, version
