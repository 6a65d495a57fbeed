"""Which ids cannot be compared, and why."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, listed
from mlflow_mcp.tools.runs.comparing.pooled import Asked

MOST_SIDES = 20


def refuse_sides(run_ids: Sequence[str], baseline: str | None) -> None:
    if len(set(run_ids)) < 2:
        raise Problem("A comparison needs two different ids.", "Give run_ids two or more run or invocation ids.")
    if len(run_ids) > MOST_SIDES:
        raise Problem(
            f"{len(run_ids)} sides are too many to read side by side.",
            f"Give at most {MOST_SIDES}, or use aggregate_runs for statistics over many.",
        )
    if baseline is not None and baseline not in run_ids:
        raise Problem(f"The baseline '{baseline}' is not among run_ids.", f"Name one of {listed(list(run_ids), 20)}.")


def names_of(job: Job) -> set[str]:
    """What tells a job from others: the ids of its runs, and its own."""
    own = {copy.job_id for copy in job.copies if copy.job_id and copy.is_export}
    return {copy.run_id for copy in job.copies} | own


def refuse_the_same(asked: Sequence[Asked]) -> None:
    """Raise Problem when two ids, e.g. a name and a prefix, stand for the same runs, or pooled sides share one."""
    seen: dict[frozenset[str], str] = {}
    owners: dict[str, Asked] = {}
    for each in asked:
        runs = frozenset(job.run_id for of_member in each.jobs for job in of_member)
        first = seen.setdefault(runs, each.id)
        if first != each.id:
            raise Problem(
                f"'{clipped(first)}' and '{clipped(each.id)}' are the same.",
                of_models([first, each.id]) or "Give run_ids two or more different runs or invocations.",
            )
        for name in sorted({name for of_member in each.jobs for job in of_member for name in names_of(job)}):
            owner = owners.setdefault(name, each)
            if owner is not each and len(owner.members) + len(each.members) > 2:
                raise Problem(
                    f"{name} is in both '{clipped(owner.id)}' and '{clipped(each.id)}': their errors would not be independent.",
                    "Leave it out of one of them.",
                )


def of_models(ids: Sequence[str]) -> str:
    """That models stand for their runs here, and what compares the models."""
    models = [id_ for id_ in ids if is_model(id_)]
    if not models:
        return ""
    call = f"get_model(model='{models[0]}', compare_to='{models[1]}')" if len(models) > 1 else "get_model"
    return f"Of a model its source run is compared, whose metrics may be of other models too; {call} compares models."
