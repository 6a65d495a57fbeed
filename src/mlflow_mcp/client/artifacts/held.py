"""How many files runs have, and how large they are, as far as a few listings tell."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.errors import Problem, Unreachable
from mlflow_mcp.text import plural, size

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

# Listings of one run.
_MOST_FOLDERS = 20


def files_held(client: Client, run_ids: Sequence[str]) -> dict[str, str]:
    """`3 files (2.1 MB)` of each run, `at least` where not all of it was listed, "" for none. A run whose files could not be
    listed, or not soon enough, is left out."""
    found: dict[str, str] = {}

    def look(run_id: str) -> None:
        with suppress(Problem):
            found[run_id] = _held(client, run_id)

    with suppress(Unreachable):
        client.part(lambda: client.run_concurrently(*(partial(look, run_id) for run_id in run_ids)))
    return dict(found)  # a late thread may go on


def _held(client: Client, run_id: str) -> str:
    entries, unread = client.artifacts(run_id).tree(most=_MOST_FOLDERS)
    files = [entry for entry in entries if not entry.is_dir]
    if not files and not unread:
        return ""
    sizes = [entry.size for entry in files if entry.size is not None]
    # A store may leave out the size of an empty file, and of any other.
    least = "at least " if unread else ""
    least_size = "at least " if unread or len(sizes) < len(files) else ""
    return f"{least}{plural(len(files), 'file')} ({least_size}{size(sum(sizes))})"
