"""The arguments that tools share: each type says where its value comes from and carries its bounds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema


def as_text(value: Any) -> Any:
    """Ids that a model wrote as a number are meant as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [as_text(part) for part in value]
    return as_text(value)


def one_or_many(value: Any) -> Any:
    """One name where a list of names is meant."""
    return [value] if isinstance(value, (str, int)) and not isinstance(value, bool) else value


def tags_of(value: Any) -> Any:
    """`{"name": "value"}`, or the same as a list of `name=value`."""
    value = named_values(value, "tag")
    return {key: as_text(part) for key, part in value.items()} if isinstance(value, dict) else value


def named_values(value: Any, what: str) -> Any:
    """A list of `name=value` as an object; what is neither stays as it is. Raises ValueError for none at all, and for a name
    with two values."""
    if isinstance(value, list):
        pairs = [_name_and_value(part, what) for part in value]
        value = dict(pairs)
        if twice := next((name for name, text in pairs if value[name] != text), None):
            raise ValueError(f"The {what} '{twice}' is given twice with different values")
    if isinstance(value, dict) and not value:
        raise ValueError(f"Name at least one {what}")
    return value


def _name_and_value(text: Any, what: str) -> tuple[str, str]:
    name, separator, value = str(text).partition("=")
    if not separator or not name:
        raise ValueError(f"In a list each {what} is written 'name=value'")
    return name, value


RunId = Annotated[
    str,
    BeforeValidator(as_text),
    Field(
        min_length=1,
        description="Run id, its first 6+ characters, run name, job id, MLflow URL, or model: its source run.",
    ),
]
ExperimentId = Annotated[
    str | list[str] | None,
    BeforeValidator(_texts),
    Field(description="Id or exact name, or a list. Omitted: all."),
]
InvocationId = Annotated[
    str,
    BeforeValidator(as_text),
    Field(
        min_length=1,
        description="Invocation id or its first 6+ characters, e.g. '71f3f3199ea5e1f0'; or a job id.",
    ),
]
AnyId = Annotated[
    str,
    BeforeValidator(as_text),
    Field(min_length=1, description="Any id, prefix of 6+ characters, name or MLflow URL."),
]
Query = Annotated[str, Field(description="MLflow filter, as in query_runs.")]
OrderBy = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="E.g. ['metrics.acc DESC', 'start_time']. Default: newest first."),
]
# Strict function calling allows no object whose names are open: it closes the first form to the one name in it, which is
# the one most asked for, and leaves the second for all others. A host that does not close it takes any object there.
Tags = Annotated[
    dict[str, str],
    BeforeValidator(tags_of),
    BeforeValidator(one_or_many),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "properties": {"invocation_id": {"type": "string"}}},
                {"type": "array", "items": {"type": "string"}},
            ]
        }
    ),
    Field(
        description="Tag names with their exact values, e.g. {'invocation_id': '71f3f3199ea5e1f0', 'team': 'nlp'}; "
        "or a list: ['team=nlp'].",
    ),
]
Names = Annotated[list[str] | None, BeforeValidator(one_or_many)]
Metrics = Annotated[
    Names, Field(description="Metric columns to show: names or globs ('val/*'). Default: chosen; []: none.")
]
Params = Annotated[Names, Field(description="Param columns to show: names or globs.")]
TagColumns = Annotated[Names, Field(description="Tag columns to show: names or globs.")]
Limit = Annotated[int, Field(ge=1, le=1_000, description="Rows at most.")]
Cursor = Annotated[str | None, Field(description="next_cursor of the answer to continue.")]
RunIds = Annotated[
    list[str],
    Field(min_length=1, description="Run ids, names, job or invocation ids, models, mixed."),
    BeforeValidator(_texts),
    BeforeValidator(one_or_many),
]
MetricNames = Annotated[
    list[str],
    Field(min_length=1, description="Metric names or globs, e.g. ['val/*']."),
    BeforeValidator(one_or_many),
]
MinSamples = Annotated[int | None, Field(ge=1, description="Leave out runs that say they had fewer samples.")]
Overwrite = Annotated[bool, Field(description="Replace a file of that name.")]
ArtifactPath = Annotated[
    str,
    Field(
        min_length=1,
        description="Path in the run's artifacts, or its end: 'config.yml', 'artifacts/eval_factory_metrics.json'.",
    ),
]
Folder = Annotated[str | None, Field(description="Folder to list. Default: the root.")]
Glob = Annotated[str | None, Field(description="Glob over whole paths, e.g. '**/*.log'; implies recursive.")]
