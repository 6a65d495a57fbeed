"""What archives and model files hold, by name. Nothing is ever unpacked, unpickled or run."""

from __future__ import annotations

import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from itertools import islice

from mlflow_mcp.client.artifacts.range_file import open_range_file
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural, size
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile

_LISTED = 100
_LONGEST_HEADER = 10_000_000
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    struct.error,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    RecursionError,
)


def read(file: OpenedFile, _: ContentRequest) -> ArtifactContent:
    """The names in a zip or tar archive or a safetensors file, read from its directory alone."""
    if not file.total:
        raise _refused(file)
    try:
        names = _NAMES_OF[file.kind.name](file, file.total)
    except _DAMAGED as error:
        raise file.refused("damaged") from error
    answer = ArtifactContent(path=file.path, bytes=file.total, holds=names)
    answer.note(f"It is {file.kind.label} of {size(file.total)}: only what it holds is listed.")
    return answer


def refuse(file: OpenedFile, _: ContentRequest) -> ArtifactContent:
    """Raise the error for a binary file, of which nothing can be shown."""
    raise _refused(file)


def _refused(file: OpenedFile) -> Problem:
    return file.refused(file.kind.refused_because)


def _zip_names(file: OpenedFile, total: int) -> list[str]:
    with open_range_file(file.source, file.path, total) as ranges, zipfile.ZipFile(ranges) as archive:
        members = archive.infolist()
    names = [f"{member.filename} ({size(member.file_size)})" for member in members[:_LISTED]]
    return names + _rest(len(members) - _LISTED)


def _tar_names(file: OpenedFile, total: int) -> list[str]:
    with open_range_file(file.source, file.path, total) as ranges, tarfile.open(fileobj=ranges, mode="r:") as archive:
        # Every header is a request of its own, so that no more are read than are shown.
        members = list(islice(archive, _LISTED + 1))
    names = [f"{member.name} ({size(member.size)})" for member in members[:_LISTED]]
    return names + (["and more"] if len(members) > _LISTED else [])


def _tensor_names(file: OpenedFile, _: int) -> list[str]:
    (length,) = struct.unpack("<Q", file.source.read(file.path, 0, 8).data)
    if length > _LONGEST_HEADER:
        raise ValueError(length)
    header = json.loads(file.source.read(file.path, 8, length).data)
    tensors = [name for name in header if name != "__metadata__"]
    names = [f"{name} {header[name]['dtype']} {header[name]['shape']}" for name in tensors[:_LISTED]]
    return names + _rest(len(tensors) - _LISTED)


def _rest(count: int) -> list[str]:
    return [f"and {plural(count, 'more entry', 'more entries')}"] if count > 0 else []


_NAMES_OF: dict[str, Callable[[OpenedFile, int], list[str]]] = {
    "zip": _zip_names,
    "tar": _tar_names,
    "safetensors": _tensor_names,
}
