from __future__ import annotations

import pytest

from tests.recorded.store import local_store
from tests.support.asking import Conversations


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, conversations: Conversations) -> str:
    """The recorded exports as a local store. Tests only read from it."""
    uri = local_store(tmp_path_factory.mktemp("recorded"))
    conversations.share(uri)
    return uri
