"""What a search found, as tables: files of several runs with the very same matches are one row, named like one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.answers.table import Table
from mlflow_mcp.text import plural, short_id
from mlflow_mcp.tools.artifacts.grep import Hit, SearchResult
from mlflow_mcp.tools.artifacts.owners import Owner

MOST_ROWS = 50
# Files without a match are listed when they are no more than this.
_MOST_WITHOUT = 5
_MOST_NAMES = 4
# Names of several runs that are written again beside each line.
_LONGEST_NAMES = 40
# With the lines of so many files an answer is read for its counts; their lines get a share of it.
_FEW_FILES = 3
_SHARE_OF_LINES = 1 / 4


@dataclass(frozen=True)
class Searched:
    """A text file, and what was found in it; `copies` of the job have it and gave the same."""

    owner: Owner
    path: str
    result: SearchResult
    copies: int = 1

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def run(self) -> str:
        return self.owner.name if self.copies == 1 else f"{self.owner.name} (same in {self.copies} copies)"


@dataclass(frozen=True)
class SameMatches:
    """Files of one name, of different runs, in which the very same was found."""

    files: list[Searched]
    of_all: int  # how many runs were searched

    @property
    def result(self) -> SearchResult:
        return self.files[0].result

    @property
    def lines(self) -> int | str:
        return _span([file.result.lines for file in self.files])

    def place_of(self, nth: int) -> int | str:
        """The line of a match, or between which lines it is in these files."""
        return _span([file.result.hits[nth].number for file in self.files])

    @property
    def run(self) -> str:
        if len(self.files) == 1:
            return self.files[0].run
        if len({file.owner.job or file.owner.id for file in self.files}) == self.of_all == len(self.files):
            return f"all searched, {self.counted}"
        names = [file.owner.name for file in self.files]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return ", ".join(names[:_MOST_NAMES]) + more

    @property
    def counted(self) -> str:
        """`6 runs`; of a launcher's `6 jobs of a91c44e0`, `6 jobs (4 of a91c44e0, 2 of 5be2f7d0)`."""
        jobs = {file.owner.job or file.owner.id: file.owner.invocation for file in self.files}
        counts = Counter(short_id(id_) for id_ in jobs.values() if id_)
        if counts.total() < len(jobs):
            return plural(len(jobs), "run")
        parts = ", ".join(f"{count} of {id_}" for id_, count in counts.items())
        return (
            f"{plural(len(jobs), 'job')} ({parts})" if len(counts) > 1 else f"{len(jobs)} jobs of {next(iter(counts))}"
        )

    @property
    def path(self) -> str:
        """The path, or a glob of the end that all have in common."""
        paths = [file.path.split("/")[::-1] for file in self.files]
        common = next((at for at, parts in enumerate(zip(*paths)) if len(set(parts)) > 1), min(map(len, paths)))
        end = "/".join(paths[0][:common][::-1])
        return end if all(len(parts) == common for parts in paths) else f"*/{end}"


def folded(texts: Sequence[Searched]) -> list[SameMatches]:
    """The files, those of different runs with the very same matches in one. Files of one run stay apart."""
    groups = _same(texts, in_places=True)
    if sum(bool(files[0].result.count) for files in groups) > _FEW_FILES:
        groups = _same(texts, in_places=False)
    of_all = len({text.owner.job or text.owner.id for text in texts})
    at = {(text.owner.id, text.path): place for place, text in enumerate(texts)}
    rows = [SameMatches(files, of_all) for files in groups]
    return sorted(rows, key=lambda row: min(at[file.owner.id, file.path] for file in row.files))


def _same(texts: Sequence[Searched], *, in_places: bool) -> list[list[Searched]]:
    """The files with the same matches; with `in_places` at the same lines, too, of files with as many lines."""
    groups: dict[tuple[Any, ...], list[Searched]] = {}
    of_run: Counter[tuple[Any, ...]] = Counter()
    for text in sorted(texts, key=lambda text: text.path.count("/")):
        result = text.result
        hits = tuple((hit.number * in_places, hit.text, *hit.before, *hit.after) for hit in result.hits)
        same = (text.name, result.count, result.lines * in_places, result.complete, hits)
        # Without a line that is shown nothing tells that the matches are the same.
        nth = of_run[text.owner.id, same] if hits else (text.owner.id, text.path)
        of_run[text.owner.id, same] += 1
        groups.setdefault((*same, nth), []).append(text)
    return list(groups.values())


def _span(numbers: Sequence[int]) -> int | str:
    """`66`, or `53-79` where files differ."""
    return numbers[0] if len(set(numbers)) == 1 else f"{min(numbers)}-{max(numbers)}"


def file_table(rows: Sequence[SameMatches]) -> Table:
    by_count = sorted(rows, key=lambda row: -row.result.count)
    with_matches = [row for row in by_count if row.result.count]
    shown = with_matches[:MOST_ROWS] or (by_count if len(by_count) <= _MOST_WITHOUT else [])
    cells = [
        [row.run, row.path, row.result.count, row.lines, len(row.files) if len(row.files) > 1 else None]
        for row in shown
    ]
    return Table.of(["run", "path", "matches", "lines", "files"], cells, keep=("path", "matches"))


def match_table(rows: Sequence[SameMatches], budget: Budget, *, last: bool) -> tuple[Table | None, str]:
    """The lines, of many files as many of each as there is room for; and a sentence about those left out."""
    found = [row for row in rows if row.result.hits]
    if not found:
        return None, ""
    paths = {file.path for row in found for file in row.files}
    count_of_name = Counter(path.rpartition("/")[2] for path in paths)
    shared = {row.files[0].name for row in found if len(row.files) > 1}
    cells = [
        [
            _cells(row, nth, is_unique=count_of_name[row.files[0].name] == 1 and row.files[0].name not in shared)
            for nth in range(len(row.result.hits))
        ]
        for row in found
    ]
    most = _lines_that_fit(cells, budget)
    kept = [line for lines in cells for line in (lines[-most:] if last else lines[:most])]
    table = Table.of(["run", "file", "line", "text", "context"], kept, keep=("line", "text"))
    if len(kept) == sum(map(len, cells)):
        return table, ""
    which = "the last" if last else "the first"
    return table, (
        f"Of each file only {which} {plural(most, 'matching line')} shown, for room; all are counted. "
        "Fewer files (glob, run_ids) show up to max_matches."
    )


def _cells(row: SameMatches, nth: int, *, is_unique: bool) -> list[Any]:
    hit: Hit = row.result.hits[nth]
    around = {"before": hit.before, "after": hit.after} if hit.before or hit.after else None
    # The table of files names the runs of a row that stands for many.
    run = row.run if len(row.files) == 1 or len(row.run) <= _LONGEST_NAMES else row.counted
    return [run, row.files[0].name if is_unique else row.path, row.place_of(nth), hit.text, around]


def _lines_that_fit(cells: Sequence[Sequence[list[Any]]], budget: Budget) -> int:
    """How many lines of each file: all of a few files, which the whole answer is for; else at least one."""
    longest = max(map(len, cells))
    if len(cells) <= _FEW_FILES:
        return longest
    room = int(budget.content * _SHARE_OF_LINES)
    for count in range(longest):
        room -= sum(len(encoded(lines[count])) for lines in cells if count < len(lines))
        if room < 0:
            return max(count, 1)
    return longest
