"""The runs that an id may mean, as a sentence lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.matches import INVOCATION_WAYS, Match, Way
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, iso, number, plural

if TYPE_CHECKING:
    from mlflow.entities import Run

_MOST_CANDIDATES = 10
_IS: dict[Way, str] = {"run id": "begins the id of", "run name": "is the name of", "job id": "is the job id of"}


def ambiguous(text: str, matches: Sequence[Match], experiments: Mapping[str, str]) -> Problem:
    """The sentence that lists the runs `text` may mean, distinguished by task, experiment and time."""
    return Problem(f"{what_it_is(text, matches, experiments)}.", "Call again with one of these run ids.")


def what_it_is(text: str, matches: Sequence[Match], experiments: Mapping[str, str], kind: str = "run") -> str:
    """`'x' is the name of 2 runs: …; it begins the id of 1 run: …`, a part for each way in which runs match."""
    parts: dict[str, list[Run]] = {}
    for match in matches:
        parts.setdefault(_way(match, text), []).append(match.run)
    whole = "; it ".join(
        f"{way} {plural(len(runs), kind)}: {_listed(runs, experiments)}" for way, runs in parts.items()
    )
    return f"'{text}' {whole}"


def _way(match: Match, text: str) -> str:
    if match.way not in INVOCATION_WAYS:
        return _IS[match.way]
    return "is an invocation with" if LauncherRun.of(match.run).invocation_id == text else "begins the invocation id of"


def _listed(runs: Sequence[Run], experiments: Mapping[str, str]) -> str:
    more = f"; and {len(runs) - _MOST_CANDIDATES} more" if len(runs) > _MOST_CANDIDATES else ""
    return "; ".join(_candidate(run, experiments) for run in runs[:_MOST_CANDIDATES]) + more


def _candidate(run: Run, experiments: Mapping[str, str]) -> str:
    view, task = RunView.of(run, experiments), LauncherRun.of(run).task
    parts = [f"task {task}" if task else f"'{view.name}'", f"experiment '{view.experiment}'", iso(view.start_time)]
    parts += [view.status if view.status != "FINISHED" else None, *scores_of(view.metrics, 1)]
    return f"{view.run_id} ({', '.join(part for part in parts if part)})"


def scores_of(metrics: Mapping[str, float], most: int) -> list[str]:
    """The first scores, as `acc 0.91`."""
    return [f"{clipped(name)} {number(value)}" for name, value in headline(metrics, most).items()]
