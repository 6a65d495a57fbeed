"""What `group_by` names: a tag, a param, an attribute, or whichever of these a bare name is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mlflow_mcp.client.values import RunValues
from mlflow_mcp.entities.run import experiment_name
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import iso, listed, nearest

ATTRIBUTES = ("experiment", "experiment_id", "status", "run_name", "user", "start_date")

# The tags that MLflow keeps an attribute in.
_TAGS_OF = {"run_name": ["mlflow.runName"], "user": ["mlflow.user"]}


@dataclass(frozen=True)
class GroupKey:
    """A key as the caller wrote it, and what it may stand for: of a bare name the tag comes first."""

    text: str
    attribute: str | None = None
    tag: str | None = None
    param: str | None = None

    @classmethod
    def of(cls, text: str) -> GroupKey:
        name = bare(text)
        if re.match(r"tags?\.", text):
            return cls(text, tag=name)
        if re.match(r"params?\.", text):
            return cls(text, param=name)
        return cls(text, attribute=name) if name in ATTRIBUTES else cls(text, tag=text, param=text)

    @property
    def tags(self) -> list[str]:
        """The tags that the key's values are read from."""
        return [self.tag] if self.tag else _TAGS_OF.get(self.attribute or "", [])

    def value(self, run: RunValues, experiments: Mapping[str, str]) -> str | None:
        """The run's value under this key. `experiments` are the names of the active experiments by id."""
        if self.attribute == "experiment":
            return experiment_name(experiments, run.experiment_id)
        if self.attribute == "start_date":
            return (iso(run.start_time) or "")[:10] or None
        if self.attribute:
            value: str | None = getattr(run, "name" if self.attribute == "run_name" else self.attribute)
            return value
        found = run.tags.get(self.tag) if self.tag else None
        return run.params.get(self.param) if found is None and self.param else found


def bare(key: str) -> str:
    """The key without its kind and its quotes."""
    return re.sub(r"^(tags?|params?|attributes?)\.", "", key).strip("`")


def no_such_key(key: GroupKey, runs: str, names: Callable[[str], Iterable[str]]) -> NotFound:
    """The sentence for a key that none of these runs has, such as `5 runs`, with the nearest of `names("tags")` and `names("params")`."""
    known = [*(f"tags.{name}" for name in names("tags")), *(f"params.{name}" for name in names("params")), *ATTRIBUTES]
    by_bare = {bare(name): name for name in sorted(known)}
    close = [by_bare[name] for name in nearest(bare(key.text), by_bare)]
    return NotFound(
        f"None of the {runs} has a tag, param or attribute '{key.text}' to group by.",
        f"Nearest: {listed(close)}." if close else f"Attributes: {', '.join(ATTRIBUTES)}.",
    )
