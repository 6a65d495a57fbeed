"""What aggregate_runs says beside its figures: which runs they leave out, and what is uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.values import RunValues
from mlflow_mcp.entities.parents import of_several_families
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.text import clipped, listed, plural
from mlflow_mcp.tools.runs.aggregates.counted import MISSING_NAMED, Counted
from mlflow_mcp.tools.runs.aggregates.jobs_once import kept_unjudged

_NAMED = 5
OVER_ALL = "For figures over all runs narrow the query or raise MLFLOW_MCP_TIMEOUT."


def _counts(statuses: Mapping[str, int]) -> str:
    """`2 are KILLED and 1 is FAILED`."""
    return " and ".join(f"{n} {'is' if n == 1 else 'are'} {status}" for status, n in sorted(statuses.items()))


def missing(client: Client, counted: Counted) -> list[str]:
    """Which runs do not have a metric, where these are few."""
    few = {name: runs for name, runs in counted.lacking.items() if 0 < len(runs) <= MISSING_NAMED}
    few = {name: runs for name, runs in few.items() if counted.counts_missing and name in counted.metric_names}
    if not few:
        return []
    ids = {run.run_id: run for runs in few.values() for run in runs}
    query = f"attributes.run_id IN ({', '.join(map(quoted_value, ids))})"
    found = client.runs.find(list({run.experiment_id for run in ids.values()}), query)
    names = {run.info.run_id: run.info.run_name for run in found}

    def named(run: RunValues) -> str:
        status = f" ({run.status})" if run.status != "FINISHED" else ""
        return f"'{clipped(names.get(run.run_id) or run.run_id)}'{status}"

    return [f"Without '{name}': {', '.join(sorted(map(named, runs)))}." for name, runs in few.items()]


def notes_of(counted: Counted, *, tells_unfinished: bool = True) -> list[str]:
    notes = []
    if counted.values.partial:
        notes.append(OVER_ALL)
    if not counted.counts_missing:
        notes.append(
            "Only runs with these metrics were read: groups without them and runs of a group without one are not counted."
        )
    elif empty := [count for group, count in counted.groups.items() if not counted.samples[group]]:
        notes.append(f"{plural(len(empty), 'group')} ({plural(sum(empty), 'run')}) without these metrics not shown.")
    if counted.trials:
        notes.insert(
            0,
            f"Small trial runs are counted like full ones: {listed(counted.trials, _NAMED)}. min_samples leaves them out.",
        )
    notes += left_out(counted.once.copies, counted.too_small, counted.least, counted.unjudged)
    notes += [two_scales(name, [(None, value) for value in counted.every_value(name)]) for name in counted.metric_names]
    notes.append(of_several_families(counted.parents, "counted"))
    if single := counted.single:
        notes.append(f"Of one run each, so without a spread: {listed(single, _NAMED)}.")
    if tells_unfinished and counted.unfinished and not any(key.attribute == "status" for key in counted.keys):
        notes.append(unfinished(counted.unfinished))
    if len(counted.metric_names) > len(counted.metrics):
        notes.append(f"Metrics: {listed(counted.metric_names, 20)}.")
    return notes


def left_out(copies: int, too_small: Sequence[str], least: int | None, unjudged: Sequence[str]) -> list[str]:
    """Sentences on the copies of jobs and the small runs that do not count, and on those that could not be judged."""
    notes = []
    if copies:
        notes.append(
            f"{plural(copies, 'further copy', 'further copies')} of these jobs left out (same job_id): each job counts once, by "
            "its latest finished export."
        )
    if too_small:
        which = listed(too_small, _NAMED)
        notes.append(f"{plural(len(too_small), 'run')} with fewer than {least} samples left out: {which}.")
    return [*notes, kept_unjudged(unjudged)] if unjudged else notes


def unfinished(statuses: Mapping[str, int]) -> str:
    """That these runs, by status, count like finished ones."""
    return (
        f"Of the runs with a value, {_counts(statuses)}, and counted like the others. "
        "query=\"attributes.status = 'FINISHED'\" leaves them out."
    )
