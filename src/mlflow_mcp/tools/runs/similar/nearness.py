"""How far two runs are from each other, by what their values tell among all candidates. Pure.

The measure is Lin's (1998): twice the information of what two descriptions share, over the information of both. A value that
few candidates have tells more than one that all have, whether it is shared or not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlflow_mcp.tools.runs.similar.profile import Profile, closeness, has_config, same_model

# Of the distance of two evaluations: another model is farther away than any setting.
_SHARE_OF_MODEL = 0.5


@dataclass
class Information:
    """How much each value tells, in bits, from how many candidates have it."""

    counts: dict[str, Counter[str | None]] = field(default_factory=dict)
    runs: Counter[str] = field(default_factory=Counter)  # by key, of how many runs it was looked at

    def add(self, values: Mapping[str, str], keys: Iterable[str]) -> None:
        for key in keys:
            self.counts.setdefault(key, Counter())[values.get(key)] += 1
            self.runs[key] += 1

    def of(self, key: str, value: str | None) -> float:
        counts = self.counts.get(key)
        return math.log2((self.runs[key] + 1) / ((counts.get(value, 0) if counts else 0) + 0.5))


@dataclass(frozen=True)
class Difference:
    """How a candidate differs from what is looked for: the distance (0 to 1), and the keys, those that tell most first."""

    distance: float
    compared: int
    keys: list[str]
    other_model: bool | None  # None where it is not known of both

    @property
    def is_same(self) -> bool:
        return not self.keys and not self.other_model and self.compared > 0


def difference(
    reference: Profile, found: Profile, information: Information, *, only_wanted: bool, is_export: bool
) -> Difference:
    """The difference over the keys of both; with `only_wanted` over those that are looked for."""
    keys = [
        *reference.compared,
        *(() if only_wanted else (key for key in found.compared if key not in reference.compared)),
    ]
    shared = total = 0.0
    differing: list[tuple[float, str]] = []
    for key in keys:
        one, other = reference.compared.get(key), found.compared.get(key)
        bits = [information.of(key, value) for value in (one, other)]
        total += sum(bits)
        if one == other:
            shared += sum(bits)
        else:
            near = closeness(one, other) if one is not None and other is not None else 0.0
            shared += 2 * near * min(bits)
            differing.append((sum(bits) - 2 * near * min(bits), key))
    distance = 1 - shared / total if total else 0.0
    names = [key for _, key in sorted(differing, key=lambda each: (-each[0], each[1]))]
    if not is_export:
        return Difference(distance, len(keys), names, None)
    known = reference.model is not None and found.model is not None
    other_model = not same_model(reference.model or "", found.model or "") if known else None
    of_model = 0.5 if other_model is None else float(other_model)
    whole = _SHARE_OF_MODEL * of_model + (1 - _SHARE_OF_MODEL) * distance
    return Difference(whole, len(keys), names, other_model)


def has_enough(reference: Profile, found: Profile) -> bool:
    """Whether at least half of the keys that are looked for are there: with fewer, nothing can be called near. Evaluations of
    one model share that, however it was deployed."""
    if reference.model and found.model and same_model(reference.model, found.model) and has_config(found):
        return True
    return 2 * sum(key in found.compared for key in reference.compared) >= len(reference.compared)
