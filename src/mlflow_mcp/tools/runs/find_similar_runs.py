"""Find what has been run before: the runs whose params are nearest."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table, short_numbers
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import clipped, hint, plural
from mlflow_mcp.tools.arguments import ExperimentId, Limit, Names, as_text, named_values, one_or_many
from mlflow_mcp.tools.runs.incidental import USUAL
from mlflow_mcp.tools.runs.similar.candidates import Candidates, read_candidates, told
from mlflow_mcp.tools.runs.similar.nearest import SCORES_SHOWN, Nearest, nearest_of
from mlflow_mcp.tools.runs.similar.reference import Reference, given_params, reference_run
from mlflow_mcp.tools.runs.tables.launcher_params import HOW_IT_WAS_RUN

_NAMES_SHOWN = 12


def _params(value: Any) -> Any:
    value = named_values(one_or_many(value), "param")
    return {str(name): str(each) for name, each in value.items()} if isinstance(value, dict) else value


SimilarTo = Annotated[str | None, BeforeValidator(as_text), Field(description="Run id, prefix, name or job id.")]
# Strict function calling allows no object with open names; an object is taken all the same.
GivenParams = Annotated[
    dict[str, str] | None,
    BeforeValidator(_params),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    Field(description="Instead of a run: ['lr=0.1']."),
]
Ignore = Annotated[Names, Field(description="Names or globs to ignore too; []: none.")]


class SimilarRuns(Answer):
    """Runs by how near their params are, equal ones first. `distance` is 0 to 1: what differs, by how much it tells among the
    runs compared."""

    partial: Annotated[str | None, Field(description="Of which runs this is, if not of all.")] = None
    summary: str
    scores: Annotated[dict[str, float] | None, Field(description="Of the run that is looked for.")] = None
    runs: Table
    ignored: Annotated[str | None, Field(description="Which params were not compared.")] = None


def find_similar_runs(
    client: Client,
    run_id: SimilarTo = None,
    params: GivenParams = None,
    ignore: Ignore = None,
    experiment_id: ExperimentId = None,
    limit: Limit = 10,
) -> SimilarRuns:
    """Find runs nearest in params and config: duplicates, baselines, what was tried. compare_runs comes next."""
    if (run_id is None) == (params is None):
        raise Problem("find_similar_runs needs run_id or params, one of the two.", "Name a run, or params: ['lr=0.1'].")
    reference = reference_run(client, run_id, ignore) if run_id is not None else given_params(params or {}, ignore)
    ids = experiment_ids(client, experiment_id)
    query = equals("tags", *reference.task_tag) if reference.task_tag else ""
    found = client.experiments.search_in(ids, lambda each: read_candidates(client, each, query, reference))
    unknown = _unknown(found, reference)
    nearest = nearest_of(client, found, reference, limit)
    answer = SimilarRuns(
        partial=found.partial, summary=_summary(found, reference, nearest), runs=nearest.table(reference)
    )
    answer.scores = short_numbers(headline(reference.metrics, SCORES_SHOWN)) or None
    answer.ignored = _ignored(reference)
    answer.note(*unknown, *told(found, reference), *nearest.notes)
    return answer


def _summary(found: Candidates, reference: Reference, nearest: Nearest) -> str:
    """What was compared with what, and whether anything is equal."""
    keys = plural(len(reference.profile.compared), "param")
    what = f"{keys} of run {reference.run_id}" if reference.is_run else f"{keys} given"
    task = f" of task '{reference.task}'" if reference.task else ""
    runs = f"{len(found.found):,} of {plural(found.read, 'run')}{task} compared with {what}"
    equal = f"{nearest.same} {'has' if nearest.same == 1 else 'have'}" if nearest.same else "none has"
    at_least = "at least " if nearest.same and nearest.may_be_more else ""
    return f"{runs}: {at_least}{equal} the same params" + ("." if nearest.rows else "; nothing is near.")


def _ignored(reference: Reference) -> str | None:
    if not reference.profile.ignored:
        return None
    how_run = [name for name in reference.profile.ignored if reference.is_export and name.startswith(HOW_IT_WAS_RUN)]
    families = Counter(next(family for family in HOW_IT_WAS_RUN if name.startswith(family)) for name in how_run)
    names = [f"{family}* ({count})" for family, count in sorted(families.items())]
    names += sorted(set(reference.profile.ignored) - set(how_run))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    usual = f"{USUAL}, how a launcher ran it" if reference.is_export else USUAL
    return f"{usual}: {', '.join(names[:_NAMES_SHOWN])}{more}. ignore=[] compares them."


def _unknown(found: Candidates, reference: Reference) -> list[str]:
    """A sentence for each name that was given and no run has; NotFound when that is all of them."""
    if reference.is_run or not found.read:
        return []
    unknown = [
        name for name in reference.profile.compared if not any(found.information.counts.get(name, {}).keys() - {None})
    ]
    sentences = [f"No run read has a param '{clipped(name)}'. {hint(name, found.names)}".strip() for name in unknown]
    if len(unknown) == len(reference.profile.compared):
        raise NotFound(" ".join(sentences), "describe_experiment lists the params of an experiment.")
    return sentences
