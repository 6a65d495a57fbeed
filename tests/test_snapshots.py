"""Every snapshot belongs to a test: what nobody compares is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.snapshots import FOLDER, read_errors

TESTS = Path(__file__).parent
ERRORS = sorted((FOLDER / "errors").rglob("*.txt"))


@pytest.mark.parametrize("page", ERRORS, ids=lambda page: page.relative_to(FOLDER).as_posix())
def test_every_sentence_belongs_to_a_test_of_its_file(page):
    place = page.relative_to(FOLDER / "errors")
    file = TESTS / place.with_name(f"test_{place.stem}.py")

    assert file.exists(), f"{page} has no test file"
    source = file.read_text(encoding="utf-8")
    assert [name for name in read_errors(page) if f"def {name}(" not in source] == []
