"""What archives and model files hold, by name. Nothing is ever unpacked, unpickled or run."""

from __future__ import annotations

import json
import struct
import tarfile
import zipfile
from itertools import islice

from mlflow_mcp.client.artifacts import range_file
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.text import plural, size
from mlflow_mcp.tools.artifacts.formats.detect import refusal

_LISTED = 100


def listing(source: ArtifactSource, path: str, kind: str, total: int | None) -> list[str] | None:
    """What a zip or tar archive or a safetensors file holds, by name, read from its directory alone; None for others."""
    if not total:
        return None
    try:
        if kind == "zip":
            with range_file.open_range_file(source, path, total) as file, zipfile.ZipFile(file) as archive:
                held = archive.infolist()
                names = [f"{each.filename} ({size(each.file_size)})" for each in held[:_LISTED]]
                return names + _rest(len(held) - _LISTED)
        if kind == "tar":
            with range_file.open_range_file(source, path, total) as file, tarfile.open(fileobj=file, mode="r:") as tar:
                # Every header is a request of its own, so that no more are read than are shown.
                members = list(islice(tar, _LISTED + 1))
                names = [f"{each.name} ({size(each.size)})" for each in members[:_LISTED]]
                return names + (["and more"] if len(members) > _LISTED else [])
        if kind == "safetensors":
            return _tensors(source, path)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        struct.error,
        ValueError,
        EOFError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise refusal(path, f"a {kind} file", total, "damaged") from error
    return None


def _tensors(source: ArtifactSource, path: str) -> list[str]:
    (length,) = struct.unpack("<Q", source.read(path, 0, 8).data)
    if length > 10_000_000:
        raise ValueError(length)
    header = json.loads(source.read(path, 8, length).data)
    names = [name for name in header if name != "__metadata__"]
    told = [f"{name} {header[name]['dtype']} {header[name]['shape']}" for name in names[:_LISTED]]
    return told + _rest(len(names) - _LISTED)


def _rest(count: int) -> list[str]:
    return [f"and {plural(count, 'more entry', 'more entries')}"] if count > 0 else []
