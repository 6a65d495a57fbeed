"""The last lines of several files of one run, such as all of its logs."""

from __future__ import annotations

from functools import partial

from mlflow_mcp.answers.budget import Budget
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural, short
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest
from mlflow_mcp.tools.artifacts.formats.read import read_content
from mlflow_mcp.tools.artifacts.paths import SeveralFit

MOST_FILES = 12


def ends_of(client: Client, source: ArtifactSource, fitting: SeveralFit, request: ContentRequest) -> ArtifactContent:
    """The end of each file that fits, by its path; each has the same room. Raises `fitting` for too many."""
    paths = fitting.paths
    if len(paths) > MOST_FILES:
        raise fitting
    room = Budget.of(client.settings.max_chars).content // (2 * len(paths))
    read = client.run_concurrently(*(partial(_end, client, source, path, request, room) for path in paths))
    answer = ArtifactContent(path=fitting.pattern, content={path: text for path, (text, _) in zip(paths, read)})
    answer.note(f"The ends of {plural(len(paths), 'file')}, by path.")
    by_note: dict[str, list[str]] = {}
    for path, (_, notes) in zip(paths, read):
        for note in notes:
            by_note.setdefault(note, []).append(path.rpartition("/")[2])
    answer.note(*(f"{', '.join(names)}: {note}" for note, names in by_note.items()))
    return answer


def _end(
    client: Client, source: ArtifactSource, path: str, request: ContentRequest, room: int
) -> tuple[str, list[str]]:
    """The last lines of a file, in so many characters, and what is to be said of it."""
    try:
        part = read_content(client, source, path, request)
    except Problem as problem:
        return "", [short(problem.failed, 160)]
    if not isinstance(part, ArtifactContent) or part.text is None:
        return "", ["It is no text."]
    text = client.masked(part.text)
    notes = list(part.notes or ())
    return (text, notes) if len(text) <= room else (text[-room:].partition("\n")[2], [*notes, "Its last lines only."])
