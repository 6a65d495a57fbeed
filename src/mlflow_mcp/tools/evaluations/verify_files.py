"""What verifying a delivery reads: every file of a task in a copy of its job, really read, and parsed where it is small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from posixpath import basename
from typing import Any, Literal, NamedTuple, TypeVar

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.errors import NotFound, Problem, TimedOut
from mlflow_mcp.text import plural, short, size
from mlflow_mcp.tools.artifacts.formats.encoding import without_codes
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, parse
from mlflow_mcp.tools.evaluations.log_ends import LAST_BYTES, LogEnd, ends_told

State = Literal["ok", "absent", "wrong", "unreachable", "not exported"]
CONFIG, RESULTS, STATISTICS, LOGS = "config", "results.yml", "eval_factory_metrics.json", "logs"
# What the newer launcher has in their place: a bundle of config and scores, and a row for each answer.
BUNDLE, ROWS = "results bundle", "results.jsonl"
T = TypeVar("T")
# What is seen of an upload that broke off; some programs end their logs so, too.
CUT_OFF = "Logs whose last line has no line end"
ENDS = "Logs end with"

# The last one stands there in old exports of a whole invocation.
_CONFIGS = ("config.yml", "config.yaml", "run_config.yml")
# A larger file is not parsed: its beginning is read.
_PARSED_BYTES = 3_000_000
_MOST_LOGS = 12
# Reads that may fail before no more are tried, of one copy and of all that did not come in time: each of these takes seconds.
_MOST_FAILURES = 2
_MOST_LATE = 8
_NO_ANSWER = "not read, the store did not answer in time"
_REASON = 160


class Read(NamedTuple):
    """What reading a part came to, in few words where that is not "ok", and what is in the file."""

    state: State
    detail: str = ""
    content: Any = None


ABSENT = Read("absent")


class TaskFiles(NamedTuple):
    """The parts of a task in one copy of its job, by name; and remarks that make none of them wrong: what each is about, and
    what it says."""

    parts: dict[str, Read]
    remarks: tuple[tuple[str, str], ...] = ()
    names: frozenset[str] = frozenset()  # of its files, logs as one; of a folder that could be listed

    @property
    def scored(self) -> str:
        """The part that records the scores."""
        return BUNDLE if BUNDLE in self.parts else RESULTS


class Reader:
    """Reads of a store that may not answer: what hangs or fails is `unreachable`, never absent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._failures: Counter[str] = Counter()
        self._late = 0

    def entries(self, run_id: str, folder: str) -> list[ArtifactEntry] | Read:
        """What a folder holds; nothing for one that is not there."""
        found = self._ask(run_id, partial(self._client.artifacts(run_id).entries, folder))
        return [] if found is ABSENT else found

    def parsed(self, run_id: str, entry: ArtifactEntry) -> Read:
        """A listed file of YAML or JSON with its content."""
        found = self._ask(run_id, partial(self._client.artifacts(run_id).read, entry.path, 0, _PARSED_BYTES))
        if isinstance(found, Read):
            return _listed_only(found, entry)
        if not found.data.strip():
            return Read("wrong", f"{basename(entry.path)} is empty")
        if not found.is_end and found.total is not None:
            return Read("ok", f"{basename(entry.path)} has {size(found.total)} and was not parsed")
        try:
            content = parse("json" if entry.path.endswith("json") else "yaml", found.data.decode("utf-8", "replace"))
        except Unparsable as error:
            return Read("wrong", f"{basename(entry.path)} cannot be parsed: {short(str(error), _REASON)}")
        if not isinstance(content, dict):
            return Read("wrong", f"{basename(entry.path)} holds no names and values")
        return Read("ok", content=content)

    def ended(self, run_id: str, entry: ArtifactEntry) -> Read:
        """The end of a listed log, as `LogEnd`."""
        found = self._ask(run_id, partial(self._client.artifacts(run_id).read, entry.path, -LAST_BYTES, LAST_BYTES))
        if isinstance(found, Read):
            return _listed_only(found, entry)
        if not found.data:
            return Read("wrong", f"{basename(entry.path)} is empty")
        end = without_codes(found.data.rstrip(b"\0"))
        if len(found.data) >= LAST_BYTES:  # it begins inside a line, perhaps inside a secret
            end = end[end.find(b"\n", 0, -1) + 1 :] if b"\n" in end[:-1] else end[-1:]
        return Read("ok", content=LogEnd.of(basename(entry.path), self._client.masked(end.decode("utf-8", "replace"))))

    def lines(self, run_id: str, entry: ArtifactEntry) -> Read:
        """How many lines a listed file has, as its content; None for a large file."""
        found = self._ask(run_id, partial(self._client.artifacts(run_id).read, entry.path, 0, _PARSED_BYTES))
        if isinstance(found, Read):
            return _listed_only(found, entry)
        if not found.data.strip():
            return Read("wrong", f"{basename(entry.path)} is empty")
        return Read("ok", content=len(found.data.splitlines()) if found.is_end else None)

    def side_by_side(self, *jobs: Callable[[], T]) -> list[T]:
        return self._client.run_concurrently(*jobs)

    def _ask(self, run_id: str, request: Callable[[], Any]) -> Any:
        if self._failures[run_id] >= _MOST_FAILURES or self._late >= _MOST_LATE or self._client.call.is_late:
            return Read("unreachable", _NO_ANSWER)
        try:
            return self._client.part(request)
        except NotFound:
            return ABSENT
        except Problem as problem:  # nothing is known of a file that the store does not give
            self._failures[run_id] += 1
            self._late += isinstance(problem, TimedOut)
            return Read("unreachable", _NO_ANSWER if isinstance(problem, TimedOut) else short(problem.failed, _REASON))


def _listed_only(found: Read, entry: ArtifactEntry) -> Read:
    """A file that the store lists and does not have is not simply absent."""
    return Read("wrong", f"{basename(entry.path)} is listed and not there") if found is ABSENT else found


def read_tasks(reader: Reader, copy: LauncherRun) -> dict[str, TaskFiles]:
    """The files of the tasks that a copy holds, by folder (`<harness>.<task>`): one, of an old run of a whole invocation
    several. The folder is "" where the copy has none."""
    root = reader.entries(copy.run_id, "")
    if isinstance(root, Read):
        return {"": TaskFiles(dict.fromkeys((CONFIG, RESULTS, STATISTICS, LOGS), root))}
    configs = [entry for name in _CONFIGS for entry in root if entry.path == name]
    config = partial(reader.parsed, copy.run_id, configs[0]) if configs else lambda: ABSENT
    folders = _folders(copy, root)
    found: list[Any] = reader.side_by_side(
        config, *(partial(_read_folder, reader, copy.run_id, folder) for folder in folders)
    )
    tasks = {folder: _with(CONFIG, found[0], each) for folder, each in zip(folders, found[1:])}
    nothing = dict.fromkeys((RESULTS, STATISTICS, LOGS), ABSENT)
    return tasks or {"": TaskFiles({CONFIG: found[0], **nothing})}


def _with(part: str, read: Read, files: TaskFiles) -> TaskFiles:
    return files._replace(parts={part: read, **files.parts})


def _folders(copy: LauncherRun, root: Sequence[ArtifactEntry]) -> list[str]:
    """The task's folder by its tags, else by its task's name; of a run without a task all that look like one."""
    dirs = [entry.path for entry in root if entry.is_dir]
    if copy.results_folder:
        own = copy.results_folder.rpartition("/")[0]
        return [own] if own in dirs else []
    return [each for each in dirs if "." in each and (copy.task is None or each.endswith(f".{copy.task}"))]


def _read_folder(reader: Reader, run_id: str, folder: str) -> TaskFiles:
    own, below, logs = reader.side_by_side(
        *(partial(reader.entries, run_id, path) for path in (folder, f"{folder}/artifacts", f"{folder}/logs"))
    )
    if isinstance(own, Read) or isinstance(below, Read):
        failed = own if isinstance(own, Read) else below
        assert isinstance(failed, Read)
        return TaskFiles(dict.fromkeys((RESULTS, STATISTICS, LOGS), failed))
    # The oldest launchers have no folder `artifacts`.
    named = {basename(entry.path): entry for entry in (*own, *below) if not entry.is_dir}
    results, statistics, read_logs = reader.side_by_side(
        partial(_parsed_if_listed, reader, run_id, named.get(RESULTS)),
        partial(_parsed_if_listed, reader, run_id, named.get(STATISTICS)),
        partial(_read_logs, reader, run_id, logs),
    )
    names = frozenset([*named, *([LOGS] if read_logs.state == "ok" else [])])
    return TaskFiles({RESULTS: results, STATISTICS: statistics, LOGS: read_logs}, _remarks(read_logs), names)


def _parsed_if_listed(reader: Reader, run_id: str, entry: ArtifactEntry | None) -> Read:
    return reader.parsed(run_id, entry) if entry else ABSENT


def _read_logs(reader: Reader, run_id: str, listed: list[ArtifactEntry] | Read) -> Read:
    """The ends of the logs: wrong when all of them are empty; `content` is how many there are, and remarks on single ones."""
    if isinstance(listed, Read):
        return listed
    files = [entry for entry in listed if not entry.is_dir]
    if not files:
        return ABSENT
    found = reader.side_by_side(*(partial(reader.ended, run_id, entry) for entry in files[:_MOST_LOGS]))
    for state in ("unreachable", "wrong"):
        failed = [read for read in found if read.state == state]
        if state == "unreachable" and failed:
            return failed[0]
        if len(failed) == len(found):
            return Read("wrong", f"all {plural(len(found), 'log')} are empty" if len(found) > 1 else failed[0].detail)
    remarks = [("Empty or missing logs", read.detail) for read in found if read.state != "ok"]
    ends: list[LogEnd] = [read.content for read in found if read.state == "ok"]
    remarks += [(CUT_OFF, end.name) for end in ends if not end.ends_line]
    remarks += [(ENDS, told) for told in ends_told(ends)]
    return Read("ok", content=(len(files), remarks))


def _remarks(logs: Read) -> tuple[tuple[str, str], ...]:
    return tuple(logs.content[1]) if logs.state == "ok" else ()


def read_newer(reader: Reader, copy: LauncherRun) -> TaskFiles:
    """The files of a run of the newer launcher: a bundle of config and scores, the rows of the samples, and logs."""
    folder = str(copy.task or "").replace("/", "_")
    listed, logs = reader.side_by_side(
        *(partial(reader.entries, copy.run_id, path) for path in (folder, f"{folder}/logs"))
    )
    if isinstance(listed, Read):
        return TaskFiles(dict.fromkeys((BUNDLE, ROWS), listed))
    bundle = next((each for each in listed if basename(each.path) == f"{copy.job_id}.json"), None)
    rows = next((each for each in listed if basename(each.path) == ROWS), None)
    results, lines, read_logs = reader.side_by_side(
        partial(_parsed_if_listed, reader, copy.run_id, bundle),
        lambda: reader.lines(copy.run_id, rows) if rows else ABSENT,
        partial(_read_logs, reader, copy.run_id, logs),
    )
    return TaskFiles({BUNDLE: results, ROWS: lines, LOGS: read_logs}, _remarks(read_logs))
