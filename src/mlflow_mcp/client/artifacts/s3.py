"""Artifacts in an S3 bucket, read in byte ranges."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from mlflow_mcp.client.artifacts.store import BLOCK, ArtifactEntry, ByteRange, byte_range, folder_not_file, missing_file
from mlflow_mcp.errors import Unreachable
from mlflow_mcp.text import short


class Bucket:
    """An S3 bucket, with the credentials and endpoint that MLflow itself would use. Needs the extra `s3`."""

    def __init__(self, root: str) -> None:
        import boto3  # noqa: F401  # a missing extra is reported by its name
        from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

        self._repository: Any = S3ArtifactRepository(root)
        parts = urlsplit(root)
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")

    def entries(self, folder: str) -> list[ArtifactEntry]:
        with self._translated():
            files = self._repository.list_artifacts(folder or None)
        return [ArtifactEntry(file.path, bool(file.is_dir), file.file_size) for file in files]

    def read(self, path: str, start: int, length: int) -> ByteRange:
        span = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
        with self._translated(), self._object(path, span) as answer:
            if answer is None:
                total = self._client.head_object(Bucket=self._bucket, Key=self._key(path))["ContentLength"]
                return ByteRange(b"", total, total)
            return byte_range(answer["Body"].read(length), str(answer.get("ContentRange")), length)

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._translated(), self._object(path, f"bytes={start}-" if start else None) as answer:
            if answer is not None:
                yield from answer["Body"].iter_chunks(BLOCK)

    @property
    def _client(self) -> Any:
        return self._repository._get_s3_client()

    def _key(self, path: str) -> str:
        return posixpath.join(self._prefix, path)

    @contextmanager
    def _object(self, path: str, span: str | None) -> Iterator[dict[str, Any] | None]:
        """S3's answer, its body closed at the end; None for a range beyond the end of the file."""
        from botocore.exceptions import ClientError

        request = {"Bucket": self._bucket, "Key": self._key(path)} | ({"Range": span} if span else {})
        try:
            answer: dict[str, Any] = self._client.get_object(**request)
        except ClientError as error:
            code = _code(error)
            if code in ("NoSuchKey", "404"):
                raise (folder_not_file(path) if self.entries(path) else missing_file(path)) from error
            if code not in ("InvalidRange", "416"):
                raise
            yield None
            return
        with closing(answer["Body"]):
            yield answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (ClientError, BotoCoreError, MlflowException) as error:
            reason = _code(error) if isinstance(error, ClientError) else short(str(error), 200)
            raise Unreachable(
                f"The bucket '{self._bucket}' could not be read: {reason.rstrip('.')}.",
                "Check the AWS credentials and MLFLOW_S3_ENDPOINT_URL in the host's env block.",
            ) from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code"))
