"""How many samples an evaluation had, as far as its params, metrics and files prove it. Pure.

Three things that are easily taken for one another, each with where it is from:

- the limit: `limit_samples`, a number of samples or, below 1, a share of the dataset;
- the count: metrics `…num_entries`;
- the repeats per sample: `n_samples` or `num_repeats`, whatever they sound like, and `avg-of-N` in a metric's name.

`stats.count` of a score in results.yml is of the values that it is the mean of: samples, or of some harnesses samples times
repeats. Responses hold repeats and retries too: they bound the samples, and tell which of both a `stats.count` is. Alone they
tell the number of samples where none of them failed, so that none was asked for again, and the repeats divide them.
Standard errors of shares tell of how many answers, repeats included: a number of samples where the responses agree.

Newer launchers write `n_results`, problems times repeats, which is a count only where `config.repeats` is known.

The flattened params of a run hold the config of all tasks of its invocation: `…tasks.<n>.…` concerns the run only when n
is the number at the end of its job id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from mlflow_mcp.text import plural

# A limit that a full evaluation would not have.
CANARY = 50
# Of the responses so many are answers, at least: the others are retries. Of fewer, only a part of the task is counted.
_FEW_RETRIES = 0.95
_LIMIT = "limit_samples"
_REPEATS = ("n_samples", "num_repeats")
_ENTRIES = re.compile(r"(^|_)num_entries$")
_AVERAGE_OF = re.compile(r"avg[-_]of[-_](\d+)")
_OF_TASK = re.compile(r"(?:^|\.)tasks\.(\d+)\.")


@dataclass(frozen=True)
class Proof:
    """A number and, in few words, what proves it."""

    value: float
    evidence: str


@dataclass(frozen=True)
class Samples:
    """What is proved of an evaluation's samples; None for what is not."""

    limit: Proof | None = None
    count: Proof | None = None
    repeats: Proof | None = None
    values: Proof | None = None  # that a score is the mean of: samples, or samples times repeats
    answers: Proof | None = None  # repeats included, as standard errors tell
    responses: Proof | None = None  # repeats and retries included
    unfailed: Proof | None = None  # the responses where none of them failed

    @classmethod
    def of_params(cls, params: Mapping[str, str], task_number: str | None) -> Samples:
        """From a run's flattened params: what is set for its own task before what is set for all."""
        limit = _of_task(params, (_LIMIT,), task_number)
        repeats = _of_task(params, _REPEATS, task_number)
        found = cls(limit=_limit(limit, "its params"), repeats=_repeats(repeats, "its params"))
        return found | _of_results(params)

    @classmethod
    def of_metrics(cls, metrics: Mapping[str, float]) -> Samples:
        entries = [(value, name) for name, value in metrics.items() if _ENTRIES.search(name) and 0 < value < 1e15]
        averages = [(int(found[1]), name) for name in metrics if (found := _AVERAGE_OF.search(name))]
        return cls(
            count=Proof(*_with_name(max(entries))) if entries else None,
            repeats=Proof(*_with_name(max(averages))) if averages else None,
        )

    @classmethod
    def of_file(cls, content: Any, file: str) -> Samples:
        """From a parsed results.yml, run_config.yml or launcher config."""
        leaves = list(leaves_of(content))
        limits = [(name, value) for (*_, name), value in leaves if name == _LIMIT]
        repeats = [(path[-1], value) for path, value in leaves if path[-1] in _REPEATS]
        counts = [value for path, value in leaves if path[-2:] == ("stats", "count") and isinstance(value, int)]
        return cls(
            limit=next((proof for each in limits if (proof := _limit(each, file))), None),
            values=Proof(max(counts), f"stats.count in {file}") if counts else None,
            repeats=next((proof for each in repeats if (proof := _repeats(each, file))), None),
        )

    def __or__(self, other: Samples) -> Samples:
        """What this proves, and what only the other one proves."""
        return Samples(**{each.name: getattr(self, each.name) or getattr(other, each.name) for each in fields(self)})

    @property
    def scored(self) -> Proof | None:
        """The count, as metrics or a results.yml without repeats tell it."""
        return self.count or (self.values if self._repeats <= 1 else None)

    @property
    def counted(self) -> Proof | None:
        """The count, or one that follows from what scores are means of and from the responses."""
        if self.scored or not self.responses:
            return self.scored
        numbers = [each for each in (self.values, self.answers) if each]
        found = {each.value: each for proof in numbers if (each := self._samples_by(proof, self.responses.value))}
        if numbers:
            return next(iter(found.values())) if len(found) == 1 else None
        responses, repeats = self.responses.value, self._repeats
        if not self.unfailed or repeats < 2 or responses % repeats:
            return None
        return Proof(responses / repeats, f"derived, {responses:g} responses / {plural(int(repeats), 'repeat')}")

    def _samples_by(self, mean_of: Proof, responses: float) -> Proof | None:
        """The samples, where a score is the mean of so many values: samples, or samples times repeats."""
        number, repeats = mean_of.value, self._repeats
        least = responses * _FEW_RETRIES
        if repeats > 1 and least <= number * repeats <= responses:
            return Proof(
                number, f"derived, {mean_of.evidence}, {responses:g} responses / {plural(int(repeats), 'repeat')}"
            )
        is_all = least <= number or (mean_of is self.values and number * repeats > responses)  # too many to be samples
        if not is_all or number > responses or number % repeats:
            return None
        by = f"{number:g} responses" if number == responses else f"{number:g} answers by {mean_of.evidence}"
        if repeats > 1:
            return Proof(number / repeats, f"derived, {by} / {plural(int(repeats), 'repeat')}")
        return Proof(number, f"derived, {number:g} answers by {mean_of.evidence}, {responses:g} responses")

    @property
    def _repeats(self) -> float:
        return self.repeats.value if self.repeats else 1

    @property
    def at_most(self) -> Proof | None:
        """The most samples that there can have been."""
        if (counted := self.counted) or not self.responses:
            return counted
        return Proof(self.responses.value // self._repeats, f"{self.responses.value:g} responses")

    @property
    def number(self) -> int | None:
        """The count, or the limit where nothing counts."""
        if counted := self.counted:
            return int(counted.value)
        return int(self.limit.value) if self.limit and self.limit.value >= 1 and not self.is_below_limit else None

    def has_at_least(self, least: int) -> bool | None:
        """Whether there were so many samples; None where nothing tells. Responses can only tell that there were fewer."""
        if self.number is not None:
            return self.number >= least
        return False if self.at_most is not None and self.at_most.value < least else None

    @property
    def is_below_limit(self) -> bool:
        """Whether there were fewer samples than the limit allows: the dataset is smaller, or samples were lost."""
        most = self.at_most
        return self.limit is not None and self.limit.value >= 1 and most is not None and most.value < self.limit.value

    @property
    def is_trial(self) -> bool:
        """Whether a small limit proves a trial run, a "canary". A small count does not: some datasets have 30 questions."""
        return self.limit is not None and 1 <= self.limit.value <= CANARY

    @property
    def is_limited(self) -> bool:
        return self.limit is not None

    def from_copy(self, name: str) -> Samples:
        """The same, proved by another copy of the job: the evidence says by which."""

        def moved(proof: Proof | None) -> Proof | None:
            return proof and replace(proof, evidence=f"{proof.evidence.replace('its params', 'params')} of {name}")

        return Samples(**{each.name: moved(getattr(self, each.name)) for each in fields(self)})


def _of_results(params: Mapping[str, str]) -> Samples:
    """What the newer launcher's params prove: it counts results, which are problems times repeats."""
    results, repeats = (_number(params.get(name, "")) for name in ("n_results", "config.repeats"))
    if "config_hash" not in params or not results or not repeats or repeats < 1 or results % repeats:
        return Samples()
    return Samples(
        count=Proof(results / repeats, "n_results / config.repeats in its params"),
        repeats=Proof(repeats, "config.repeats in its params"),
    )


def _of_task(params: Mapping[str, str], endings: Iterable[str], task_number: str | None) -> tuple[str, str] | None:
    """The ending and value of the param that is set for this task, else of one that is set for all."""
    shared = None
    for name, value in params.items():
        ending = name.rpartition(".")[2]
        if ending not in endings or value in ("None", "null", ""):
            continue
        task = _OF_TASK.search(name)
        if task is None:
            shared = (ending, value)
        elif task[1] == task_number:
            return ending, value
    return shared


def _limit(named: tuple[str, Any] | None, place: str) -> Proof | None:
    value = _number(named[1]) if named else None
    return Proof(value, f"{_LIMIT}={value:g} in {place}") if value else None


def _repeats(named: tuple[str, Any] | None, place: str) -> Proof | None:
    value = _number(named[1]) if named else None
    return Proof(value, f"{named[0]} in {place}") if named and value and value >= 1 and value == int(value) else None


def _number(value: Any) -> float | None:
    text = str(value).strip()
    return float(text) if re.fullmatch(r"\d+(\.\d+)?|\.\d+", text) else None


def _with_name(counted: tuple[float, str]) -> tuple[float, str]:
    return counted[0], f"metric {counted[1]}"


def leaves_of(part: Any, path: tuple[str, ...] = ("",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The single values of a parsed file with their paths. Elements of a list have the path of the list."""
    if isinstance(part, Mapping):
        for key, inner in part.items():
            yield from leaves_of(inner, (*path, str(key)))
    elif isinstance(part, list):
        for inner in part:
            yield from leaves_of(inner, path)
    else:
        yield path, part
