"""Artifacts in stores that this machine reads itself, in pieces: folders, S3, and whatever else MLflow knows."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from mlflow_mcp import errors
from mlflow_mcp.client.artifacts.store import BLOCK, Entry, Piece, is_folder, no_file, piece_of_range
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
            return piece_of_range(told["Body"].read(length), str(told.get("ContentRange")), length)

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
