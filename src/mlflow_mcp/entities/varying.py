"""In which of several runs a setting is not what it is in most: `512 x4, 640 x1 (focal-seed1)`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.text import clipped, short

_MOST_VALUES = 4
_MOST_NAMED = 3
_LONGEST = 40


def told_values(given: Sequence[tuple[str, str]]) -> str:
    """The values of runs, given as name and value, the most frequent first; those of few runs, where others have more, with
    these runs' names."""
    names: dict[str, list[str]] = {}
    for name, value in given:
        names.setdefault(value, []).append(name)
    ordered = sorted(names.items(), key=lambda each: -len(each[1]))
    most = len(ordered[0][1]) if ordered else 0
    texts = []
    for value, runs in ordered[:_MOST_VALUES]:
        is_odd = len(runs) <= _MOST_NAMED and (len(runs) < most or (most == 1 and len(ordered) <= _MOST_NAMED))
        who = f" ({', '.join(clipped(run) for run in runs)})" if is_odd else ""
        times = f" x{len(runs)}" if most > 1 else ""
        texts.append(f"{short(value, _LONGEST)}{times}{who}")
    more = [f"{len(ordered) - _MOST_VALUES} more values"] if len(ordered) > _MOST_VALUES else []
    return ", ".join([*texts, *more])
