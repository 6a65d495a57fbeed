"""One sample of a run as it is compared, and all samples of one side. Pure."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.tools.runs.samplewise.read.columns import Columns, Path, at, name_of
from mlflow_mcp.tools.runs.samplewise.read.lines import Line
from mlflow_mcp.tools.runs.samplewise.read.values import digest, is_verdict, plain, score_of

_FILTER = ("filter",)
TASK = "task"


@dataclass(frozen=True)
class Score:
    """Which score is compared: its column, the filter whose rows count, and why this one."""

    name: str
    path: Path
    filter: str | None = None
    why: str = ""

    @property
    def label(self) -> str:
        return f"{self.name},{self.filter}" if self.filter else self.name


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of a row. `doc` and `input` are digests of the question, `line` and `file` say where it stands."""

    file: int
    line: Line
    filter: str | None
    ids: Mapping[str, str]
    repeat: str | None
    doc: bytes | None
    input: bytes | None
    target: bytes | None
    score: float | None
    groups: Mapping[str, str]


@dataclass
class Samples:
    """The samples of one side, of one score, and what was wrong with the others."""

    samples: list[Sample] = field(default_factory=list)
    broken: int = 0
    unscored: int = 0
    says_right: bool = True  # every score is a word or a boolean that says right or wrong by itself
    filters: Counter[str] = field(default_factory=Counter)
    is_cut: bool = False  # there are more rows than are compared

    def add(self, line: Line, columns: Columns, score: Score, place: tuple[int, str, str | None]) -> None:
        """Take in a row of the file number `place[0]`, which holds the task and the repeat of that name."""
        row = line.row
        if row is None:
            self.broken += 1
            return
        own_filter = plain(at(row, _FILTER)) if columns.has_filters else None
        if own_filter is not None:
            self.filters[own_filter] += 1
        value = at(row, score.path)
        number = score_of(value)
        if number is not None:
            self.says_right = self.says_right and is_verdict(value)
        self.samples.append(_sample(line, row, columns, (number, own_filter), place))

    def scored(self, filter: str | None) -> list[Sample]:
        """Those with a score, of one filter where it is named; the others are counted as `unscored`."""
        own = [sample for sample in self.samples if filter is None or sample.filter == filter]
        found = [sample for sample in own if sample.score is not None]
        self.unscored = len(own) - len(found)
        return found


def _sample(
    line: Line,
    row: Mapping[str, Any],
    columns: Columns,
    scored: tuple[float | None, str | None],
    place: tuple[int, str, str | None],
) -> Sample:
    file, task, repeat = place
    score, filter = scored
    prefix = f"{task}: " if task else ""
    ids = {
        ".".join(path): f"{prefix}{value}"
        for path in columns.ids
        if isinstance(value := at(row, path), (str, int)) and not isinstance(value, bool)
    }
    groups = {
        name_of(path): sys.intern(str(value)[:60])
        for path in columns.groups
        if isinstance(value := at(row, path), (str, int)) and len(str(value)) <= 60
    }
    if task:
        groups[TASK] = task
    own = at(row, columns.repeat)
    keeps_row = not line.length
    return Sample(
        file=file,
        filter=filter,
        line=line if keeps_row else Line(line.number, None, line.start, line.length),
        ids=ids,
        repeat=repeat if own is None else f"{repeat or ''}{plain(own)}",
        doc=digest(f"{prefix}{row['doc_hash']}") if row.get("doc_hash") else None,
        input=digest(f"{prefix}{plain(at(row, columns.input))}") if at(row, columns.input) else None,
        target=digest(at(row, columns.expected)),
        score=score,
        groups=groups,
    )
