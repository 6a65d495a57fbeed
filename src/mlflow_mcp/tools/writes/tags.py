"""Changes of tags, one row and one request each. `shown` is what an answer may show of the values before."""

from __future__ import annotations

from mlflow_mcp.client.marks import Marks, State, Target
from mlflow_mcp.client.writing import BY_TAG, Write
from mlflow_mcp.tools.writes.outcome import Change


def signed(marks: Marks, on: Target, shown: State, who: str) -> list[Change]:
    """The tag that says who wrote last, unless it does."""
    return [] if shown.tags.get(BY_TAG) == who else [tag_set(marks, on, shown, BY_TAG, who)]


def tag_set(marks: Marks, on: Target, shown: State, name: str, value: str) -> Change:
    step = Write(
        f"tag '{name}' of {on}",
        lambda: marks.set_tag(name, value),
        lambda: marks.read().tags.get(name) == value,
    )
    return Change(f"tag {name}", shown.tags.get(name), value, step)


def tag_removed(marks: Marks, on: Target, shown: State, name: str) -> Change:
    step = Write(
        f"tag '{name}' removed from {on}",
        lambda: marks.remove_tag(name),
        lambda: name not in marks.read().tags,
    )
    return Change(f"tag {name}", shown.tags[name], None, step)
