"""One table says what kind a file is: by its first bytes, by its name, and whether it is worth searching."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.artifacts.formats.detect import BINARY, KINDS, TEXT, is_worth_searching, kind_by_name, kind_of

FIRST_BYTES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "pdf": b"%PDF-1.7",
    "zip": b"PK\x03\x04\x14\0",
    "tar": b"a.txt".ljust(257, b"\0") + b"ustar\x0000",
    "parquet": b"PAR1\x15\x04",
    "pickle": b"\x80\x05\x95\x01",
    "gzip": b"\x1f\x8b\x08\0",
    "bzip2": b"BZh91AY",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
    "numpy": b"\x93NUMPY\x01\0",
    "hdf5": b"\x89HDF\r\n",
    "gguf": b"GGUF\x03\0",
    "sqlite": b"SQLite format 3\0",
}


@pytest.mark.parametrize("name", FIRST_BYTES)
@pytest.mark.parametrize("path", ["file", "results.json", "a/b.csv", "image.PNG"])
def test_first_bytes_decide_whatever_the_file_is_called(name, path):
    assert kind_of(path, FIRST_BYTES[name]).name == name


def test_every_signature_of_the_table_is_tried_here():
    signed = {kind.name for kind in KINDS if kind.signature is not None}

    assert signed - {"bmp"} == set(FIRST_BYTES)


@pytest.mark.parametrize(("path", "name"), [("a.bmp", "bmp"), ("a.log", "text")])
def test_two_letters_are_a_bitmap_only_under_its_ending(path, name):
    assert kind_of(path, b"BM25 scores of the run\n").name == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("config.yml", "yaml"),
        ("CONFIG.YAML", "yaml"),
        ("run/results.json", "json"),
        ("notebook.ipynb", "json"),
        ("pyproject.toml", "toml"),
        ("table.tsv", "tsv"),
        ("samples.ndjson", "jsonl"),
        ("report.htm", "html"),
        ("client.log", "text"),
        ("README", "text"),
        ("odd.png", "text"),
        ("weights.bin", "text"),
    ],
)
def test_text_is_the_kind_that_its_ending_says(path, name):
    kind = kind_of(path, b"key: value\n")

    assert kind.name == name
    assert kind.stored_as_text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("model.pkl", "pickle"),
        ("model.joblib", "pickle"),
        ("model.safetensors", "safetensors"),
        ("old.tar", "tar"),
        ("plot.png", "binary"),
        ("table.parquet", "binary"),
        ("results.json", "binary"),
        ("model.onnx", "binary"),
    ],
)
def test_bytes_without_a_signature_are_what_the_ending_says_only_where_there_is_no_signature_to_miss(path, name):
    assert kind_of(path, b"\0\1\2\3" * 100).name == name


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_text_in_any_unicode_encoding_is_text(encoding):
    assert kind_of("a.txt", "größer\n".encode(encoding)) is TEXT


def test_control_characters_beyond_a_few_are_not_text():
    assert kind_of("a.txt", b"a\x01\x02\x03" * 50) is BINARY
    assert kind_of("a.txt", b"\x1b[32mINFO\x1b[0m ok\r\n" * 50) is TEXT


def test_no_ending_belongs_to_two_kinds():
    endings = [ending for kind in KINDS for ending in kind.endings]

    assert len(endings) == len(set(endings))
    assert all(kind_by_name(f"file{ending}").endings for ending in endings)


@pytest.mark.parametrize(
    ("path", "searched"),
    [
        ("logs/client.log", True),
        ("results.yml", True),
        ("samples.jsonl", True),
        ("report.html", True),
        ("noending", True),
        ("plot.png", False),
        ("model.safetensors", False),
        ("weights.BIN", False),
        ("table.parquet", False),
        ("report.pdf", False),
        ("model.onnx", False),
    ],
)
def test_files_that_are_never_text_are_not_searched(path, searched):
    assert is_worth_searching(path) is searched
