"""What differs between two parsed documents, in time that grows with their size and not with its square."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Keys that name an entry of a list: two entries of one name are the same thing, changed.
_NAMES = ("name", "id", "key", "task", "task_name", "metric", "path")
NOTHING = object()


@dataclass(frozen=True)
class Change:
    """One difference. `path` is written as `deployment.tasks[0].name`, the index being that of the side that has it; a side
    without a value has NOTHING."""

    path: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        return "added" if self.before is NOTHING else "removed" if self.after is NOTHING else "changed"


def differences(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """The changes from one document to the other. The order of keys, and that of a list's entries, makes none; 1 and 1.0
    and true are different values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            inside = f"{path}.{key}" if path else str(key)
            if key not in after or key not in before:
                yield Change(inside, before.get(key, NOTHING), after.get(key, NOTHING))
            else:
                yield from differences(before[key], after[key], inside)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif _signature(before) != _signature(after):
        yield Change(path or "(all of it)", before, after)


def equal_values(document: Any, changed: Iterable[Change]) -> dict[str, Any]:
    """The single values of a document at whose paths nothing changed, by their paths."""
    paths = {each.path for each in changed if each.before is not NOTHING}
    found: dict[str, Any] = {}

    def visit(part: Any, path: str) -> None:
        if path in paths:
            return
        if isinstance(part, dict) and part:
            for key, inner in part.items():
                visit(inner, f"{path}.{key}" if path else str(key))
        elif isinstance(part, list) and part:
            for at, inner in enumerate(part):
                visit(inner, f"{path}[{at}]")
        else:
            found[path] = part

    visit(document, "")
    return found


def _of_lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Change]:
    own, other = [_signature(entry) for entry in before], [_signature(entry) for entry in after]
    both = Counter(own) & Counter(other)
    gone, come = _without(own, both), _without(other, both)
    partners = _partners(before, gone, after, come)
    for at in gone:
        if (partner := partners.get(at)) is None:
            yield Change(f"{path}[{at}]", before[at], NOTHING)
        else:
            yield from differences(before[at], after[partner], f"{path}[{at}]")
    taken = set(partners.values())
    for at in come:
        if at not in taken:
            yield Change(f"{path}[{at}]", NOTHING, after[at])


def _without(signatures: Sequence[str], both: Counter[str]) -> list[int]:
    """Places of the entries that the other list does not have."""
    left = Counter(both)
    places = []
    for at, signature in enumerate(signatures):
        if left[signature] > 0:
            left[signature] -= 1
        else:
            places.append(at)
    return places


def _partners(before: Sequence[Any], gone: Sequence[int], after: Sequence[Any], come: Sequence[int]) -> dict[int, int]:
    """Which entry became which: objects of one name, then those at the same place, then what is alike in kind, in order."""
    partners: dict[int, int] = {}
    open_ends = list(come)

    def pair(key_of: Any) -> None:
        waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
        for at in reversed(open_ends):
            waiting[key_of(after, at)].append(at)
        for at in gone:
            key = key_of(before, at)
            if at not in partners and key is not None and waiting[key]:
                partners[at] = waiting[key].pop()
        taken = set(partners.values())
        open_ends[:] = [at for at in open_ends if at not in taken]

    pair(lambda entries, at: _name(entries[at]))
    pair(lambda entries, at: (at, type(entries[at])) if _name(entries[at]) is None else None)
    pair(lambda entries, at: type(entries[at]) if _name(entries[at]) is None else None)
    return partners


def _name(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    return next((f"{key}={entry[key]}" for key in _NAMES if isinstance(entry.get(key), (str, int))), None)


def _signature(value: Any) -> str:
    """The same text for what is equal in any order, and for nothing else."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_signature(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted(_signature(entry) for entry in value)) + "]"
    return json.dumps(value)
