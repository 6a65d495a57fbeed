"""A whole file of a run as a resource: what a person attaches to a conversation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlflow_mcp.answers.base import Answer, ImageAnswer
from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.answers.masking import mask_lines
from mlflow_mcp.answers.secrets.columns import SecretColumns
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import size
from mlflow_mcp.tools.artifacts.formats.content import ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.detect import delimiter_of
from mlflow_mcp.tools.artifacts.formats.encoding import decoded, strip_control_codes
from mlflow_mcp.tools.artifacts.formats.images import read as read_image
from mlflow_mcp.tools.artifacts.formats.read import open_file
from mlflow_mcp.tools.artifacts.owners import sources_of
from mlflow_mcp.tools.artifacts.paths import with_path

# By the names in the table of kinds; other text is text/plain.
_MIME_TYPES = {
    "json": "application/json",
    "yaml": "application/yaml",
    "toml": "application/toml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "jsonl": "application/jsonl",
    "html": "text/html",
}
_IN_PARTS = "get_artifact_content reads it in parts."


class TextFile(Answer):
    """A text file, whole."""

    mime_type: str
    text: str


def read_file(
    client: Client, run_id: Annotated[str, Field(min_length=1)], artifact_path: Annotated[str, Field(min_length=1)]
) -> TextFile | ImageAnswer:
    """A text file or picture of a run, whole. Raises Problem for what is larger than an answer, or neither."""
    (_, source), *_ = sources_of(client, [run_id])
    return with_path(source, checked_path(artifact_path), lambda path: _whole(client, source, path))


def _whole(client: Client, source: ArtifactSource, path: str) -> TextFile | ImageAnswer:
    file = open_file(client, source, path, ContentRequest())
    if file.kind.family == "image":
        picture = read_image(file, ContentRequest())
        assert isinstance(picture, ImageAnswer)
        return picture
    if not file.kind.stored_as_text:
        raise Problem(f"'{file.path}' is {file.kind.label}, which no resource shows.", _IN_PARTS)
    most = Budget.of(client.settings.max_chars).content
    is_short = file.total is not None and file.total <= most
    text = _without_secrets(file, strip_control_codes(decoded(file.whole(most, "")))) if is_short else ""
    if not is_short or len(encoded(text)) > most:
        raise Problem(f"'{file.path}' has {size(file.total)}, more than the {size(most)} of an answer.", _IN_PARTS)
    return TextFile(mime_type=_MIME_TYPES.get(file.kind.name, "text/plain"), text=text)


def _without_secrets(file: OpenedFile, text: str) -> str:
    """Secrets hidden as in a table where the file is one: by the names of its columns."""
    delimiter = delimiter_of(file.path)
    if not (file.mask_secrets and delimiter and text):
        return text
    lines = mask_lines(text)
    columns = SecretColumns.of(lines[0].lstrip("\ufeff"), delimiter)
    return "\n".join(lines if columns is None else [columns.hide(line) for line in lines])
