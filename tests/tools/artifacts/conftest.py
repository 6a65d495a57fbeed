"""Reading a file that a test has just put into a run."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from tests.support.artifact_homes import Home
from tests.support.asking import Answer, Ask


class Read(Protocol):
    def __call__(self, name: str, content: bytes | str, **arguments: Any) -> Answer: ...


@pytest.fixture
def read(sqlite_home: Home, ask: Ask) -> Read:
    """`read("name.csv", content)` puts a file into a new run and reads it with the further arguments."""
    return reading(sqlite_home, ask)


@pytest.fixture
def read_both(both_homes: Home, ask: Ask) -> Read:
    """The same from a file and from a server, for what reads other parts of a file over HTTP."""
    return reading(both_homes, ask)


def reading(home: Home, ask: Ask) -> Read:
    def put_and_read(name: str, content: bytes | str, **arguments: Any) -> Answer:
        return ask(home.uri, "get_artifact_content", run_id=home.run({name: content}), artifact_path=name, **arguments)

    return put_and_read
