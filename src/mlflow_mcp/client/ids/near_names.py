"""Which run names are nearest to one that no run has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlflow_mcp.client.filters import like_prefix
from mlflow_mcp.text import hint, plural, quoted

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

_NUMBERED = re.compile(r"([A-Za-z][\w .-]*?)(\d{1,6})")
_RECENT = 100
_MOST_NUMBERED = 1_000


def near_run_names(client: Client, text: str) -> str:
    """A sentence with the names like it: of a numbered name those with other numbers, else the nearest of the newest runs."""
    if sentence := _other_numbers(client, text):
        return sentence
    recent, _ = client.experiments.search_all(lambda ids: client.runs.search(ids[:1_000], max_results=_RECENT))
    return hint(text, [run.info.run_name for run in recent if run.info.run_name])


def _other_numbers(client: Client, text: str) -> str:
    """`There are 'trial-00' to 'trial-39' (40 runs).`"""
    numbered = _NUMBERED.fullmatch(text)
    if numbered is None:
        return ""
    query = like_prefix("attributes.run_name", numbered[1])
    found = client.experiments.search_all(lambda ids: client.runs.find(ids, query, at_most=_MOST_NUMBERED))
    names = [run.info.run_name or "" for run in found]
    alike = [name for name in names if (match := _NUMBERED.fullmatch(name)) and match[1] == numbered[1]]
    if len(alike) < 2 or len(found) >= _MOST_NUMBERED:
        return ""
    ends = [choose(alike, key=lambda name: int(name[len(numbered[1]) :])) for choose in (min, max)]
    return f"There are {' to '.join(map(quoted, ([end] for end in ends)))} ({plural(len(alike), 'run')})."
