"""Reading YAML and JSON that strangers wrote: nothing is executed, nothing runs away."""

from __future__ import annotations

import json
from typing import Any


def load_yaml(text: str) -> Any:
    """The parsed document, or None when it is not YAML. Tags are never executed and aliases never expanded into bulk."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def load_json(text: str) -> Any:
    """The parsed document, or None when it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
