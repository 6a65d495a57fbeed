"""Read one artifact, or a part of it."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.answers.masking import HIDDEN
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.copies import CopiesDiffer, CopiesSource
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, RunNotFound
from mlflow_mcp.tools.arguments import ArtifactPath, one_or_many
from mlflow_mcp.tools.artifacts.against_params import of_content
from mlflow_mcp.tools.artifacts.ends import ends_of
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, Window
from mlflow_mcp.tools.artifacts.formats.read import read_content
from mlflow_mcp.tools.artifacts.owners import ArtifactOwners, sources_of, unsearched_copies
from mlflow_mcp.tools.artifacts.paths import SeveralFit, find_path, with_path
from mlflow_mcp.tools.artifacts.several import read_of_several


def _as_expression(value: Any) -> Any:
    """`[0]` is an expression, which the SDK takes for a list in JSON."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


Select = Annotated[
    str | None,
    BeforeValidator(_as_expression),
    Field(description="JMESPath into JSON, YAML or TOML, e.g. 'results.tasks.\"mmlu-pro\".metrics'."),
]
StartLine = Annotated[int | None, Field(ge=1, description="First line (of a table: row) to show, from 1.")]
MaxLines = Annotated[int | None, Field(ge=1, le=10_000, description="Lines or rows at most.")]
Tail = Annotated[int | None, Field(ge=1, le=10_000, description="Show the last so many lines instead.")]
StartByte = Annotated[int | None, Field(ge=0, description="Read from this byte, for lines that are too long.")]
Columns = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Columns of a CSV, JSON-lines, Parquet or log_table file."),
]


def _check_combination(window: Window) -> None:
    if window.tail is not None and (window.start_line or window.max_lines or window.start_byte is not None):
        raise Problem("`tail` cannot be combined with start_line, max_lines or start_byte.", "Remove one of them.")
    if window.start_line is not None and window.start_byte is not None:
        raise Problem("`start_line` cannot be combined with start_byte.", "Remove one of them.")


def get_artifact_content(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_id: ArtifactOwners,
    artifact_path: ArtifactPath,
    select: Select = None,
    start_line: StartLine = None,
    max_lines: MaxLines = None,
    tail: Tail = None,
    start_byte: StartByte = None,
    columns: Columns = None,
) -> ArtifactContent | ImageAnswer:
    """Read a file of a run: config, results, JSON, YAML, log, CSV or Parquet table, image, PDF, HTML. The path may be loose:
    'config.yml', 'results.yml' or 'artifacts/eval_factory_metrics.json' finds the one file that ends so. Large files come in
    part: select out of JSON or YAML, lines from start_line, the last ones with tail ('*.log': of each). Several runs: their tables as one table,
    or what select takes out of each. search_artifacts finds lines in logs."""
    window = Window(start_line, max_lines, tail, start_byte)
    _check_combination(window)
    sources = sources_of(client, [run_id] if isinstance(run_id, str) else run_id)
    request = ContentRequest(window, select, columns)
    path = checked_path(artifact_path)
    if len(sources) != 1:
        return read_of_several(client, sources, path, request)
    answer = _of_one(client, sources[0][1], path, request)
    if isinstance(answer, ArtifactContent) and request == ContentRequest():
        owner = sources[0][1].owner
        client.parts("Whether the params agree", lambda: answer.note(of_content(client, owner, answer)))
    return answer


def _of_one(
    client: Client, source: ArtifactSource, path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    try:
        answer = with_path(source, path, lambda whole: read_content(client, source, whole, request))
    except SeveralFit as fitting:
        if request.window.tail is None:
            raise
        return ends_of(client, source, fitting, request)
    except CopiesDiffer as differ:
        return _equal_part(client, differ, request)
    except (RunNotFound, ModelNotFound):
        raise
    except NotFound as missing:
        raise _in_another_copy(client, source, path) or missing from None
    if isinstance(source, CopiesSource):
        answer.note(*source.remarks[-1:])
    return answer


def _equal_part(client: Client, differ: CopiesDiffer, request: ContentRequest) -> ArtifactContent:
    """What is selected out of a file whose copies differ, when that is the same in all of them; raises `differ` otherwise."""
    if request.select is None:
        raise differ
    read = [partial(read_content, client, client.artifacts(run_id), differ.path, request) for run_id in differ.run_ids]
    first, *others = client.run_concurrently(*read)
    part = getattr(first, "content", None)
    # What is hidden cannot be told to be equal.
    if part is None or HIDDEN in encoded(part) or any(getattr(other, "content", None) != part for other in others):
        raise differ
    assert isinstance(first, ArtifactContent)
    first.bytes = None
    first.note(
        f"This part is equal in all {len(read)} copies of this job that have the file; the files differ elsewhere."
    )
    return first


def _in_another_copy(client: Client, source: ArtifactSource, path: str) -> NotFound | None:
    """The sentence for a file that another copy of the run's job has."""
    if is_model(source.owner) or isinstance(source, CopiesSource):
        return None
    for run_id in unsearched_copies(client, [source.owner]):
        with suppress(Problem):
            whole = find_path(client.artifacts(run_id), path)
            return NotFound(
                f"This run has no artifact '{path}', but another copy of its job has.",
                f"Call get_artifact_content(run_id='{run_id}', artifact_path='{whole}').",
            )
    return None
