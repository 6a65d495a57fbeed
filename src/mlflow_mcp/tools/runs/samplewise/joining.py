"""Which samples of two sides are answers to one question: by an id, else by the question itself. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.text import plural
from mlflow_mcp.tools.runs.samplewise.read.samples import Sample

_Key = Callable[[Sample], Hashable]


@dataclass(frozen=True)
class Pair:
    """One question: the samples of it on both sides, one each or its repeats."""

    a: Sequence[Sample]
    b: Sequence[Sample]

    @property
    def scores(self) -> tuple[float, float]:
        """The means over the repeats."""
        return _mean(self.a), _mean(self.b)

    @property
    def difference(self) -> float:
        a, b = self.scores
        return b - a


@dataclass
class Joined:
    """The pairs, how they were found, and what is in none."""

    pairs: list[Pair] = field(default_factory=list)
    by: str = ""
    is_checked: bool = True  # that the questions are the same
    only_a: int = 0
    only_b: int = 0
    left_out: int = 0  # rows of questions that occur unequally often
    repeats: tuple[int, int] = (1, 1)  # the most of one question on each side

    @property
    def has_repeats(self) -> bool:
        return max(self.repeats) > 1


def join(a: Sequence[Sample], b: Sequence[Sample]) -> Joined:
    """The samples joined by the first key that holds: an id under which both sides have the same questions; the question's
    hash or text; the id alone where the expected answers are the same; the order of the rows where nothing else is there."""
    ids = [name for name in _names(a) if name in _names(b)]
    disagreeing: list[tuple[str, Joined, int]] = []
    for name in ids:
        joined = _joined(a, b, _by_id(name), name)
        if joined is None or not joined.pairs:
            continue
        unlike, checked = _unlike(joined.pairs)
        if not unlike:
            joined.is_checked = bool(checked)
            joined.by += ", the questions being the same" if checked else ", which is all that can be compared"
            return joined
        disagreeing.append((name, joined, unlike))
    by_question = _by_question(a, b)
    found = len(by_question.pairs) if by_question else 0
    for _, joined, unlike in disagreeing:
        if 2 * found < len(joined.pairs) and _same_targets(joined.pairs):
            joined.by += (
                f"; the expected answers are the same, the prompts are not in {unlike:,} of {len(joined.pairs):,}"
            )
            return joined
    if by_question is None and not ids and len(a) == len(b):
        pairs = [Pair([one], [other]) for one, other in zip(a, b)]
        by = "the order of the rows alone: neither ids nor questions are in them"
        return Joined(pairs, by, is_checked=False)
    return by_question or Joined(only_a=len(a), only_b=len(b), by="nothing")


def _by_question(a: Sequence[Sample], b: Sequence[Sample]) -> Joined | None:
    """By the hash of the whole question or by its text; None where a side has neither."""
    ways: tuple[tuple[_Key, str], ...] = (
        (lambda sample: sample.doc, "doc_hash"),
        (lambda sample: sample.input, "the text of the question, white space apart"),
    )
    best: Joined | None = None
    for key, by in ways:
        if all(any(key(sample) for sample in side) for side in (a, b)):
            joined = _joined(a, b, key, by) or _by_occurrence(a, b, key, by)
            best = joined if best is None or len(joined.pairs) > len(best.pairs) else best
    return best


def _joined(a: Sequence[Sample], b: Sequence[Sample], key: _Key, by: str) -> Joined | None:
    """By a key that names a question on both sides; None where it does not."""
    sides = (_grouped(a, key), _grouped(b, key))
    if not all(_names_questions(groups) for groups in sides):
        return None
    return _matched(*sides, by, len(a), len(b))


def _by_occurrence(a: Sequence[Sample], b: Sequence[Sample], key: _Key, by: str) -> Joined:
    """Equal questions are paired in the order of their rows where both sides have as many of them; others are left out."""
    of_a, of_b = _grouped(a, key), _grouped(b, key)
    unequal = {name for name in of_a if name in of_b and len(of_a[name]) != len(of_b[name])}
    kept_a, kept_b = _numbered(of_a, unequal), _numbered(of_b, unequal)
    left_out = sum(len(of_a[name]) + len(of_b[name]) for name in unequal)
    joined = _matched(kept_a, kept_b, by, _count(kept_a), _count(kept_b))
    if len(kept_a) > len(of_a) - len(unequal):
        joined.by += "; equal ones in the order of their rows"
    joined.left_out = left_out
    return joined


def _numbered(
    groups: Mapping[Hashable, Sequence[Sample]], without: Collection[Hashable]
) -> dict[Hashable, list[Sample]]:
    """Each sample by its key and its place among those of that key."""
    kept: dict[Hashable, list[Sample]] = {}
    for name, group in groups.items():
        if name not in without:
            kept |= {(name, place): [sample] for place, sample in enumerate(group)}
    return kept


def _matched(
    of_a: Mapping[Hashable, list[Sample]], of_b: Mapping[Hashable, list[Sample]], by: str, all_a: int, all_b: int
) -> Joined:
    pairs = [Pair(group, of_b[name]) for name, group in of_a.items() if name in of_b]
    repeats = (max((len(p.a) for p in pairs), default=1), max((len(p.b) for p in pairs), default=1))
    # Repeats of a question are one; a row without the key is one by itself.
    alone_a = len(of_a) - len(pairs) + all_a - _count(of_a)
    alone_b = len(of_b) - len(pairs) + all_b - _count(of_b)
    return Joined(pairs, by, only_a=alone_a, only_b=alone_b, repeats=repeats)


def _names_questions(groups: Mapping[Hashable, Sequence[Sample]]) -> bool:
    """Whether each key is one question: a single row, or repeats of the same question that are told apart or equally many."""
    if not groups:
        return False
    sizes = Counter(len(group) for group in groups.values())
    if set(sizes) == {1}:
        return True
    for group in groups.values():
        if len({sample.doc for sample in group}) > 1 or len({sample.input for sample in group}) > 1:
            return False
    numbered = all(
        len(group) == 1 or len({sample.repeat for sample in group}) == len(group) for group in groups.values()
    )
    seen = all(group[0].doc or group[0].input for group in groups.values())
    return numbered or (seen and len(sizes) == 1)


def _unlike(pairs: Sequence[Pair]) -> tuple[int, int]:
    """How many pairs are surely different questions, and how many could be compared at all."""
    unlike = checked = 0
    for pair in pairs:
        one, other = pair.a[0], pair.b[0]
        known = (one.doc, other.doc) if one.doc and other.doc else (one.input, other.input)
        if all(known):
            checked += 1
            unlike += known[0] != known[1]
    return unlike, checked


def _same_targets(pairs: Sequence[Pair]) -> bool:
    targets = [(pair.a[0].target, pair.b[0].target) for pair in pairs]
    distinct = len({target for target, _ in targets})
    return distinct > 1 and all(one and one == other for one, other in targets)


def _grouped(samples: Iterable[Sample], key: _Key) -> dict[Hashable, list[Sample]]:
    groups: dict[Hashable, list[Sample]] = {}
    for sample in samples:
        if (name := key(sample)) is not None:
            groups.setdefault(name, []).append(sample)
    return groups


def _by_id(name: str) -> _Key:
    return lambda sample: sample.ids.get(name)


def _names(samples: Sequence[Sample]) -> list[str]:
    return list(dict.fromkeys(name for sample in samples[:50] for name in sample.ids))


def _count(groups: Mapping[Hashable, Sequence[Sample]]) -> int:
    return sum(map(len, groups.values()))


def _mean(samples: Sequence[Sample]) -> float:
    scores = [sample.score for sample in samples if sample.score is not None]
    return sum(scores) / len(scores)


def shares_told(joined: Joined, labels: tuple[str, str] = ("A", "B")) -> list[str]:
    """What is in no pair, in words."""
    unpaired = [f"{n:,} only in {label}" for n, label in zip((joined.only_a, joined.only_b), labels) if n]
    if joined.left_out:
        unpaired.append(f"{plural(joined.left_out, 'row')} of questions that occur unequally often left out")
    return unpaired
