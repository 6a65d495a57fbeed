"""Which kind a file is, by its first bytes and its name."""

from __future__ import annotations

from pathlib import PurePosixPath

from mlflow_mcp.errors import Problem
from mlflow_mcp.text import size

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
