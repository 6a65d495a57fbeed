"""Which kind a file is: one table of kinds, and the questions that are answered from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from mlflow_mcp.tools.artifacts.formats.encoding import PROBE, has_wide_mark

# What decides how a file is read: the families up to "data" are stored as text.
Family = Literal["text", "data", "table", "image", "document", "archive", "binary"]


@dataclass(frozen=True)
class FileKind:
    """A kind of file. `label` names it in a sentence; the first of its `endings` is the usual one.

    `signature` is a pattern of the bytes that it begins with. A kind without one is recognised by its ending; so is, when the
    bytes are not text, one whose `ending_decides`. `stored_as_text` says whether its lines can be read and searched.
    """

    name: str
    label: str
    family: Family
    endings: tuple[str, ...] = ()
    signature: bytes | None = None
    stored_as_text: bool = False
    ending_decides: bool = False
    # Some signatures are too short to be believed under another ending.
    signature_needs_ending: bool = False
    refused_because: str = "not text"

    def begins(self, head: bytes, ending: str) -> bool:
        """Whether the file's first bytes are those of this kind."""
        if self.signature is None or (self.signature_needs_ending and ending not in self.endings):
            return False
        return re.match(self.signature, head, re.S) is not None


TEXT = FileKind("text", "a text file", "text", stored_as_text=True)
BINARY = FileKind("binary", "a binary file", "binary")
YAML = FileKind("yaml", "a YAML file", "data", (".yml", ".yaml"), stored_as_text=True)

KINDS = (
    FileKind("json", "a JSON file", "data", (".json", ".ipynb"), stored_as_text=True),
    YAML,
    FileKind("toml", "a TOML file", "data", (".toml",), stored_as_text=True),
    FileKind("csv", "a CSV file", "table", (".csv",), stored_as_text=True),
    FileKind("tsv", "a TSV file", "table", (".tsv",), stored_as_text=True),
    FileKind("jsonl", "a JSON Lines file", "table", (".jsonl", ".ndjson"), stored_as_text=True),
    FileKind("parquet", "a Parquet file", "table", (".parquet", ".pq"), rb"PAR1"),
    FileKind("png", "a PNG image", "image", (".png",), rb"\x89PNG"),
    FileKind("jpeg", "a JPEG image", "image", (".jpg", ".jpeg"), rb"\xff\xd8\xff"),
    FileKind("gif", "a GIF image", "image", (".gif",), rb"GIF8"),
    FileKind("webp", "a WebP image", "image", (".webp",), rb"RIFF.{4}WEBP"),
    FileKind("bmp", "a bitmap", "image", (".bmp",), rb"BM", signature_needs_ending=True),
    FileKind("pdf", "a PDF", "document", (".pdf",), rb"%PDF"),
    FileKind("html", "an HTML page", "document", (".html", ".htm"), stored_as_text=True),
    FileKind("zip", "a zip archive", "archive", (".zip", ".whl", ".npz", ".pt", ".pth"), rb"PK(\x03\x04|\x05\x06)"),
    FileKind("tar", "a tar archive", "archive", (".tar",), rb".{257}ustar", ending_decides=True),
    FileKind("safetensors", "a safetensors model", "archive", (".safetensors",), ending_decides=True),
    FileKind("pickle", "a Python pickle", "binary", (".pkl", ".pickle", ".joblib"), rb"\x80[\x02-\x05]",
             ending_decides=True, refused_because="never unpickled"),
    FileKind("gzip", "a gzip file", "binary", (".gz", ".tgz"), rb"\x1f\x8b"),
    FileKind("bzip2", "a bzip2 file", "binary", (".bz2",), rb"BZh"),
    FileKind("xz", "an xz file", "binary", (".xz",), rb"\xfd7zXZ"),
    FileKind("zstd", "a zstd file", "binary", (".zst",), rb"\x28\xb5\x2f\xfd"),
    FileKind("numpy", "a NumPy array", "binary", (".npy",), rb"\x93NUMPY"),
    FileKind("hdf5", "an HDF5 file", "binary", (".h5", ".hdf5"), rb"\x89HDF"),
    FileKind("gguf", "a GGUF model", "binary", (".gguf",), rb"GGUF"),
    FileKind("sqlite", "a sqlite database", "binary", (".sqlite",), rb"SQLite format 3"),
    # Kinds without a signature that are never text.
    FileKind("binary", "a binary file", "binary", (".bin", ".onnx", ".model")),
)  # fmt: skip

_BY_ENDING = {ending: kind for kind in KINDS for ending in kind.endings}


def kind_by_name(path: str) -> FileKind:
    """The kind that a file's ending says; TEXT for an ending that says nothing."""
    return _BY_ENDING.get(ending_of(path), TEXT)


def kind_of(path: str, head: bytes) -> FileKind:
    """The kind of a file by its first bytes, and by its name where these do not tell."""
    head, ending = head[:PROBE], ending_of(path)
    for kind in KINDS:
        if kind.begins(head, ending):
            return kind
    named = kind_by_name(path)
    if not is_text(head):
        # A kind that is recognised by its first bytes is not this one, whatever the name says.
        return named if named.ending_decides else BINARY
    return named if named.stored_as_text else TEXT


def is_text(head: bytes) -> bool:
    """Whether bytes of no known signature are text: no NUL but in UTF-16 and UTF-32, and few control characters."""
    if has_wide_mark(head):
        return True
    control = sum(byte < 9 or 13 < byte < 27 for byte in head[:PROBE])
    return not has_nul(head) and control * 20 <= len(head[:PROBE])


def has_nul(head: bytes) -> bool:
    """Whether there is a NUL that no encoding of text explains, as in most binary files and in no log."""
    return b"\0" in head[:PROBE] and not has_wide_mark(head)


def is_log(path: str) -> bool:
    """Whether its name or folder says that it is a log."""
    return "logs/" in path or path.endswith((".log", ".out", ".err"))


def is_worth_searching(path: str) -> bool:
    """Whether a file of this name may be text: others are not worth a request each."""
    return kind_by_name(path).stored_as_text


def delimiter_of(path: str) -> str:
    """What separates the cells of a table that is text; nothing for other files."""
    return {"csv": ",", "tsv": "\t"}.get(kind_by_name(path).name, "")


def ending_of(path: str) -> str:
    """The ending that tells a file's kind: `.gz` of `logs.tar.gz`."""
    return PurePosixPath(path.lower()).suffix
