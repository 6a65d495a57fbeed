"""One span: found by name, id or path; shown whole, in part, or a page of one of its texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.answers.masking import mask, mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import encode_cursor, forged
from mlflow_mcp.entities.spans import SpanNode, SpanTree, as_json
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import hint, iso, listed, plural, truncate
from mlflow_mcp.tools.artifacts.formats.select import outline as outline_of
from mlflow_mcp.tools.artifacts.formats.select import select as taken
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable

# Longest text of a span that does not fit, from the most to the least that is tried.
_TEXTS = (6_000, 2_000, 600, 200)
_MOST_NAMED = 5


class SpanContent(BaseModel):
    """One span. `content` is inputs, outputs, attributes and events; or what `select` took out of them."""

    id: str
    path: str
    type: str
    status: str
    message: str | None = None
    time: str | None = None
    duration: float | None = None
    tokens: int | None = None
    children: Annotated[str | None, Field(description="Names, when there are any.")] = None
    content: Any = None
    outline: Annotated[list[str] | None, Field(description="Instead of a content that is too large.")] = None
    characters: Annotated[str | None, Field(description="Which of a long text's characters these are.")] = None


@dataclass(frozen=True)
class Found:
    node: SpanNode
    note: str = ""


def find_span(tree: SpanTree, text: str) -> Found:
    """The span of this id, path or name; of several the first that failed, else the first, and the others named. Raises NotFound."""
    named = text.strip().strip("/")
    matches = [node for node in tree.nodes if node.id == named]
    if not matches:
        matches = [node for node in tree.nodes if node.name == named] or _by_path(tree, named)
    if not matches:
        names = {node.name for node in tree.nodes}
        near = hint(named.rpartition("/")[2], names) or f"It has: {listed(sorted(names), 8)}."
        raise NotFound(f"No span of this trace has the id, name or path '{text}'.", near)
    node = next((each for each in matches if each.failed), matches[0])
    if len(matches) == 1:
        return Found(node)
    others = [f"{each.id} ({each.status})" for each in matches if each is not node]
    why = "the first that failed" if node.failed else "the first"
    return Found(node, f"{len(matches)} spans are called so; this is {why}. Others: {', '.join(others[:_MOST_NAMED])}"
                 + (f" and {len(others) - _MOST_NAMED} more." if len(others) > _MOST_NAMED else "."))  # fmt: skip


def _by_path(tree: SpanTree, path_or_id: str) -> list[SpanNode]:
    """The spans whose path of names ends so."""
    names = [part.strip() for part in path_or_id.split("/")]
    if len(names) == 1:
        return [node for node in tree.nodes if node.name.lower() == path_or_id.lower()]
    return [node for node in tree.nodes if node.name == names[-1] and _ends_so(node, names)]


def _ends_so(node: SpanNode, names: Sequence[str]) -> bool:
    above: Iterator[SpanNode] = node.ancestors()
    return all((parent := next(above, None)) is not None and parent.name == name for name in reversed(names[:-1]))


@dataclass(frozen=True)
class Part:
    """What is asked of a span: all of it, or what `select` takes out; of a long text the characters from `offset`."""

    select: str | None
    offset: int
    arguments: tuple[Any, ...]
    """Those that the cursor belongs to."""


def show_span(client: Client, answer: Page, node: SpanNode, part: Part) -> SpanContent:
    """The span, or a part of it. The answer gets the cursor of the next page of a text, and notes."""
    document = as_json(node.stored)
    if masked := client.settings.mask_secrets:
        document = mask(document)  # before anything is taken out: what is taken may leave its name behind
    budget = Budget.of(client.settings.max_chars)
    shown = SpanContent(
        id=node.id,
        path=_path(node),
        type=node.type,
        status=node.status,
        message=node.message or None,
        time=iso(node.start / 1e6),
        duration=node.duration,
        tokens=node.tokens,
        children=_children(node) if part.select is None else None,
    )
    value = document if part.select is None else _selected(document, part.select, masked)
    if part.select is not None and isinstance(value, str):
        _show_text(answer, shown, value, part, budget)
    elif part.offset:
        raise forged()
    else:
        _show_value(answer, shown, value, part.select or "", budget)
    return shown


def _show_text(answer: Page, shown: SpanContent, text: str, part: Part, budget: Budget) -> None:
    """A page of a text."""
    end = part.offset + budget.excerpt
    shown.content = text[part.offset : end]
    if part.offset or end < len(text):
        shown.characters = f"{part.offset:,} to {min(end, len(text)):,} of {len(text):,}"
        answer.next_cursor = encode_cursor(end, *part.arguments) if end < len(text) else None


def _show_value(answer: Page, shown: SpanContent, value: Any, path: str, budget: Budget) -> None:
    """The value, with its long texts cut where it does not fit; an outline of it where that is not enough."""
    if len(encoded(value)) <= budget.rows:
        shown.content = value
        return
    for limit in _TEXTS:
        cut = _cut(value, limit)
        if len(encoded(cut)) <= budget.rows:
            shown.content = cut
            long = [f"{where} ({length:,} characters)" for where, length in _long(value, limit, path)]
            more = f" and {len(long) - _MOST_NAMED} more" if len(long) > _MOST_NAMED else ""
            answer.note(
                f"Texts over {limit:,} characters are cut: {', '.join(long[:_MOST_NAMED])}{more}. "
                "select with such a path reads one in pages."
            )
            return
    shown.outline = outline_of(value, budget.excerpt)
    answer.note("The content is too large for one answer: select takes a part of what the outline shows.")


def _selected(document: dict[str, Any], select: str, masked: bool) -> Any:
    try:
        value = taken(document, select)
    except Unparsable as error:
        raise Problem(
            f"'{select}' is no JMESPath: {error}.", "Write a path such as 'inputs.messages[0].content'."
        ) from None
    if value is None:
        raise NotFound(f"The span has nothing at '{select}'.", f"It has: {'; '.join(outline_of(document, 500)[1:])}.")
    return mask_at(value, select) if masked else value


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return truncate(value, limit)
    if isinstance(value, dict):
        return {key: _cut(inner, limit) for key, inner in value.items()}
    return [_cut(inner, limit) for inner in value] if isinstance(value, list) else value


def _long(value: Any, limit: int, path: str) -> Iterator[tuple[str, int]]:
    """The paths and lengths of texts that are longer than `limit`."""
    if isinstance(value, str) and len(value) > limit:
        yield path, len(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            step = key if key.isidentifier() else f'"{key}"'
            yield from _long(inner, limit, f"{path}.{step}" if path else step)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _long(inner, limit, f"{path}[{place}]")


def _path(node: SpanNode) -> str:
    names = [each.name for each in node.path]
    return "/".join(names if len(names) <= 8 else [*names[:3], "…", *names[-4:]])


def _children(node: SpanNode) -> str | None:
    return (
        f"{plural(len(node.children), 'child', 'children')}: {listed([child.name for child in node.children], 8)}"
        if node.children
        else None
    )
