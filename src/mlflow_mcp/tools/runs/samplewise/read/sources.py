"""Where a run keeps its samples: in which files of which copy, or in its traces; and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.errors import Problem, Unreachable, UnsupportedByServer
from mlflow_mcp.tools.artifacts.formats.detect import kind_by_name
from mlflow_mcp.tools.runs.samplewise.read.columns import Columns, Row
from mlflow_mcp.tools.runs.samplewise.read.files import SampleFile, sample_files
from mlflow_mcp.tools.runs.samplewise.read.lines import MOST_ROWS, Line, lines_of, row_of
from mlflow_mcp.tools.runs.samplewise.read.samples import Samples, Score
from mlflow_mcp.tools.runs.samplewise.read.traces import lines_of_traces

_HEAD_ROWS = 50
_HEADS = (256_000, 4_000_000)
MOST_PARTS = 200


@dataclass(frozen=True)
class Part:
    """One file, or the traces (`file` is None), with the columns of its rows."""

    file: SampleFile | None
    columns: Columns


@dataclass(frozen=True)
class Found:
    """The samples of one task of a side, not read yet: parts with the same scores, all of one run."""

    run: LauncherRun
    parts: Sequence[Part]
    label: str = ""

    @property
    def paths(self) -> list[str]:
        return [part.file.path for part in self.parts if part.file]

    @property
    def tasks(self) -> set[str]:
        """The subtasks that its files name."""
        return {part.file.task for part in self.parts if part.file and part.file.task}

    @property
    def scores(self) -> list[str]:
        """The scores that all parts have."""
        first, *others = [part.columns.scores for part in self.parts]
        return [name for name in first if all(name in other for other in others)]

    @property
    def older(self) -> int:
        return sum(part.file.older for part in self.parts if part.file)


@dataclass
class Looked:
    """What was found in a job, and what could not be read on the way."""

    found: list[Found] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # parts of an evaluation without a row that can be read
    differing: list[str] = field(default_factory=list)  # copies whose file of the same path is another
    paths: list[str] = field(default_factory=list)  # every file of all copies


def look(
    client: Client, copies: Sequence[LauncherRun], named_path: str | None, metric: str | None, folder: str | None = None
) -> Looked:
    """The per-sample files of the first copy that has some, else its traces. `folder` is the end of the folder at the root
    that is looked into."""
    looked = Looked()
    sources = {copy.run_id: client.artifacts(copy.run_id) for copy in copies}
    listings = client.run_concurrently(*(source.tree for source in sources.values()))
    trees = [[each for each in entries if not folder or _is_in(each.path, folder)] for entries, _ in listings]
    looked.paths = list(dict.fromkeys(entry.path for entries in trees for entry in entries if not entry.is_dir))
    for copy, entries in zip(copies, trees):
        evaluations: list[list[Part]] = []
        kind = None
        for rank, group in sample_files(entries, named_path):
            if kind in (None, rank) and (parts := _parts(client, sources[copy.run_id], looked, metric, group)):
                evaluations.append(parts)
                kind = rank
        if evaluations:
            looked.found = [found for parts in evaluations for found in _by_scores(copy, parts)]
            looked.differing = _differing(looked.found, copies, trees)
            return looked
    if named_path and named_path != "traces":
        return looked
    for copy in copies:
        columns = Columns.of(_head_of_traces(client, copy))
        if _is_usable(columns, metric):
            looked.found = [Found(copy, [Part(None, columns)])]
            return looked
    return looked


def read_samples(client: Client, found: Found, score: Score, *, by_task: bool) -> Samples:
    """All samples of these parts that have the score. `by_task`: each belongs to the task that its file names."""
    samples = Samples()
    for number, part in enumerate(found.parts):
        path = part.columns.score_path(score.name)
        own = replace(score, path=path or score.path)
        task = part.file.task if part.file and by_task else ""
        repeat = part.file.repeat if part.file else None
        for line in _lines(client, found, part):
            if len(samples.samples) >= MOST_ROWS:
                samples.is_cut = True
                return samples
            samples.add(line, part.columns, own, (number, task, repeat))
    return samples


def _lines(client: Client, found: Found, part: Part) -> Iterator[Line]:
    if part.file is None:
        return lines_of_traces(client, found.run.run_id, found.run.entity.info.experiment_id)
    return lines_of(client, client.artifacts(found.run.run_id), part.file.entry)


def _is_in(path: str, folder: str) -> bool:
    return path.partition("/")[0].endswith(folder)


def _parts(
    client: Client, source: ArtifactSource, looked: Looked, metric: str | None, group: Sequence[SampleFile]
) -> list[Part]:
    """The files of a group that hold samples, with their columns."""
    looks = (partial(_head, client, source, file) for file in group[:MOST_PARTS])
    heads = client.run_concurrently(*looks, steps=client.call.steps("looked into", "file"))
    parts = []
    for file, head in zip(group, heads):
        if isinstance(head, Problem):
            looked.unread.append(str(head))
        elif _is_usable(columns := Columns.of(head), metric):
            parts.append(Part(file, columns))
    if parts:
        read = {part.file for part in parts}
        looked.skipped += [file.path for file in group if file not in read]
    return parts


def _head(client: Client, source: ArtifactSource, file: SampleFile) -> list[Row] | Problem:
    """The first rows of a file, or why there are none."""
    try:
        if kind_by_name(file.path).name != "jsonl":
            return _objects(islice(lines_of(client, source, file.entry), _HEAD_ROWS))
        for length in _HEADS:
            content = source.read(file.path, 0, length)
            lines = content.data.split(b"\n")
            rows = [row for line in lines[:_HEAD_ROWS] if line.strip() and (row := row_of(line)) is not None]
            if rows or content.is_end:
                return rows
    except Unreachable:
        raise
    except Problem as problem:
        return problem
    return []


def _head_of_traces(client: Client, run: LauncherRun) -> list[Row]:
    try:
        return _objects(lines_of_traces(client, run.run_id, run.entity.info.experiment_id, _HEAD_ROWS))
    except UnsupportedByServer:  # a server without traces has none of this run
        return []


def _differing(
    found: Sequence[Found], copies: Sequence[LauncherRun], trees: Sequence[Sequence[ArtifactEntry]]
) -> list[str]:
    """The copies of the job whose file of the same path has another size."""
    sizes = {part.file.path: part.file.entry.size for each in found for part in each.parts if part.file}
    return [
        copy.run_id
        for copy, entries in zip(copies, trees)
        if any(entry.size != sizes.get(entry.path, entry.size) for entry in entries)
    ]


def _objects(lines: Iterable[Line]) -> list[Row]:
    return [line.row for line in lines if line.row is not None]


def _is_usable(columns: Columns, metric: str | None) -> bool:
    """Whether these are samples: they have a score, and something that tells which question it is of."""
    names = (metric, metric.rpartition(",")[0]) if metric else ()
    scored = any(name in columns.numeric for name in names) if metric else bool(columns.scores)
    return scored and bool(columns.ids or columns.input or columns.has_filters)


def _by_scores(run: LauncherRun, parts: Sequence[Part]) -> list[Found]:
    """The parts with the same scores together: files of one evaluation's subtasks, or of several evaluations."""
    groups: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        groups.setdefault(tuple(sorted(part.columns.scores)), []).append(part)
    return [Found(run, of_group, _label(of_group)) for of_group in groups.values()]


def _label(parts: Sequence[Part]) -> str:
    names = [part.file.task or part.file.path for part in parts if part.file]
    return names[0] if len(set(names)) == 1 else f"{names[0]} and {len(names) - 1} more"
