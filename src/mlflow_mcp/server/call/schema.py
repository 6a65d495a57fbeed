"""The schemas that hosts are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from mlflow_mcp.answers.base import Answer, ImageAnswer


def may_answer_with_image(function: Callable[..., Answer]) -> bool:
    """Whether a tool may answer with an image, which has no structured content and so promises no schema."""
    returned = get_type_hints(function)["return"]
    return any(part is ImageAnswer for part in (returned, *get_args(returned)))


def description_of(function: Callable[..., Answer]) -> str:
    """The docstring as one paragraph: line breaks are the source's, not the reader's."""
    return " ".join((function.__doc__ or "").split())


BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems"}
STRINGS = {"type": "array", "items": {"type": "string"}}


def input_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments in few characters: every session pays for them.

    Bounds are left out: a call is checked all the same, and told what it may be.
    """
    return without(schema, {"title", *BOUNDS})


def without(schema: dict[str, Any], keywords: set[str]) -> dict[str, Any]:
    """The schema without these keywords, and with `null` alternatives folded into their default."""
    kept: dict[str, Any] = _shortened(schema, keywords)
    return kept


def _shortened(part: Any, left_out: set[str], holds_names: bool = False) -> Any:
    if isinstance(part, list):
        return [_shortened(inner, left_out) for inner in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _shortened(inner, left_out, holds_names=key in ("properties", "$defs"))
        for key, inner in part.items()
        if holds_names or key not in left_out
    }
    return kept if holds_names else _folded(kept)


def _folded(schema: dict[str, Any]) -> dict[str, Any]:
    options = schema.get("anyOf")
    if not isinstance(options, list) or {"type": "null"} not in options or schema.get("default", 0) is not None:
        return schema
    rest = [option for option in options if option != {"type": "null"}]
    others = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    if len(rest) == 1:
        return {**rest[0], **others}
    if {"type": "string"} in rest and STRINGS in rest and len(rest) == 2:
        return {"type": ["string", "array"], "items": STRINGS["items"], **others}
    return {"anyOf": rest, **others}


def output_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's answers as they are sent: a field that is null is left out, so none that may be null is
    required."""
    sent: dict[str, Any] = _nullable_is_optional(without(schema, {"title"}))
    return sent


def with_server(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of answers that may name the server that they are about, or several."""
    added = {"server": {"type": "string"}, "servers": {"type": "array", "items": {"type": "object"}}}
    return {**schema, "properties": {**added, **schema["properties"]}}


def _nullable_is_optional(part: Any) -> Any:
    if isinstance(part, list):
        return [_nullable_is_optional(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _nullable_is_optional(inner) for key, inner in part.items()}
    if isinstance(kept.get("required"), list) and isinstance(kept.get("properties"), dict):
        nullable = [n for n, each in kept["properties"].items() if {"type": "null"} in each.get("anyOf", ())]
        kept["required"] = [name for name in kept["required"] if name not in nullable]
    return kept
