"""Every tool that opens files takes the same bytes for the same kind of file."""

from __future__ import annotations

import io
import json

import pytest


def parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"id": [1, 2], "score": [0.5, 0.25]}), file)
    return file.getvalue()


@pytest.mark.parametrize("name", ["samples.parquet", "samples.csv", "samples", "samples.bin"])
def test_a_parquet_file_is_a_table_under_any_name(name, sqlite_home, ask):
    run_id = sqlite_home.run({name: parquet()})

    answer = ask(sqlite_home.uri, "get_artifact_content", run_id=run_id, artifact_path=name)

    assert not answer.is_error, answer.text
    assert answer.data["table"] == {"columns": ["id", "score"], "rows": [[1, 0.5], [2, 0.25]]}


def test_text_that_is_called_a_parquet_file_is_shown_as_text(sqlite_home, ask):
    text = "".join(f"line {n}\n" for n in range(2_000))
    run_id = sqlite_home.run({"samples.parquet": text})

    answer = ask(sqlite_home.uri, "get_artifact_content", run_id=run_id, artifact_path="samples.parquet")

    assert answer.data["text"] == text


def test_documents_are_not_compared_by_lines(sqlite_home, ask):
    runs = [sqlite_home.run({"report.pdf": b"%PDF-1.4\nno NUL in " + which}) for which in (b"this", b"that one")]

    answer = ask(sqlite_home.uri, "diff_artifacts", run_ids=runs, artifact_path="report.pdf")

    assert answer.data["notes"] == ["They are not text. Their sizes: 23 B, 27 B."]


def test_notebooks_are_compared_by_their_values(sqlite_home, ask):
    runs = [
        sqlite_home.run({"a.ipynb": json.dumps({"cells": [{"source": source}], "nbformat": 4})})
        for source in ("x = 1", "x = 2")
    ]

    answer = ask(sqlite_home.uri, "diff_artifacts", run_ids=runs, artifact_path="a.ipynb")

    assert answer.data["changes"]["rows"] == [["cells[0].source", "changed", "x = 1", "x = 2"]]
