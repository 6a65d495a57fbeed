"""get_artifact_content of archives, weights and binary files: listed or named, never run."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.asking import data_of, problem_of


def zipped(names: int = 3) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(names):
            archive.writestr(f"data/{n}.txt", "x" * n * 1_000)
    return file.getvalue()


def tarred(names: int = 3) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for n in range(names):
            entry = tarfile.TarInfo(f"data/{n}.txt")
            entry.size = n * 1_000
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return file.getvalue()


def safetensors(header: bytes | None = None) -> bytes:
    told = {
        "__metadata__": {"format": "pt"},
        "layer.0.weight": {"dtype": "BF16", "shape": [4096, 4096], "data_offsets": [0, 8]},
    }
    header = json.dumps(told).encode() if header is None else header
    return struct.pack("<Q", len(header)) + header + b"\0" * 8


@pytest.mark.parametrize(
    ("name", "raw", "holds"),
    [
        ("model.zip", zipped(), ["data/0.txt (0 B)", "data/1.txt (1 kB)", "data/2.txt (2 kB)"]),
        ("weights.pt", zipped(1), ["data/0.txt (0 B)"]),
        ("empty.zip", zipped(0), []),
        ("logs.tar", tarred(), ["data/0.txt (0 B)", "data/1.txt (1 kB)", "data/2.txt (2 kB)"]),
        ("model.safetensors", safetensors(), ["layer.0.weight BF16 [4096, 4096]"]),
    ],
)
def test_an_archive_or_weights_file_is_answered_with_its_entries(name, raw, holds, read):
    data = data_of(read(name, raw))

    assert data["holds"] == holds
    assert data["notes"][0].endswith(": only what it holds is listed.")


@pytest.mark.parametrize(
    ("name", "raw", "last"), [("a.zip", zipped(150), "and 50 more entries"), ("a.tar", tarred(150), "and more")]
)
def test_a_large_archive_is_answered_with_its_first_entries(name, raw, last, read):
    held = data_of(read(name, raw))["holds"]

    assert len(held) == 101
    assert held[-1] == last


@pytest.mark.parametrize(
    ("name", "raw", "what"),
    [
        ("a.zip", zipped()[:-30], "a zip archive"),
        ("a.safetensors", struct.pack("<Q", 1 << 60) + b"{}" + b"\0" * 9, "a safetensors model"),
        ("a.safetensors", safetensors(b"[1, 2]"), "a safetensors model"),
        ("a.safetensors", safetensors(b'{"a": 1}'), "a safetensors model"),
        ("a.safetensors", safetensors(b"[" * 5_000), "a safetensors model"),
    ],
)
def test_a_damaged_archive_is_reported(name, raw, what, read):
    assert f"is {what} of " in problem_of(read(name, raw))
    assert ", damaged. download_artifacts fetches it as it is;" in problem_of(read(name, raw))


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self):
        return (open, (str(self.made), "w"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "model.json", "data.joblib", "a.txt"])
def test_a_pickle_is_never_unpickled(name, protocol, read, tmp_path):
    made = tmp_path / "made"
    trap = pickle.dumps(Trap(made), protocol)

    answer = read(name, trap)

    assert not made.exists()
    assert answer.is_error or answer.data["text"]  # the oldest protocol is text
    if protocol >= 2:
        assert answer.is_error
        assert answer.text.startswith(f"'{name}' is a Python pickle of {len(trap)} B, never unpickled. ")


@pytest.mark.parametrize(
    ("name", "raw", "what"),
    [
        ("notes.txt", bytes(range(256)) * 20, "a binary file"),
        ("results.json", b"\0\1\2\3" * 100, "a binary file"),
        ("table.csv", b"\0\1\2\3" * 100, "a binary file"),
        ("model.onnx", b"\x08\x07\x12\x04\0\0\0\0", "a binary file"),
        ("log.gz", b"\x1f\x8b\x08" + b"\0" * 50, "a gzip file"),
        ("array.npy", b"\x93NUMPY\x01\0" + b"\0" * 50, "a NumPy array"),
        ("weights.gguf", b"GGUF\3\0\0\0", "a GGUF model"),
        ("mlflow.db", b"SQLite format 3\0" + b"\0" * 50, "a sqlite database"),
        ("table.parquet", b"\0\1\2\3" * 100, "a binary file"),
    ],
)
def test_a_binary_file_is_recognised_whatever_its_name(name, raw, what, read):
    assert problem_of(read(name, raw)).startswith(f"'{name}' is {what} of ")
