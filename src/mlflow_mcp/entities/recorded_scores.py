"""What a results.yml records beside its scores, standard errors and counts, by the names that the launcher exports. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

READ = "stats.stderr"
# By how much a count may miss a whole number where only this proves that it is one.
_CLOSE = 0.02
# A value that was rounded by more than this share of an answer is a share of too many numbers.
_CERTAIN = 0.1
DERIVED = "stats.stddev / sqrt(stats.count)"


class _OfScore:
    """Something that was recorded of a score."""

    of: float  # the score: a metric with another value is not meant

    def is_of(self, value: float | None) -> bool:
        return value is not None and math.isclose(self.of, value, rel_tol=1e-9)


@dataclass(frozen=True)
class StandardError(_OfScore):
    """The standard error of a score as results.yml has it."""

    of: float
    value: float
    source: str
    count: int | None = None  # of the values that it is the error of the mean of, where stddev and stderr tell


@dataclass(frozen=True)
class ScoreCount(_OfScore):
    """Of how many values a score is the mean, `stats.count`."""

    of: float
    value: int


def standard_errors(content: Any) -> dict[str, StandardError]:
    """By metric name, those of a parsed results.yml that are there or follow from standard deviation and count."""
    found: dict[str, StandardError] = {}
    for name, value, stats in _recorded(content):
        error = _error(stats)
        if error is not None:
            found[name] = StandardError(value, *error, _count(stats))
    return found


def recorded_scores(content: Any) -> list[tuple[tuple[str, str], float]]:
    """The scores of a parsed results.yml, each under the name that the launcher exports and the one that its oldest
    versions did."""
    found = []
    for owner, metric, score, leaf in _scores(_part(content, "results")):
        value = leaf.get("value")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            long = f"{owner}_{metric}_{score}"
            found.append(((_exported(f"{owner}_{metric}" if score == metric else long), long), float(value)))
    return found


def score_counts(content: Any) -> dict[str, ScoreCount]:
    """By metric name, how many values the scores of a parsed results.yml are means of."""
    return {
        name: ScoreCount(value, count)
        for name, value, stats in _recorded(content)
        if (count := stats.get("count")) and isinstance(count, int) and not isinstance(count, bool)
    }


def _recorded(content: Any) -> Iterator[tuple[str, float, Mapping[str, Any]]]:
    """The scores by the names of their metrics, with their values and statistics."""
    for owner, metric, score, leaf in _scores(_part(content, "results")):
        value = _finite(leaf.get("value"))
        if value is not None:
            name = _exported(f"{owner}_{metric}" if score == metric else f"{owner}_{metric}_{score}")
            yield name, value, _part(leaf, "stats")


def answers_of_shares(content: Any) -> int | None:
    """Of how many answers the scores of a parsed results.yml are shares, the same in all that tell: their standard errors are
    those of shares of so many, of which their values are whole numbers. None where it is not certain."""
    found = [each for _, value, stats in _recorded(content) if (each := _answers(value, _finite(stats.get("stderr"))))]
    counts = {count for each in found for count in each}
    return counts.pop() if len(counts) == 1 else None


def _answers(value: float, error: float | None) -> set[int]:
    """The counts that may be meant by one score."""
    scale = 100.0 if value > 1 else 1.0
    if not error or error < 0 or not 0 < value < scale:
        return set()
    of_binomial = value * (scale - value) / error**2
    candidates = {round(each) for each in (of_binomial, of_binomial + 1) if abs(each - round(each)) <= _CLOSE}
    return {count for count in candidates if count > 1 and _is_whole(value / scale, count, value)}


def _is_whole(share: float, count: int, value: float) -> bool:
    """Whether a share of so many answers is a whole number of them; a value of few digits proves none."""
    decimals = len(repr(value).partition(".")[2]) + (2 if value > 1 else 0)
    rounding = 0.5 * count * math.pow(10, -decimals)
    return rounding <= _CERTAIN and abs(share * count - round(share * count)) <= rounding + 1e-6 * count


def _count(stats: Mapping[str, Any]) -> int | None:
    """The recorded count, or the one by which the standard error is smaller than the deviation."""
    error, deviation, count = (_finite(stats.get(name)) for name in ("stderr", "stddev", "count"))
    if count is None and error and deviation:
        count = (deviation / error) ** 2
    return round(count) if count and math.isclose(count, round(count), rel_tol=1e-6) else None


def _error(stats: Mapping[str, Any]) -> tuple[float, str] | None:
    read, deviation, count = (_finite(stats.get(name)) for name in ("stderr", "stddev", "count"))
    if read is not None:
        return read, READ
    return (deviation / math.sqrt(count), DERIVED) if deviation is not None and count and count > 0 else None


def _scores(results: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Task or group, metric and score with what is recorded of it; those of tasks last."""
    for kind in ("groups", "tasks"):
        for owner, part in _part(results, kind).items():
            if isinstance(part, Mapping):
                yield from _scores(part)
                for metric in _part(part, "metrics"):
                    scores = _part(_part(_part(part, "metrics"), metric), "scores")
                    yield from ((str(owner), str(metric), str(score), _part(scores, score)) for score in scores)


def _exported(name: str) -> str:
    """The name as the launcher writes it for MLflow."""
    return re.sub(r"_+", "_", re.sub(r"[^\w\-/. ]", "_", name.replace("@", "_at_")))


def _part(content: Any, name: Any) -> Mapping[str, Any]:
    part = content.get(name) if isinstance(content, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None
