"""What a model's files say of it: `MLmodel` (flavours, signature) and `requirements.txt`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.tools.artifacts.formats.structured import load_yaml

_MOST_BYTES = 200_000
_SIDES = ("inputs", "outputs", "params")


@dataclass(frozen=True)
class Package:
    """The contents of a model's files; `problem` says why they could not be read."""

    flavors: dict[str, str] = field(default_factory=dict)  # with the version of the library, empty where none is noted
    signature: dict[str, str] = field(default_factory=dict)  # by inputs, outputs, params
    required: dict[str, dict[str, bool]] = field(default_factory=dict)  # the same by name, where all have names
    requirements: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)  # MLflow's version, Python's, the size
    problem: str | None = None


def read_package(client: Client, owner: str) -> Package:
    """The files of a logged model or a version. A model without an `MLmodel` has an empty package."""
    try:
        files = [partial(_text, client, owner, name) for name in ("MLmodel", "requirements.txt")]
        content, requirements = client.part(lambda: client.run_concurrently(*files))
        described = load_yaml(content) if content else {}
    except Problem as problem:
        return Package(problem=f"Its files could not be read: {problem}")
    if not isinstance(described, dict):
        return Package(problem="Its MLmodel is no mapping of names.")
    lines = [line.strip() for line in requirements.splitlines()]
    return Package(
        flavors=_flavors(described.get("flavors")),
        signature=_signature(described.get("signature")),
        required=_required(described.get("signature")),
        requirements=[line for line in lines if line and not line.startswith("#")],
        facts=_facts(described),
    )


def _text(client: Client, owner: str, path: str) -> str:
    try:
        return client.artifacts(owner).read(path, 0, _MOST_BYTES).data.decode("utf-8", "replace")
    except NotFound:
        return ""


def _flavors(flavors: object) -> dict[str, str]:
    """`{"sklearn": "1.5.0", "python_function": ""}`: each flavour with the version of its library where one is noted."""
    found: dict[str, str] = {}
    for name, facts in flavors.items() if isinstance(flavors, dict) else ():
        known = facts if isinstance(facts, dict) else {}
        versions = [str(value) for key, value in known.items() if key in (f"{name}_version", f"{name}_lib_version")]
        found[str(name)] = next(iter(versions), "")
    return found


def _facts(described: Mapping[str, Any]) -> dict[str, Any]:
    flavors = described.get("flavors")
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    facts = {
        "mlflow": described.get("mlflow_version"),
        "python": function.get("python_version") if isinstance(function, dict) else None,
        "bytes": described.get("model_size_bytes"),
    }
    return {name: value for name, value in facts.items() if value}


def _signature(signature: object) -> dict[str, str]:
    if not isinstance(signature, dict):
        return {}
    return {side: text for side in _SIDES if (text := _columns(signature.get(side)))}


def _required(signature: object) -> dict[str, dict[str, bool]]:
    """Of each side whose columns all have names which of them have to be given."""
    found = {}
    for side in _SIDES:
        schema = signature.get(side) if isinstance(signature, dict) else None
        try:
            columns: Any = json.loads(schema) if isinstance(schema, str) else schema or []
            found[side] = {str(each["name"]): bool(each.get("required", True)) for each in columns}
        except (ValueError, TypeError, AttributeError, KeyError):
            continue
    return found


def _columns(schema: object) -> str | None:
    """`text: string, score: double (optional)`; the schema as it is where it has another form."""
    if not schema:
        return None
    try:
        columns: Any = json.loads(schema) if isinstance(schema, str) else schema
        return ", ".join(_column(each) for each in columns)
    except (ValueError, TypeError, AttributeError):
        return str(schema)


def _column(column: Mapping[str, Any]) -> str:
    name = f"{column['name']}: " if column.get("name") else ""
    kind = column.get("type")
    spec = column.get("tensor-spec")
    if isinstance(spec, dict):
        kind = f"{spec.get('dtype')}{spec.get('shape')}"
    elif isinstance(column.get("items"), dict):
        kind = f"array of {column['items'].get('type')}"
    elif isinstance(column.get("properties"), dict):
        kind = f"object({', '.join(column['properties'])})"
    default = f" = {column['default']}" if column.get("default") is not None else ""
    return f"{name}{kind}{default}{'' if column.get('required', True) else ' (optional)'}"
