"""The sides of a difference: the runs or models that are meant, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.copies import CopiesDiffer, CopiesSource
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.artifacts.owners import sources_of
from mlflow_mcp.tools.artifacts.paths import whole_file

MOST_SIDES = 8
_MOST_READ = 64
_MOST_NAMED = 3


@dataclass(frozen=True)
class Side:
    """One of the runs or models that are compared: A, B, C, …"""

    label: str
    owner: str
    name: str
    source: ArtifactSource

    def described(self, path: str) -> str:
        return f"{self.name}: {path} ({self.owner})"


def sides_of(client: Client, run_ids: list[str]) -> list[Side]:
    sources = sources_of(client, run_ids)
    if len(sources) < 2:
        raise Problem("A difference needs two runs.", "Give run_ids two or more ids.")
    if len(sources) > _MOST_READ:
        raise Problem(f"{len(sources)} runs are too many to read.", f"Give at most {_MOST_READ}.")
    return [Side(_label(at), source.owner, name, source) for at, (name, source) in enumerate(sources)]


def _label(at: int) -> str:
    return chr(65 + at) if at < 26 else f"A{at}"


def read_side(client: Client, side: Side, path: str) -> tuple[str, bytes | None]:
    """The file's path and bytes, None for a folder. Of copies that differ the one whose scores count is read."""
    try:
        return whole_file(side.source, path, f"'{side.name}'")
    except CopiesDiffer as differ:
        chosen = differ.run_ids[0]
        assert isinstance(side.source, CopiesSource)  # nothing else has copies
        side.source.remarks.append(f"'{differ.path}' differs between copies of the job; this is run {chosen}.")
        return whole_file(client.artifacts(chosen), differ.path, f"'{side.name}'")


def remarks_of(side: Side) -> list[str]:
    """What is to be said of the copies of a side's job: which one was read."""
    return side.source.remarks[-1:] if isinstance(side.source, CopiesSource) else []


def one_of_each(sides: Sequence[Side], contents: Sequence[bytes], path: str) -> list[tuple[int, Side]]:
    """The sides by their places, of more than two runs one for each version of the file. Raises Problem for too many versions."""
    if len(sides) == 2:
        return list(enumerate(sides))
    versions: dict[bytes, list[int]] = {}
    for at, data in enumerate(contents):
        versions.setdefault(data, []).append(at)
    if len(versions) > MOST_SIDES:
        raise Problem(
            f"These {len(sides)} runs have {len(versions)} versions of '{path}', too many to read side by side.",
            f"Give at most {MOST_SIDES} runs; of invocations the job ids of one task, such as '<invocation id>.0'.",
        )
    return [
        (places[0], replace(sides[places[0]], label=_label(nth), name=_names([sides[at].name for at in places])))
        for nth, places in enumerate(versions.values())
    ]


def _names(names: Sequence[str]) -> str:
    """`gsm8k 1a2b3c4d`, `gsm8k 1a2b3c4d and ifeval 5e6f7a8b, the same file`, `gsm8k 1a2b3c4d and 8 runs with the same file`."""
    if len(names) == 1:
        return names[0]
    if len(names) <= _MOST_NAMED:
        return f"{', '.join(names[:-1])} and {names[-1]}, the same file"
    return f"{names[0]} and {plural(len(names) - 1, 'run')} with the same file"
