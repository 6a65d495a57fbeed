"""What a search of files looked at and what it left out, in sentences: kinds, folders, runs without logs, logs without an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, listed, plural
from mlflow_mcp.tools.artifacts.formats.detect import ending_of, is_log, is_worth_searching
from mlflow_mcp.tools.artifacts.found import Searched
from mlflow_mcp.tools.artifacts.owners import Owner

_NO_LOG = "is a log by its name (*.log, *.out, *.err, logs/)"
_MOST_KINDS = 5


@dataclass
class Scope:
    """The files of all owners, as far as they were listed."""

    paths: dict[str, list[str]] = field(default_factory=dict)  # by job, else by run or model
    names: dict[str, str] = field(default_factory=dict)  # likewise
    unread: int = 0  # folders of trees that are too large

    def add(self, owner: Owner, entries: Iterable[ArtifactEntry], unread: int) -> None:
        key = owner.job or owner.id
        self.paths.setdefault(key, []).extend(entry.path for entry in entries if not entry.is_dir)
        if owner.job in (None, owner.id):
            self.names[key] = owner.name
        self.unread += unread

    @property
    def all_paths(self) -> list[str]:
        return [path for of_job in self.paths.values() for path in of_job]

    @property
    def without_logs(self) -> list[str]:
        """The jobs and runs none of whose files is a log; none where not all could be listed."""
        if self.unread:
            return []
        return [key for key, paths in self.paths.items() if not is_model(key) and not any(map(is_log, paths))]

    def no_logs(self) -> str:
        """That there is no log at all among the files that were searched by default."""
        if not self.paths or len(self.without_logs) < len(self.paths):
            return ""
        kinds = _kinds([path for path in self.all_paths if is_worth_searching(path)])
        return f"No logs: none of the files of {plural(len(self.paths), 'run')} {_NO_LOG}. Searched: {kinds}."

    def some_without_logs(self) -> str:
        """Which runs have no log, where others have."""
        bare = self.without_logs
        if not bare or len(bare) == len(self.paths):
            return ""
        return f"No log among the files of {listed([self.names.get(key, key) for key in bare], 6)}."

    def not_searched(self) -> list[str]:
        """Which files a search of all text files left out."""
        sentences = []
        if left_out := Counter(ending_of(path) for path in self.all_paths if not is_worth_searching(path)):
            tried = left_out.most_common(1)[0][0]
            kinds = _kinds([path for path in self.all_paths if not is_worth_searching(path)])
            sentences.append(f"Not searched, binary by their endings: {kinds} (glob='*{tried}' tries).")
        return sentences

    def nothing_fits(self, globs: Sequence[str] | None) -> NotFound:
        """There is no file to search."""
        paths = self.all_paths
        if not paths:
            return NotFound(
                "These runs have no artifacts, so there is nothing to search.", "get_run shows what they logged."
            )
        if globs is None:
            return NotFound(f"None of {plural(len(paths), 'file')} is text.", "list_artifacts shows them.")
        close = hint(globs[0].rpartition("/")[2].strip("*"), {path.rpartition("/")[2] for path in paths})
        logs = f", none {_NO_LOG}" if len(self.without_logs) == len(self.paths) else ""
        return NotFound(
            f"None of {plural(len(paths), 'file')} fits {listed(globs)}; there are {_kinds(paths, 6)}{logs}.",
            f"{close} list_artifacts shows them.".strip(),
        )


def without_line_end(texts: Sequence[Searched]) -> str:
    """Which logs end inside a line, as far as they were read."""
    cut = [text.path for text in texts if text.result.ends_inside_line and is_log(text.path)]
    if not cut:
        return ""
    return f"The last line has no line end, in the log as it is stored: {listed(list(dict.fromkeys(cut)), 4)}."


def _kinds(paths: Sequence[str], most: int = _MOST_KINDS) -> str:
    kinds = [
        f"{count} {f'*{ending}' if ending else 'without an ending'}"
        for ending, count in Counter(map(ending_of, paths)).most_common()
    ]
    more = f" and {len(kinds) - most} more kinds" if len(kinds) > most else ""
    return ", ".join(kinds[:most]) + more
