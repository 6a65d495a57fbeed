"""A side's value of a metric with its error, and in few words what proves the error. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlflow_mcp.entities.direction import is_share, share_of_samples
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.recorded_scores import DERIVED, StandardError
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.statistics.differences import Estimate
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import number
from mlflow_mcp.tools.runs.comparing.sides import Side

_ENTRIES = "num_entries"
_AVERAGE_OF = re.compile(r"avg[-_]of[-_](\d+)")
# A score of fewer decimals is taken as exact: nobody rounds so far.
_FEWEST_DECIMALS = 4
# By how much a count may miss a whole number where only this proves that it is one.
_CLOSE = 0.02
# Of two pairs the spread is hardly known.
_FEWEST_PAIRS = 3


@dataclass(frozen=True)
class Known:
    """A value with its error and where that is from; without an error, why there is none."""

    estimate: Estimate | None
    source: str
    by_question: Estimate | None = None  # where answers to one question count one by one: as if each question had one
    answers: int = 0  # of how many the value is a share, where it is one

    @property
    def evidence(self) -> str:
        return f"n={self.answers} by {self.source}" if self.answers else self.source


def scale_of(sides: Sequence[Side], task: str, names: Sequence[str]) -> float:
    """100 where a share of this task is given in percent, else 1; values of all sides tell, and those of its other shares."""
    values = [
        value
        for side in sides
        for name, value in side.metrics(task).items()
        if (name in names or is_share(name)) and is_finite(value) and 0 <= value <= 100
    ]
    return 100.0 if any(value > 1 for value in values) else 1.0


def estimate_of(side: Side, task: str, names: Sequence[str], *, is_headline: bool, scale: float) -> Known:
    """The value of a metric, which has these names, and what proves its error: repeats, else counts, else results.yml."""
    value = side.metrics(task).get(names[0])
    if value is None or not is_finite(value):
        return Known(None, "no number")
    repeats = side.repeats.get(task, {}).get(names[0], [])
    if len(repeats) > 1:
        deviation = Statistics(list(repeats)).std
        return Known(Estimate.of_repeats(repeats), f"{len(repeats)} repeats, sd {number(deviation, 2)}")
    error = side.error(task, names)
    for count in _counts(side, task, names, error, is_headline=is_headline, scale=scale):
        if (estimate := _as_counts(value, count, scale, names[0], error)) is not None:
            from_error = count.source if error is None else _source(error)
            return Known(estimate, from_error, _by_question(side, task, names, estimate, scale), estimate.of)
    if error is None:
        return Known(None, "results.yml was not read" if task in side.unread else "no error recorded")
    if error.value <= 0:
        return Known(None, "recorded error 0")
    degrees = error.count - 1 if error.count and error.count > 1 else math.inf
    recorded = Estimate(value, error.value**2, degrees)
    return Known(recorded, _source(error), _by_question(side, task, names, recorded, scale))


def paired_by_seed(base: Side, side: Side, task: str, name: str) -> tuple[str, tuple[float, ...]]:
    """The param by which each pooled run of one side has one of the same seed on the other, and the differences of these pairs."""
    for param, seeds in side.seeds.get(task, {}).items():
        others = base.seeds.get(task, {}).get(param, ())
        values, base_values = (each.repeats.get(task, {}).get(name, []) for each in (side, base))
        is_whole = len(values) == len(seeds) == len(base_values) and all(map(is_finite, [*values, *base_values]))
        if len(seeds) >= _FEWEST_PAIRS and sorted(seeds) == sorted(others) and is_whole:
            own = dict(zip(others, base_values))
            return param, tuple(value - own[seed] for seed, value in zip(seeds, values))
    return "", ()


@dataclass(frozen=True)
class _Count:
    """Of how many answers a share may be, and what says so."""

    value: int
    source: str


def _source(error: StandardError) -> str:
    return "stddev/sqrt(count)" if error.source == DERIVED else error.source


def _repeats(side: Side, task: str, names: Sequence[str]) -> int:
    averaged = next((int(found[1]) for name in names if (found := _AVERAGE_OF.search(name))), None)
    samples = side.samples.get(task)
    return averaged or (int(samples.repeats.value) if samples and samples.repeats else 1)


def _by_question(side: Side, task: str, names: Sequence[str], known: Estimate, scale: float) -> Estimate | None:
    """The widest error that asking other questions of the kind can mean, where the known one counts repeated answers one by one: a
    share of so many questions. The truth is between the two: answers to one question are alike to some degree. None where the
    known error counts questions, or already is larger than that of single answers."""
    repeats = _repeats(side, task, names)
    if repeats < 2 or known.variance <= 0:
        return None
    spread = known.value * (scale - known.value)
    of = known.of or (round(spread / known.variance) if spread > 0 else 0)
    if of and not _are_answers(side.samples.get(task, Samples()), of, repeats):
        return None  # of the questions, or between the two: then it minds that answers are alike
    questions = of / repeats
    return Estimate(known.value, known.variance * repeats, max(1.0, questions - 1) if of else known.degrees)


def _are_answers(samples: Samples, of: int, repeats: int) -> bool:
    """Whether an error of so many values counts repeated answers: by the number of questions, or where a recorded count is the
    same, by that of responses."""
    counted = samples.counted.value if samples.counted else 0
    if not counted or math.isclose(of, counted * repeats, rel_tol=_CLOSE):
        return True
    responses = samples.responses.value if samples.responses else math.inf
    return math.isclose(of, counted, rel_tol=_CLOSE) and responses < of * repeats * (1 - _CLOSE)


def _counts(
    side: Side, task: str, names: Sequence[str], error: StandardError | None, *, is_headline: bool, scale: float
) -> Iterator[_Count]:
    """The counts that may be meant: of answers where questions were asked several times, else of questions."""
    repeats = _repeats(side, task, names)
    if error is not None:
        spread = error.of * (scale - error.of)  # of one answer, where the score is a share
        of_binomial = spread / error.value**2 if error.value > 0 else 0.0
        if error.count:
            yield _Count(error.count, _source(error))
        for each in (of_binomial, of_binomial + 1):
            if of_binomial >= 1 and abs(each - round(each)) <= _CLOSE:
                yield _Count(round(each), _source(error))
    recorded = side.count(task, names)
    if recorded is not None:
        yield _Count(recorded.value, "stats.count")
    for count, source in _of_questions(side, task, names, is_headline=is_headline):
        if repeats > 1:
            yield _Count(count * repeats, f"{source} x {repeats} repeats")
        yield _Count(count, source)


def _of_questions(side: Side, task: str, names: Sequence[str], *, is_headline: bool) -> Iterator[tuple[int, str]]:
    """The number of questions that is proved to be this metric's, not that of another part of the task."""
    metrics = side.metrics(task)
    for name in names:
        stem = name
        while "_" in stem:
            stem = stem.rpartition("_")[0]
            if (entries := metrics.get(f"{stem}_{_ENTRIES}")) and entries == int(entries):
                yield int(entries), _ENTRIES
                break
    samples = side.samples.get(task)
    if is_headline and samples and samples.counted and samples.counted.value == int(samples.counted.value):
        yield int(samples.counted.value), samples.counted.evidence.partition(",")[0].partition(" in ")[0]


def _as_counts(value: float, count: _Count, scale: float, name: str, error: StandardError | None) -> Estimate | None:
    """The value as hits of so many answers; None where it is no whole number of them within its rounding, where its name
    speaks against it, or where the recorded error is not that of such a share."""
    share, of = value / scale, count.value
    if not (0 <= share <= 1 and of >= 1):
        return None
    hits = round(share * of)
    decimals = len(repr(value).partition(".")[2]) + (2 if scale == 100 else 0)
    rounding = of * 0.5 * 10**-decimals if "e" not in repr(value) and decimals >= _FEWEST_DECIMALS else 0.0
    if abs(share * of - hits) > rounding + 1e-6:
        return None
    if error is not None and error.value > 0:
        own = share * scale * (1 - share) * scale
        alike = any(n > 0 and math.isclose(error.value**2, own / n, rel_tol=0.01) for n in (of, of - 1))
        return Estimate.of_share(hits, of, scale) if alike else None
    named = share_of_samples(name)
    is_meant = named == "yes" or (named == "maybe" and rounding <= _CLOSE)
    return Estimate.of_share(hits, of, scale) if is_meant else None
