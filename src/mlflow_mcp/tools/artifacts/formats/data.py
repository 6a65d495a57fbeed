"""JSON, YAML and TOML files: whole, a selected part, or an outline of what is too large."""

from __future__ import annotations

from typing import Any

from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.answers.masking import hide_named, mask, mask_text
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short, size
from mlflow_mcp.tools.artifacts.formats import text
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.encoding import decoded
from mlflow_mcp.tools.artifacts.formats.lines import lines_of_text
from mlflow_mcp.tools.artifacts.formats.select import outline, select
from mlflow_mcp.tools.artifacts.formats.structured import MOST_CHARACTERS, Remarks, Unparsable, parse


def read(file: OpenedFile, request: ContentRequest) -> ArtifactContent:
    """The parsed document, or what `select` takes out of it; as text where it cannot be parsed."""
    kind, most = file.kind.name, MOST_CHARACTERS[file.kind.name]
    if file.total is None or file.total > most:
        return _too_large(file, request, most)
    written = decoded(file.whole(most, "too large to parse"))
    remarks = Remarks()
    try:
        value = parse(kind, written, remarks)
    except Unparsable as error:
        answer = lines_of_text(written, file, request.window).content_of(file)
        answer.note(f"Could not parse as {kind.upper()} ({error}); shown as plain text.")
        return answer
    if request.select:
        answer = _selected(file, value, request.select)
        answer.note(*remarks.sentences())
        return answer
    return _whole(file, value, written, remarks)


def _whole(file: OpenedFile, value: Any, written: str, remarks: Remarks) -> ArtifactContent:
    """All of it: JSON as its values, or, where these are not what is written and for YAML's comments, as text."""
    as_text = file.kind.name != "json" or remarks.sentences()
    if as_text and len(encoded(written)) <= file.budget.content:
        answer = ArtifactContent(path=file.path, bytes=file.total, text=written)
        answer.note(*remarks.sentences(as_written=True))
        return answer
    if len(encoded(value)) <= file.budget.content:
        answer = ArtifactContent(path=file.path, bytes=file.total, content=value)
        answer.note(*remarks.sentences())
        return answer
    named = hide_named(value) if file.mask_secrets else value
    answer = ArtifactContent(path=file.path, bytes=file.total, outline=outline(named, file.budget.excerpt))
    answer.note(
        "Too large for one answer: this is its outline. select='…' (JMESPath, as written here) takes out a part.",
        *remarks.sentences(),
    )
    return answer


def _too_large(file: OpenedFile, request: ContentRequest, most: int) -> ArtifactContent:
    if request.select:
        raise Problem(
            f"'{file.path}' has {size(file.total)}; select takes at most {size(most)} of {file.kind.name.upper()} apart.",
            "Leave select out, or find lines with search_artifacts.",
        )
    answer = text.read(file, request)
    answer.note("Too large to parse: shown as plain text.")
    return answer


def select_in(file: OpenedFile, expression: str) -> tuple[Any, list[str]]:
    """The part of a document that `expression` takes out, and what is to be said about it. Raises Problem when it cannot."""
    kind, most = file.kind.name, MOST_CHARACTERS.get(file.kind.name, 0)
    if file.kind.family != "data":
        raise Problem(f"select works on JSON, YAML and TOML; '{file.path}' is read otherwise.", "Leave select out.")
    remarks = Remarks()
    try:
        value = parse(kind, decoded(file.whole(most, "too large to parse")), remarks)
    except Unparsable as error:
        raise Problem(f"'{file.path}' could not be parsed as {kind.upper()} ({error}).", "Leave select out.") from error
    return _select(_masked(file, value, expression), expression), remarks.sentences()


def _masked(file: OpenedFile, value: Any, expression: str) -> Any:
    """The document without secrets: before anything is taken out, which may leave its name behind, or turn a key's
    characters round."""
    if not file.mask_secrets:
        return value
    return mask(value) if "reverse" in expression else hide_named(value)


def _selected(file: OpenedFile, value: Any, expression: str) -> ArtifactContent:
    value = _masked(file, value, expression)
    part = _select(value, expression)
    answer = ArtifactContent(path=file.path, bytes=file.total)
    if part is None or part == []:
        answer.outline = outline(value, file.budget.short_outline)
        nothing = "finds nothing, or null" if part is None else "finds an empty list"
        answer.note(
            f"select='{short(expression, 200)}' {nothing}; this is the file's outline. Quote keys such as \"mmlu-pro\"."
        )
    elif len(encoded(part)) <= file.budget.content:
        answer.content = part
    elif isinstance(part, str):
        answer.text = (mask_text(part) if file.mask_secrets else part)[: file.budget.excerpt]
        answer.note(f"The text has {len(part):,} characters; this is its beginning.")
    else:
        answer.outline = outline(part, file.budget.excerpt)
        answer.note("What it selects is too large for one answer: this is its outline. Select less.")
    return answer


def _select(value: Any, expression: str) -> Any:
    try:
        return select(value, expression)
    except Unparsable as error:
        raise Problem(
            f"select='{short(expression, 200)}' is no JMESPath expression for it ({error}).",
            "Write keys.like.this, lists[0] or lists[*].key; keys with other characters in double quotes.",
        ) from error
