"""Which scores get a verdict, and verdicts as rows and sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.harnesses import only_totals
from mlflow_mcp.entities.metrics import is_minor
from mlflow_mcp.statistics.differences import Difference, PairedDifference
from mlflow_mcp.statistics.exact import ERROR
from mlflow_mcp.text import listed, number, plural
from mlflow_mcp.tools.runs.comparing.alignment import deltas
from mlflow_mcp.tools.runs.comparing.folded import headline_on
from mlflow_mcp.tools.runs.comparing.primary import mode_of
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts.judged import NOISE, Judged, Score

# A task without a headline shows verdicts on so many of its scores at most.
_MOST_SCORES = 6
# Below so many repeats a team's rule of thumb asks for more.
_FEW_REPEATS = 8
_UNTESTED = "No verdicts: nothing recorded tells how far these values vary by chance. Repeated runs pooled as one side ('a+b') do."
_NO_VERDICT = "verdicts: intervals of 95%; evidence says why there is no verdict."
_ALSO = "also: further scores of the task with the same verdict, as [baseline, side]."
_UNLIKE = "unlike: settings that differ too: what a verdict shows may be their doing, not the model's."
BY_QUESTION = "95% by question"
_REPEATED = (
    f"95% counts repeated answers one by one: too narrow for a claim beyond these questions. {BY_QUESTION} counts each question "
    "once, the widest that this can need: the truth for other questions is between them."
)
_SHARPER = " Where single samples were exported, compare_samples pairs the questions, which is sharper."
_DIGITS = 3
_UNLIKE_NAMED = 3


def scores_of(rows: Sequence[Sequence[Any]], sides: Sequence[Side], *, named: bool) -> list[Score]:
    """The scores of a comparison's rows that get a verdict: all that the caller `named`, else the headline of each task, else
    its few scores. Of runs that are no evaluations, metrics that have a better side."""
    by_task: dict[str, list[list[str]]] = {}
    for task, names, *_ in rows:
        by_task.setdefault(task or "", []).append(names.split(" = "))
    found = []
    for task, metrics in by_task.items():
        headline = headline_on(task, sides)
        major = [names for names in metrics if not is_minor(names[0]) and (task or mode_of(task, names, sides))]
        own = [names for names in metrics if headline in names]
        chosen = metrics if named else own or (major if len(major) <= _MOST_SCORES or not task else [])
        found += [Score(task, names, headline in names) for names in chosen]
    return found


def shown_of(judged: Sequence[Judged], *, named: bool = False) -> list[Judged]:
    """Those that tell something: where nothing is known of the error of a score, only those of an evaluation that the caller
    `named`, its headline, or all of a task of which nothing can be tested. Of other runs only those that pass a gate or fail it."""
    testable = {each.task for each in judged if each.difference}
    return [
        each
        for each in judged
        if each.difference
        or ((each.base.is_export or each.gate) and (named or each.is_headline or each.task not in testable))
    ]


def verdict_table(judged: Sequence[Judged], sides: Sequence[Side], base: Side, *, fold: bool) -> Table | None:
    """A row for each score and side; with `fold` one for all scores of a task that have the same verdict."""
    if not judged:
        return None
    grouped = same_verdicts(judged) if fold else [[each] for each in judged]
    others = [side.label for side in sides if side is not base]
    value = others[0] if len(others) == 1 else "value"
    columns = [
        "task",
        "metric",
        "side",
        base.label,
        value,
        f"{value}-{base.label}",
        f"({value}-{base.label})/|{base.label}|",
    ]
    columns += ["stderr", "95%", BY_QUESTION, "p", "verdict", "unlike", "gate", "could_show", "evidence", "also"]
    tests = sum(each.p is not None for each in judged)
    rows = [[*_row(first, tests), _values_of(others)] for first, *others in grouped]
    drop = {"side"} if len(others) == 1 else set()
    if fold:  # to be read off the values, and taken for points where these are in percent
        drop.add(f"({value}-{base.label})/|{base.label}|")
    kept = [at for at, name in enumerate(columns) if name not in drop]
    keep = ("metric", base.label, value, "verdict")
    return Table.of([columns[at] for at in kept], [[row[at] for at in kept] for row in rows], keep=keep)


def same_verdicts(judged: Sequence[Judged]) -> list[list[Judged]]:
    """The scores of a task and side that have the same verdict, for the same reason, the headline first."""
    found: dict[tuple[str | None, ...], list[Judged]] = {}
    for each in judged:
        own_reason = each.why if each.difference is None or each.forbidden else f"{each.why} {each.names[0]}"
        reason = own_reason if each.why else ""
        gate = str(each.gate) if each.gate else None
        found.setdefault((each.task, each.side.label, each.verdict, gate, reason), []).append(each)
    return [sorted(same, key=lambda each: not each.is_headline) for same in found.values()]


def _values_of(others: Sequence[Judged]) -> dict[str, list[Any]] | None:
    return {each.names[0]: [number(value) for value in each.values] for each in others} or None


def _row(each: Judged, tests: int) -> list[Any]:
    base, value = each.values
    found = each.difference
    could_show = number(found.could_show(ERROR / tests), 2) if found and each.verdict == NOISE else None
    return [
        each.task or None,
        _named(each.names),
        each.side.label,
        number(base),
        number(value),
        *deltas(value, base),
        number(found.stderr, _DIGITS) if found else None,
        _interval(found),
        _interval(each.by_question),
        number(each.p, 2),
        each.verdict,
        _unlike([name for name in each.unlike if name not in each.why]),
        each.gate and str(each.gate),
        could_show,
        _evidence(each),
    ]


def _interval(found: Difference | PairedDifference | None) -> list[Any] | None:
    return [number(limit, _DIGITS) for limit in found.limits(ERROR / 2)] if found else None


def _unlike(names: Sequence[str]) -> str | None:
    """The settings beside which a verdict stands: it may be theirs rather than the model's."""
    more = f" and {len(names) - _UNLIKE_NAMED} more" if len(names) > _UNLIKE_NAMED else ""
    return f"{', '.join(names[:_UNLIKE_NAMED])}{more}" if names else None


def _named(names: Sequence[str]) -> str:
    """The metric with its twins, whose names go on where its own ends: `score = …_avg_of_8`."""
    first, *twins = names
    return " = ".join([first, *(f"…{twin.removeprefix(first)}" for twin in twins)])


def _evidence(each: Judged) -> str | None:
    """Why there is no verdict, and what the error rests on."""
    known = each.known if each.difference else ()
    if not known:
        return each.why or None
    if isinstance(each.difference, PairedDifference):
        spread = each.difference.stderr * len(each.pairs) ** 0.5
        paired = f"paired by params.{each.paired_by}: {plural(len(each.pairs), 'pair')}, sd {number(spread, 2)}"
        better = sum(pair > 0 for pair in each.pairs)
        return "; ".join(filter(None, [each.why, f"{paired}, {each.side.label} higher in {better}"]))
    alike = len({one.source for one in known}) == 1
    if alike and all(one.answers for one in known):
        answers = dict.fromkeys(str(one.answers) for one in known)
        rests_on = f"n={' vs '.join(answers)} by {known[0].source}"
    elif alike and not any(one.answers for one in known):
        rests_on = known[0].source
    else:
        labels = (each.base.label, each.side.label)
        rests_on = "; ".join(f"{label} {one.evidence}" for label, one in zip(labels, known))
    return "; ".join(part for part in (each.why, rests_on) if part) or None


def sentences(shown: Sequence[Judged], judged: Sequence[Judged], *, fold: bool) -> list[str]:
    """What the columns of the verdicts mean, and what to keep in mind of them; or that nothing can be said."""
    also = [_ALSO] if fold and any(len(same) > 1 for same in same_verdicts(shown)) else []
    lower = list(dict.fromkeys(each.names[0] for each in shown if each.mode == "min"))
    better = [f"Lower is better: {listed(lower, 6)}."] if lower else []
    repeated = [_REPEATED] if any(each.by_question for each in shown) else []
    unlike = [_UNLIKE] if any(each.unlike for each in shown) else []
    return [*repeated, *better, *unlike, *_on_tests(shown, judged), *also]


def _on_tests(shown: Sequence[Judged], judged: Sequence[Judged]) -> list[str]:
    tested = [each for each in shown if each.p is not None]
    if not tested:
        untested = [_UNTESTED] if judged and not shown else []
        return [_NO_VERDICT] if any(each.difference for each in shown) else untested
    p = f"p after Holm over {len(tested)} tests" if len(tested) > 1 else "two-sided p"
    of_shares = [found.of_shares for each in tested if (found := each.difference)]
    others = "" if all(of_shares) else "; else Student's t"
    method = f"Newcombe's intervals and Fisher's test of counts{others}" if any(of_shares) else "Student's t"
    could = "; could_show: a difference that such data show 4 times of 5"
    noise = any(each.verdict == NOISE for each in tested)
    notes = [
        f"verdicts: 95% intervals, {p} ({method}){could if noise else ''}.{_SHARPER if _may_have_samples(tested) else ''}"
    ]
    repeats = [known.estimate.repeats for each in tested for known in each.known if known.estimate]
    few = [count for count in repeats if 0 < count < _FEW_REPEATS]
    if few:
        notes.append(
            f"{plural(min(few), 'repeat')} on a side: the intervals hold, but teams often ask for {_FEW_REPEATS}."
        )
    return notes


def _may_have_samples(tested: Sequence[Judged]) -> bool:
    """Whether any of these tasks can have been exported with its samples, as far as it is known of their harnesses."""
    return not all(
        only_totals(
            [each.base.settings.get(each.task, {}).get("harness"), each.side.settings.get(each.task, {}).get("harness")]
        )
        for each in tested
    )


def left_rows(
    rows: Sequence[Sequence[Any]], judged: Sequence[Judged], sides: Sequence[Side], base: Side
) -> list[list[Any]]:
    """The rows of metrics that the verdicts do not tell for every side that has them."""
    judged_sides: dict[tuple[str, str], set[str]] = {}
    for each in judged:
        judged_sides.setdefault((each.task, each.names[0]), {base.label}).add(each.side.label)
    left = []
    for row in rows:
        task, name = row[0] or "", row[1].partition(" = ")[0]
        having = {side.label for side in sides if name in side.metrics(task)}
        if not having <= judged_sides.get((task, name), set()):
            left.append(list(row))
    return left


def unjudged(shown: Sequence[Judged], sides: Sequence[Side], base: Side, tasks: Iterable[str | None]) -> list[str]:
    """Which of these tasks have no verdict on some side that is no baseline."""
    others = [side.label for side in sides if side is not base]
    found = {(each.task, each.side.label) for each in shown}
    return sorted({task for task in tasks if task and any((task, label) not in found for label in others)})
