from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from tests.recorded.store import local_store
from tests.support.asking import Conversations


@pytest.fixture(scope="session")
def recorded(session_folder: Path, conversations: Conversations) -> str:
    """The recorded exports as a local store. Tests only read from it."""
    folder = session_folder / "recorded"
    with FileLock(f"{folder}.lock"):
        uri = local_store(folder)
    conversations.share(uri)
    return uri
