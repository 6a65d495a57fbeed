"""Which of several scores is compared, and why: never the first that comes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlflow_mcp.entities.direction import Mode, direction_of
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import hint, listed
from mlflow_mcp.tools.runs.samplewise.read.columns import is_of_labels
from mlflow_mcp.tools.runs.samplewise.read.samples import Samples, Score
from mlflow_mcp.tools.runs.samplewise.read.sources import Found


@dataclass(frozen=True)
class Meant:
    """The metric that a score is likely to be of, how it is called in a sentence, and which way a tag says it is better."""

    name: str
    what: str = "the headline metric"
    mode: Mode | None = None

    def __str__(self) -> str:
        return f"of {self.what} {self.name}"


_GENERAL = ("score", "reward", "correct", "is_correct", "passed", "resolved")
_HIGHER = (*_GENERAL, "pass", "success", "match", "symbolic_correct", "judge_correct")
_WORDS_OF_NAMES = re.compile(r"[^a-z0-9]+")


def choose_score(a: Found, b: Found, metric: str | None, meant: Sequence[Meant]) -> Score:
    """The score that `metric` names, the only one of both sides, that of the run's headline metric, or the one that is called
    a score. Raises Problem with the names for others."""
    shared = sorted(name for name in a.scores if name in b.scores)  # assessments come in any order
    if metric:
        return _named(a, b, metric)
    if not shared:
        raise Problem(
            f"The samples of both sides share no score: A has {_names(a.scores)}, B {_names(b.scores)}.",
            "Name one that both have as metric, or the files to compare as artifact_path.",
        )
    if len(shared) == 1:
        return _score(a, shared[0], "the only score")
    for each in meant:
        if ending := [name for name in shared if _is_of(each.name, name)]:
            return _score(a, max(ending, key=len), str(each))
    labels = [name for name in shared if is_of_labels(a.parts[0].columns.scores[name])]
    if labels:
        others = [name for name in shared if name not in labels]
        return _score(
            a, labels[0], f"right where the two are equal; not compared, it may be a confidence: {listed(others, 5)}"
        )
    general = [name for name in shared if name in _GENERAL]
    if len(general) == 1:
        return _score(a, general[0], f"by its name; also scored: {listed([n for n in shared if n != general[0]], 5)}")
    raise Problem(f"These samples have several scores: {listed(shared, 20)}.", f"Name one, e.g. metric='{shared[0]}'.")


def _named(a: Found, b: Found, metric: str) -> Score:
    for name, filter in (
        (metric, None),
        *(((metric.rpartition(",")[0], metric.rpartition(",")[2]),) if "," in metric else ()),
    ):
        paths = [found.parts[0].columns.score_path(name) for found in (a, b)]
        if paths[0] and paths[1]:
            return Score(name, paths[0], filter)
    names = [name for name in a.parts[0].columns.numeric if name in b.parts[0].columns.numeric]
    raise Problem(
        f"The samples of both sides have no score '{metric}'.",
        f"{hint(metric, names)} They have {_names(a.scores)}.".strip(),
    )


def choose_filter(score: Score, sides: Iterable[Samples], meant: Sequence[Meant]) -> Score:
    """The same score of one filter: lm-evaluation-harness writes a row for each question and filter. Raises Problem where
    nothing says which counts."""
    counts = [side.filters for side in sides]
    shared = [name for name in counts[0] if all(name in other for other in counts)]
    if score.filter:
        if score.filter in shared:
            return score
        raise Problem(f"No filter '{score.filter}' is in the samples of both sides.", _which(score, shared))
    if len(shared) < 2:
        has_others = any(len(count) > 1 for count in counts)
        return Score(score.name, score.path, shared[0], score.why) if shared and has_others else score
    for each in meant:
        named = [name for name in shared if _words(name) in _words(each.name)]
        if len(named) == 1:
            why = score.why if str(each) in score.why else f"{score.why}; filter {each}"
            return Score(score.name, score.path, named[0], why.strip("; "))
    raise Problem(f"'{score.name}' was scored with {len(shared)} filters: {listed(shared)}.", _which(score, shared))


def _which(score: Score, filters: Sequence[str]) -> str:
    return f"Name one, e.g. metric='{score.name},{filters[0]}'." if filters else "Leave the filter out."


def direction(score: Score, sides: Iterable[Samples], meant: Sequence[Meant]) -> tuple[Mode | None, str]:
    """Which way the score is better, and how that is known."""
    if is_of_labels(score.path):
        return "max", ""
    if by_tag := next((each.mode for each in meant if each.mode and _is_named(each.name, score)), None):
        return by_tag, f"{'higher' if by_tag == 'max' else 'lower'} is better by the experiment's tag"
    found = direction_of(score.name)
    if found is not None:
        return found.mode, f"{'higher' if found.mode == 'max' else 'lower'} is better by its name"
    if score.name in _HIGHER:
        return "max", "higher is better by its name"
    if all(side.says_right for side in sides):
        return "max", "yes or true counts as right"
    return None, "its name does not say which way is better"


def _score(found: Found, name: str, why: str) -> Score:
    return Score(name, found.parts[0].columns.scores[name], why=why)


def _is_of(whole: str, name: str) -> bool:
    """Whether a metric's name has that of a score in it, a filter's name after it or not: `gsm8k_exact_match`."""
    return f" {_words(name)} " in f" {_words(whole)} "


def _is_named(whole: str, score: Score) -> bool:
    """Whether a metric's name ends with the score's own, its filter after it or not: `acc_norm` is not `acc`."""
    endings = [_words(score.name), *([_words(f"{score.name} {score.filter}")] if score.filter else [])]
    return any(f" {_words(whole)}".endswith(f" {ending}") for ending in endings)


def _words(name: str) -> str:
    return _WORDS_OF_NAMES.sub(" ", name.lower()).strip()


def _names(names: Sequence[str]) -> str:
    return listed(list(names), 8) if names else "none"
