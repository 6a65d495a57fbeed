"""The answer of get_model, and how one model, and a registered model with its versions, are put into it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.models import FoundModel
from mlflow_mcp.client.models.lineage import descendants
from mlflow_mcp.entities.run import Dataset, own_tags
from mlflow_mcp.text import iso, number, plural
from mlflow_mcp.tools.models.facts import ModelFacts
from mlflow_mcp.tools.models.versions import VersionScores, scores_of_versions

MOST_VERSIONS = 20
_NAMED = 10


class Model(Answer):
    """One model; of a registered model its versions, newest first. With compare_to `sides` A (the model) and B (the baseline),
    `metrics` with A-B, `differences` and how many other facts are `equal`."""

    model: str
    kind: Annotated[str, Field(description="logged model, version, registered model, comparison.")]
    aliases: Annotated[Any, Field(description="Of a version its own; of a registered model the version of each.")] = (
        None
    )
    status: str | None = None
    status_message: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    registered_model: Annotated[dict[str, Any] | None, Field(description="What is said of all its versions.")] = None
    model_id: str | None = None
    name: str | None = None
    type: str | None = None
    external: Annotated[str | None, Field(description="Where its files are not.")] = None
    experiment: str | None = None
    created: str | None = None
    step: Annotated[int | None, Field(description="Of its run, at which the checkpoint was made.")] = None
    sides: Table | None = None
    metrics: Table | None = None
    metrics_of: Annotated[str | None, Field(description="Whose metrics they are, if not the logged model's.")] = None
    params: dict[str, str] | None = None
    signature: dict[str, str] | None = None
    flavors: list[str] | None = None
    requirements: list[str] | None = None
    built_with: dict[str, Any] | None = None
    source_run: dict[str, Any] | None = None
    datasets: Annotated[list[str] | None, Field(description="Of its source run.")] = None
    registered_as: list[str] | None = None
    measured_by: Annotated[list[str] | None, Field(description="Other runs that logged metrics of it.")] = None
    evaluated_by: Annotated[list[str] | None, Field(description="Launcher runs whose checkpoint path names it.")] = None
    traces: Annotated[str | None, Field(description="How many it has in its experiment.")] = None
    versions: Table | None = None
    differences: Table | None = None
    equal: int | None = None


def one_model(client: Client, facts: ModelFacts) -> Model:
    model, version, package = facts.model, facts.version, facts.package
    answer = Model(
        model=facts.name,
        kind="version" if version else "logged model",
        aliases=facts.aliases or None,
        status=version.status if version else model.status if model else None,
        status_message=(version.status_message if version else None) or (model.status_message if model else None),
        description=(version.description or None) if version else None,
        tags=facts.tags or None,
        registered_model=_of_all_versions(facts),
        created=iso(version.creation_timestamp if version else model.created if model else None),
        metrics=_metrics(facts),
        metrics_of="its source run" if facts.scores_of_run else None,
        params=dict(facts.params) or None,
        signature=package.signature or None,
        flavors=[f"{name} {version}".strip() for name, version in package.flavors.items()] or None,
        requirements=package.requirements or None,
        built_with=package.facts or None,
        source_run=_source_run(facts),
        datasets=[_dataset(each) for each in facts.run.datasets] or None if facts.run else None,
    )
    answer.note(facts.missing or "", package.problem or "", *_doubts(facts))
    if model is not None:
        _add_logged(client, answer, facts)
    return answer


def _add_logged(client: Client, answer: Model, facts: ModelFacts) -> None:
    """What only a logged model has: where it lives, and what came of it."""
    model = facts.model
    assert model is not None
    answer.model_id = model.model_id if facts.version else None
    answer.name, answer.type, answer.experiment, answer.step = model.name, model.type, model.experiment, facts.step
    answer.external = "MLflow keeps no files of it" if model.is_external else None
    came = descendants(client, model)
    own = facts.name
    names = [f"models:/{each.name}/{each.version}" for each in came.versions]
    answer.registered_as = [name for name in names if name != own] or None
    answer.measured_by = list(model.evaluated_by[:_NAMED]) or None
    answer.evaluated_by = [f"{run.name} ({run.run_id})" for run in came.evaluations[:_NAMED]] or None
    if came.traces is not None and came.traces.counted:
        answer.traces = f"more than {came.traces.counted}" if came.traces.more else str(came.traces.counted)


def _of_all_versions(facts: ModelFacts) -> dict[str, Any] | None:
    registered = facts.registered
    if registered is None:
        return None
    others = {alias: int(each) for alias, each in (registered.aliases or {}).items() if alias not in facts.aliases}
    fields = {"description": registered.description, "tags": own_tags(registered.tags or {}), "other_aliases": others}
    return {name: value for name, value in fields.items() if value} or None


def _metrics(facts: ModelFacts) -> Table | None:
    columns = ["metric", "dataset", "digest", "value", "step", "values", "run_id"]
    own_run = facts.run.run_id if facts.run else None
    rows = [
        [
            measure.metric,
            measure.dataset or None,
            measure.digest or None,
            number(score.value, None),
            score.step or None,
            score.points if score.points > 1 else None,  # the latest of so many is shown
            score.run_id if score.run_id != own_run else None,
        ]
        for measure, score in sorted(facts.scores.items())
    ]
    return Table.of(columns, rows, keep=("metric", "value")) if rows else None


def _source_run(facts: ModelFacts) -> dict[str, Any] | None:
    run = facts.run
    if run is None:
        return None
    fields = {
        "run_id": run.run_id,
        "name": run.name,
        "experiment": None if facts.model and facts.model.experiment == run.experiment else run.experiment,
        "status": None if run.status == "FINISHED" else run.status,
        "deleted": run.deleted or None,
        "commit": run.git_commit,
        "code": run.made_by.get("name"),
        **{name: run.made_by.get(name) for name in ("git_branch", "git_dirty")},
    }
    return {name: value for name, value in fields.items() if value is not None}


def _dataset(dataset: Dataset) -> str:
    return f"{dataset}{f' for {dataset.context}' if dataset.context else ''}"


def _doubts(facts: ModelFacts) -> list[str]:
    """What is not told, and why."""
    notes = []
    run_id = (facts.model.source_run_id if facts.model else None) or (facts.version.run_id if facts.version else None)
    if run_id and facts.run is None:
        notes.append(f"Its source run {run_id} is not there any more.")
    if facts.model is None and not facts.missing:
        notes.append("The registry names no logged model that it was made of: params and metrics are those of its run.")
    if not facts.scores and facts.run is not None and facts.run.metrics:
        notes.append(
            f"Its source run has {plural(len(facts.run.metrics), 'metric')} and other models too: none is proved to be this "
            "model's. get_run shows them."
        )
    if facts.model is not None and facts.model.status not in ("READY", "UNSPECIFIED"):
        notes.append(f"MLflow calls it {facts.model.status}: its files may be incomplete.")
    return notes


def all_versions(client: Client, found: FoundModel) -> Model:
    registered = found.registered
    assert registered is not None
    versions, more = client.models.registry.versions(registered.name, MOST_VERSIONS)
    scores = scores_of_versions(client, versions)
    aliases = {alias: int(number_) for alias, number_ in (registered.aliases or {}).items()}
    rows: list[list[Any]] = []
    for version in versions:
        score = scores.get((version.name, str(version.version)), VersionScores())
        own = [f"@{alias}" for alias, each in sorted(aliases.items()) if each == int(version.version)]
        rows.append(
            [
                int(version.version),
                ", ".join(own) or None,
                version.status,
                iso(version.creation_timestamp),
                score.metrics or None,
                score.evidence,
                own_tags(version.tags or {}) or None,
                version.description or None,
                version.run_id,
            ]
        )
    columns = ["version", "aliases", "status", "created", "metrics", "metrics_of", "tags", "description", "run_id"]
    answer = Model(
        model=registered.name,
        kind="registered model",
        aliases=aliases or None,
        description=registered.description or None,
        tags=own_tags(registered.tags or {}) or None,
        created=iso(registered.creation_timestamp),
        versions=Table.of(columns, rows, keep=("version",)) if rows else None,
    )
    if more:
        answer.note(
            f"Only the newest {MOST_VERSIONS} versions are shown; 'models:/{registered.name}/<number>' reads any."
        )
    if not versions:
        answer.note("It has no versions.")
    return answer
