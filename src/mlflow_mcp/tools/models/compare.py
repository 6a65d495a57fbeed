"""Two models side by side: metrics per dataset with deltas, and only what differs of the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.model import Measure
from mlflow_mcp.text import from_difference, iso, number, plural
from mlflow_mcp.tools.models.facts import ModelFacts
from mlflow_mcp.tools.models.package import Package
from mlflow_mcp.tools.runs.comparing.alignment import best_label, deltas

MOST_METRICS, MOST_DIFFERENCES = 30, 40
_LONG = 120
SIDES = ("A", "B")


def sides_table(sides: Sequence[ModelFacts]) -> Table:
    """Who is compared: B is the baseline."""
    columns = [
        "side",
        "model",
        "aliases",
        "model_id",
        "name",
        "type",
        "status",
        "step",
        "experiment",
        "source_run",
        "created",
    ]
    rows: list[list[Any]] = []
    for label, facts in zip(SIDES, sides):
        model, version = facts.model, facts.version
        created = version.creation_timestamp if version else model.created if model else None
        rows.append(
            [
                label,
                facts.name,
                ", ".join(f"@{alias}" for alias in facts.aliases) or None,
                model.model_id if model and version else None,
                model.name if model else None,
                model.type if model else None,
                version.status if version else model.status if model else None,
                facts.step,
                model.experiment if model else None,
                facts.run.run_id if facts.run else None,
                iso(created),
            ]
        )
    return Table.of(columns, rows, keep=("side", "model"))


def metrics_table(sides: Sequence[ModelFacts]) -> tuple[Table | None, list[str]]:
    """A row per metric and dataset, those of both first, with A-B; and what is to be told of them."""
    ours, theirs = (facts.scores for facts in sides)
    both = [measure for measure in sorted(ours) if measure in theirs]
    one = sorted({*ours, *theirs} - set(both))
    rows = [_metric_row(measure, ours.get(measure), theirs.get(measure)) for measure in [*both, *one][:MOST_METRICS]]
    notes = []
    if len(both) + len(one) > MOST_METRICS:
        notes.append(
            f"{len(both) + len(one) - MOST_METRICS} more metrics are not shown; get_model of one side has them."
        )
    if any(row[-1] for row in rows):
        notes.append("best: judged by the metric's name.")
    if not ours and not theirs:
        return None, ["Neither side has metrics that are proved to be its own."]
    columns = ["metric", "dataset", "digest", *SIDES, "A-B", "(A-B)/|B|", "best"]
    return Table.of(columns, rows, keep=("metric", *SIDES)), [*notes, *_digests(ours, theirs), *_evidence(sides)]


def _metric_row(measure: Measure, ours: Any, theirs: Any) -> list[Any]:
    values = [each.value if each else None for each in (ours, theirs)]
    best = best_label(SIDES, values, better(measure.metric))
    shown = [number(value) for value in values]
    return [measure.metric, measure.dataset or None, measure.digest or None, *shown, *deltas(*values), best]


def _digests(ours: Iterable[Measure], theirs: Iterable[Measure]) -> list[str]:
    """The datasets of one name of which the sides have different contents alone: nothing on them is compared."""
    names = sorted({each.dataset for each in ours if each.dataset} & {each.dataset for each in theirs})
    digests = [
        ({m.digest for m in ours if m.dataset == n}, {m.digest for m in theirs if m.dataset == n}) for n in names
    ]
    return [
        f"'{name}' is not the same data on both sides (digest {', '.join(sorted(a))} on A, {', '.join(sorted(b))} on B): no deltas."
        for name, (a, b) in zip(names, digests)
        if not a & b
    ]


def _evidence(sides: Sequence[ModelFacts]) -> list[str]:
    of_run = [label for label, facts in zip(SIDES, sides) if facts.scores_of_run]
    return (
        [f"The metrics of {' and '.join(of_run)} are those of the source run: no logged model has any."]
        if of_run
        else []
    )


def differences(sides: Sequence[ModelFacts]) -> tuple[Table | None, int, list[str]]:
    """Params, tags, packages, signature, commit and datasets where they differ; how many are equal."""
    without = [label for label, facts in zip(SIDES, sides) if not facts.package.facts]
    ours, theirs = (_described(facts, files=not without) for facts in sides)
    names = sorted({*ours, *theirs}, key=lambda name: (_KINDS.index(name.partition(".")[0]), name))
    differing = [name for name in names if ours.get(name) != theirs.get(name)]
    rows = [[name, *_shown(name, ours.get(name), theirs.get(name))] for name in differing[:MOST_DIFFERENCES]]
    notes = []
    if len(differing) > MOST_DIFFERENCES:
        notes.append(f"{plural(len(differing) - MOST_DIFFERENCES, 'more difference')} not shown.")
    notes += [
        f"{label}: {why}" for label, facts in zip(SIDES, sides) for why in (facts.package.problem, facts.missing) if why
    ]
    if len(without) == 1 and not notes:
        notes.append(f"{without[0]} has no MLmodel file: signature, flavours and requirements are not compared.")
    table = Table.of(["name", *SIDES], rows, keep=("name", *SIDES)) if rows else None
    return table, len(names) - len(differing), notes


_KINDS = (
    "tags",
    "description",
    "params",
    "dataset",
    "commit",
    "branch",
    "signature",
    "flavor",
    "requirement",
    "built_with",
)


def _described(facts: ModelFacts, *, files: bool) -> dict[str, str]:
    """Everything that can be compared under a name of its own; what its files say only where both sides have files."""
    run, version = facts.run, facts.version
    described = {f"params.{name}": value for name, value in facts.params.items()}
    described |= {f"tags.{name}": value for name, value in facts.tags.items()}
    described |= _of_files(facts.package) if files else {}
    if version is not None and version.description:
        described["description"] = version.description
    if run is not None:
        for each in sorted(run.datasets, key=lambda each: each.digest):
            name = f"dataset.{each.name}{f' ({each.context})' if each.context else ''}"
            described[name] = f"{described[name]}, {each.digest}" if name in described else each.digest
        noted = {"commit": run.git_commit, "branch": run.made_by.get("git_branch")}
        described |= {name: value for name, value in noted.items() if value}
    return described


def _of_files(package: Package) -> dict[str, str]:
    described = {f"signature.{name}": value for name, value in package.signature.items()}
    described |= {f"flavor.{name}": value or "yes" for name, value in package.flavors.items()}
    described |= {f"built_with.{name}": str(value) for name, value in package.facts.items() if name != "bytes"}
    return described | {f"requirement.{name}": spec for name, spec in _requirements(package.requirements).items()}


def _requirements(lines: Sequence[str]) -> Mapping[str, str]:
    """By package: what is asked of its version; `any` when nothing is."""
    found = {}
    for line in lines:
        name = re.match(r"[A-Za-z0-9._\[\]-]+", line)
        key = name[0] if name else line
        found[key.lower()] = line[len(key) :].strip() or "any" if name else "yes"
    return found


def _shown(name: str, *values: str | None) -> list[str | None]:
    """The values; of long ones what begins shortly before they differ. Masked first: a part of a secret cannot be told."""
    texts = [mask_at(value, name) for value in values if value is not None]
    if len(texts) < 2 or all(len(text) <= _LONG for text in texts):
        return list(values)
    parts = iter(from_difference(texts, _LONG))
    return [None if value is None else next(parts) for value in values]
