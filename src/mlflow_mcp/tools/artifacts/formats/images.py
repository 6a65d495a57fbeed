"""What is not text: images as they look, documents as their text, the rest by name. Nothing is ever unpickled or run."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import warnings
import zipfile
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from mlflow_mcp.answers.base import Picture, plural, size
from mlflow_mcp.client.artifacts import range_file
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.call import CallEnded
from mlflow_mcp.errors import Problem

# What the first bytes of a file give away: kind, and its name in a sentence.
_SIGNATURES = (
    (b"\x89PNG", "png", "a PNG image"), (b"\xff\xd8\xff", "jpeg", "a JPEG image"), (b"GIF8", "gif", "a GIF image"),
    (b"BM", "bmp", "a bitmap"), (b"%PDF", "pdf", "a PDF"), (b"PK\x03\x04", "zip", "a zip archive"),
    (b"PK\x05\x06", "zip", "an empty zip archive"),
    (b"\x1f\x8b", "gzip", "a gzip file"), (b"PAR1", "parquet", "a Parquet file"), (b"\x93NUMPY", "numpy", "a NumPy array"),
    (b"\x80\x02", "pickle", "a Python pickle"), (b"\x80\x03", "pickle", "a Python pickle"),
    (b"\x80\x04", "pickle", "a Python pickle"), (b"\x80\x05", "pickle", "a Python pickle"),
    (b"\x89HDF", "hdf5", "an HDF5 file"), (b"\x28\xb5\x2f\xfd", "zstd", "a zstd file"), (b"GGUF", "gguf", "a GGUF model"),
    (b"BZh", "bzip2", "a bzip2 file"), (b"\xfd7zXZ", "xz", "an xz file"), (b"SQLite format 3", "sqlite", "a sqlite database"),
)  # fmt: skip
_ENDINGS = {
    ".pkl": ("pickle", "a Python pickle"), ".pickle": ("pickle", "a Python pickle"), ".joblib": ("pickle", "a Python pickle"),
    ".safetensors": ("safetensors", "a safetensors model"), ".tar": ("tar", "a tar archive"),
    ".webp": ("webp", "a WebP image"),
}  # fmt: skip
IMAGES = ("png", "jpeg", "gif", "bmp", "webp")
_LISTED = 100
# Images and documents are read whole up to this size.
_MOST_READ = 25_000_000
_MOST_DOCUMENT = 10_000_000
_MOST_PIXELS = 50_000_000
# How a whole image of a kind ends, where that is always the same.
_ENDS = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9", "gif": b";"}
# An image in this size costs an agent about a thousand tokens.
_SIDE = 1_000
_AS_IT_IS = 400_000


def kind_of(path: str, head: bytes) -> tuple[str, str] | None:
    """("png", "a PNG image") for a file that is not text, by its first bytes and its name; None for text."""
    ending = PurePosixPath(path.lower()).suffix
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _ENDINGS[".webp"]
    for start, kind, name in _SIGNATURES:
        if head.startswith(start) and (kind != "bmp" or ending == ".bmp"):
            return kind, name
    if head[257:262] == b"ustar":
        return _ENDINGS[".tar"]
    if ending in (".safetensors", ".tar") and b"\0" in head:
        return _ENDINGS[ending]
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return None  # text in UTF-16 or UTF-32
    odd = sum(byte < 9 or 13 < byte < 27 for byte in head)
    if b"\0" in head or odd * 20 > len(head):
        # A kind that is told by its first bytes is not this one, whatever its name says.
        return _ENDINGS[ending] if ending in (".pkl", ".pickle", ".joblib") else ("binary", "a binary file")
    return None


def refusal(path: str, name: str, total: int | None, why: str = "not text") -> Problem:
    return Problem(
        f"'{path}' is {name} of {size(total)}, {why}.",
        "download_artifacts fetches it as it is; get_run gives the run's URL, where a person can open it.",
    )


def image(source: ArtifactSource, path: str, kind: str, total: int | None) -> Picture:
    """The image as a block: as it is when it is small and sound, else scaled down (which needs the extra `images`)."""
    if total is None or total > _MOST_READ:
        raise refusal(path, f"a {kind} image", total, "too large to show")
    data = source.read(path, 0, total).data
    told = f"{path}, {size(total)}"
    may_stay = total <= _AS_IT_IS and kind in ("png", "jpeg", "gif", "webp")
    try:
        from PIL import Image
    except ModuleNotFoundError:
        if may_stay and not _is_large(data, kind) and data.rstrip(b"\0").endswith(_ENDS.get(kind, b"")):
            return Picture(text=f"{told}.", data=data, mime_type=f"image/{kind}")
        raise
    try:
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
            _load(opened)  # hosts end a conversation over a damaged image
            if may_stay and max(width, height) <= _SIDE * 1.6:
                return Picture(text=f"{told}, {width} x {height} pixels.", data=data, mime_type=f"image/{kind}")
            shown = opened if opened.mode in ("RGB", "RGBA", "L") else opened.convert("RGBA")
            shown.thumbnail((_SIDE, _SIDE))
            file = io.BytesIO()
            shown.save(file, "PNG", optimize=True)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise refusal(path, f"a {kind} image", total, "damaged or too large to open") from error
    scaled = "" if max(width, height) <= _SIDE else f", scaled down to fit {_SIDE}"
    return Picture(text=f"{told}, {width} x {height} pixels{scaled}.", data=file.getvalue())


def _load(image: Any) -> None:
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError("too many pixels to decode")
    image.load()


def _is_large(data: bytes, kind: str) -> bool:
    """Whether a PNG says that it has too many pixels for an agent; other kinds are judged by their bytes."""
    if kind != "png" or len(data) < 24:
        return False
    width, height = struct.unpack(">II", data[16:24])
    return bool(max(width, height) > _SIDE * 1.6)


def document_text(source: ArtifactSource, path: str, kind: str, total: int | None) -> str:
    """The text of an HTML page or a PDF (which needs the extra `documents`)."""
    if total is None or total > _MOST_DOCUMENT:
        raise refusal(path, f"a {kind.upper()} file", total, "too large to read as text")
    data = source.read(path, 0, total).data
    return _html_text(data) if kind == "html" else _pdf_text(source, path, data)


def _html_text(data: bytes) -> str:
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it looks like XML, or like the name of a file
        page = BeautifulSoup(data, "html.parser")
    for part in page(["script", "style", "noscript", "template"]):
        part.decompose()
    lines = (line.strip() for line in page.get_text("\n").split("\n"))
    return "\n".join(line for line in lines if line) + "\n"


def _pdf_text(source: ArtifactSource, path: str, data: bytes) -> str:
    from pypdf import PdfReader

    parts: list[str] = []
    try:
        pages = PdfReader(io.BytesIO(data)).pages
        for number, page in enumerate(pages, 1):
            source.tracking.call.check()
            parts.append(f"[page {number}]\n{page.extract_text()}\n")
    except CallEnded:
        raise
    except Exception as error:  # a broken file leads pypdf into errors of any kind
        if not parts:
            raise refusal(path, "a PDF", len(data), "damaged or locked") from error
        parts.append(f"[page {len(parts) + 1} and what follows is damaged]\n")
    return "".join(parts)


def listing(source: ArtifactSource, path: str, kind: str, total: int | None) -> list[str] | None:
    """What a zip or tar archive or a safetensors file holds, by name, read from its directory alone; None for others."""
    if not total:
        return None
    try:
        if kind == "zip":
            with range_file.opened(source, path, total) as file, zipfile.ZipFile(file) as archive:
                held = archive.infolist()
                names = [f"{each.filename} ({size(each.file_size)})" for each in held[:_LISTED]]
                return names + _rest(len(held) - _LISTED)
        if kind == "tar":
            with range_file.opened(source, path, total) as file, tarfile.open(fileobj=file, mode="r:") as tar:
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
