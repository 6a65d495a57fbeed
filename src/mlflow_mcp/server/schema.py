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


def input_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments without the titles that repeat each name, and with `null` alternatives folded into their default."""

    def visit(part: Any, names: bool = False) -> Any:
        if isinstance(part, list):
            return [visit(inner) for inner in part]
        if not isinstance(part, dict):
            return part
        kept = {
            key: visit(inner, key in ("properties", "$defs")) for key, inner in part.items() if names or key != "title"
        }
        if names:
            return kept
        options = kept.get("anyOf")
        if isinstance(options, list) and {"type": "null"} in options and kept.get("default", 0) is None:
            del kept["default"]
            rest = [option for option in options if option != {"type": "null"}]
            if len(rest) == 1:
                kept.pop("anyOf")
                return {**rest[0], **kept}
            kept["anyOf"] = rest
        return kept

    lean: dict[str, Any] = visit(schema)
    return lean


def output_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's answers as they are sent: a field that is null is left out, so none that may be null is
    required."""
    sent: dict[str, Any] = _nullable_is_optional(input_schema(schema))
    return sent


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
