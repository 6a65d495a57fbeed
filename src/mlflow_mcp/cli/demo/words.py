"""What the demo's answers say, in words: as an agent would put it to the person who asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def scores(answer: Mapping[str, Any]) -> str:
    rows = records(answer["tasks"])
    best = [f"{row['task']} {max(row['metrics'].values()):g}" for row in rows]
    return f"{answer['model']} ran {len(rows)} tasks: {', '.join(best)}. Scales differ: aime_2025 is out of 100, the others out of 1."


def comparison(answer: Mapping[str, Any]) -> str:
    """`answer` compares A, the newer, with B."""
    tasks: dict[str, list[str]] = {"IMPROVED": [], "REGRESSED": [], "WITHIN NOISE": []}
    for row in records(answer["verdicts"]):
        of_verdict = tasks.setdefault(row["verdict"], [])
        if row["task"] not in of_verdict:
            of_verdict.append(row["task"])
    return (
        f"Not in all: it improved in {_listed(tasks['IMPROVED'])} and regressed in {_listed(tasks['REGRESSED'])}; what "
        f"{_listed(tasks['WITHIN NOISE'])} show is within noise. "
        f"{answer['equal']} params and tags are equal on both sides, {len(answer['differences']['rows'])} differ."
    )


def errors(answer: Mapping[str, Any]) -> str:
    last = records(answer["matches"])[-1]
    return f"{answer['total']} times. The last is in line {last['line']:,}: {last['text']}"


def spike(answer: Mapping[str, Any]) -> str:
    (curve,) = answer["curves"]
    step, value = curve["max"]
    start, before, end, after = curve["largest_jump"]
    jump = f"from {before:g} at step {start} to {after:g} at step {end}"
    return f"Yes: it rose to {value:g} at step {step}. The largest jump is {jump}; it ended at {curve['last'][1]:g}."


def replacement(answer: Mapping[str, Any]) -> str:
    """`answer` compares A, the challenger, with B, the champion."""
    why = next(row["A"] for row in records(answer["differences"]) if row["name"] == "tags.validation_status")
    better = [row for row in records(answer["metrics"]) if row["best"] == "A"]
    gains = [f"{row['metric']} {row['A']:g} instead of {row['B']:g}" for row in better]
    return f"Not yet: its validation {why}. It is better in {_listed(gains)}."


def failure(answer: Mapping[str, Any]) -> str:
    failed = [row for row in records(answer["spans"]) if row["status"] == "ERROR"][-1]
    why = failed["note"].rpartition("; ")[2]
    return f"Its {failed['type'].lower()} {failed['span'].strip()} failed after {failed['duration']:g} s: {why}"


def wording(answer: Mapping[str, Any]) -> str:
    """`answer` has what version 2 changes since the one in production."""
    lines = answer["changes"]["template"].splitlines()
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    return f"One rule more: {' '.join(added)} Production still has version 1."


def ambiguity(_: Mapping[str, Any]) -> str:
    return "Nothing is guessed: the agent is told both candidates and asks which one is meant."


# In the order of the questions.
IN_WORDS: tuple[Callable[[Mapping[str, Any]], str], ...] = (
    scores,
    comparison,
    errors,
    spike,
    replacement,
    failure,
    wording,
    ambiguity,
)


def records(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A table's rows by the names of their columns, with what is the same in all of them."""
    common = table.get("common") or {}
    return [{**common, **dict(zip(table["columns"], row))} for row in table["rows"]]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1] if names else "none"
