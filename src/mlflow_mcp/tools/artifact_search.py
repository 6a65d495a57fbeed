"""Looking into many artifacts at once, and laying two side by side."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp import parsing, resolve
from mlflow_mcp.artifact_places import is_model
from mlflow_mcp.artifact_source import ArtifactSource, Entry, checked_path
from mlflow_mcp.errors import NotFound, Problem, hint, listed
from mlflow_mcp.evaluation import task_of
from mlflow_mcp.log_search import Finder, Found
from mlflow_mcp.lookup import fits, whole_file
from mlflow_mcp.output import Answer, Page, Table, clip, plural
from mlflow_mcp.params import RunIds, one_or_many
from mlflow_mcp.text_content import cleaned, encoding_of
from mlflow_mcp.tracking import Tracking

Pattern = Annotated[
    str, Field(min_length=1, max_length=2_000, description="Regular expression, e.g. 'HTTP (429|5\\d\\d)|OOM'.")
]
FileGlobs = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Which files: globs such as '**/*.log' or 'client-*'. Default: all text files."),
]
Plain = Annotated[bool, Field(description="Take the pattern as plain text.")]
IgnoreCase = Annotated[bool, Field(description="Fold upper and lower case.")]
MaxMatches = Annotated[int, Field(ge=0, le=1_000, description="Lines shown per file at most; all are counted.")]
Last = Annotated[bool, Field(description="Show the last matches instead of the first.")]
Context = Annotated[int, Field(ge=0, le=20, description="Lines around each match.")]

MOST_FILES = 200
# Never text, whatever they hold: not worth a request each.
_NOT_TEXT = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".zip", ".gz", ".tar", ".pkl", ".pickle", ".pt", ".pth", ".bin",
             ".safetensors", ".parquet", ".npy", ".npz", ".onnx", ".h5", ".whl", ".model")  # fmt: skip


class Matches(Page):
    """`files`: matching lines counted in each file; `matches`: the lines, numbered from 1."""

    pattern: str
    total: Annotated[int, Field(description="Matching lines in all files.")]
    files: Table
    matches: Table | None = None


def search_artifacts(
    tracking: Tracking,
    run_ids: RunIds,
    pattern: Pattern,
    glob: FileGlobs = None,
    plain: Plain = False,
    ignore_case: IgnoreCase = False,
    max_matches: MaxMatches = 10,
    last: Last = False,
    context: Context = 0,
) -> Matches:
    """Grep the logs and other text files of one or many runs (or invocations) on the spot: exact counts of matching lines
    per file, and the first or last of them with line numbers. For errors, finish_reason=length, HTTP 429 or 500, OOM in
    megabytes of logs. get_artifact_content with start_line shows what stands around a match."""
    owners = owners_of(tracking, run_ids)
    trees = tracking.side_by_side(*(ArtifactSource(tracking, owner).tree for owner, _ in owners))
    files = [(owner, name, e) for (owner, name), (tree, _) in zip(owners, trees) for e in tree if _is_wanted(e, glob)]
    if not files:
        raise _no_files([e.path for tree, _ in trees for e in tree if not e.is_dir], glob)
    seconds = max(1.0, tracking.call.remaining * 0.8)
    finder = Finder(
        pattern, plain=plain, ignore_case=ignore_case, most=max_matches, last=last, context=context, seconds=seconds
    )
    searched = tracking.side_by_side(*(partial(_search, tracking, finder, o, e) for o, _, e in files[:MOST_FILES]))
    told = [(name, entry.path, found) for (_, name, entry), found in zip(files, searched) if found.is_text]
    answer = Matches(
        pattern=pattern,
        total=sum(found.count for _, _, found in told),
        files=_file_table(told),
        matches=_match_table(told),
    )
    if len(files) > MOST_FILES:
        answer.note(f"Only {MOST_FILES} of {len(files)} files were searched; narrow glob for the others.")
    unfinished = [path for _, path, found in told if not found.complete]
    if unfinished:
        answer.note(f"NOT searched to their end, the time was up: {listed(unfinished, 5)}. Narrow glob or run_ids.")
    skipped = sum(not found.is_text for found in searched)
    if skipped:
        answer.note(f"{plural(skipped, 'binary file')} left out.")
    return answer


def owners_of(tracking: Tracking, given: Sequence[str]) -> list[tuple[str, str]]:
    """(owner of artifacts, name for people) of each run, model, or run of an invocation."""
    models = [(text.strip(), text.strip()) for text in given if is_model(text.strip())]
    runs = resolve.runs_of(tracking, [text for text in given if not is_model(text.strip())])
    names = [task_of(run) or run.info.run_name or "run" for run in runs]
    named = [
        (run.info.run_id, name if names.count(name) == 1 else f"{name} {run.info.run_id[:8]}")
        for run, name in zip(runs, names)
    ]
    return models + named


def _is_wanted(entry: Entry, globs: Sequence[str] | None) -> bool:
    if entry.is_dir:
        return False
    if globs is None:
        return not entry.path.lower().endswith(_NOT_TEXT)
    return any(fits(entry.path, each) for each in globs)


def _no_files(paths: Sequence[str], globs: Sequence[str] | None) -> NotFound:
    if not paths:
        return NotFound(
            "These runs have no artifacts, so there is nothing to search.", "get_run shows what they logged."
        )
    names = {path.rpartition("/")[2] for path in paths}
    wanted = listed(list(globs or ()))
    close = hint((globs or [""])[0].rpartition("/")[2].strip("*"), names)
    return NotFound(
        f"None of {plural(len(paths), 'file')} fits {wanted}.", f"{close} list_artifacts shows them.".strip()
    )


def _search(tracking: Tracking, finder: Finder, owner: str, entry: Entry) -> Found:
    if tracking.call.is_late:
        return Found(complete=False)
    return finder.search(ArtifactSource(tracking, owner).stream(entry.path))


def _file_table(told: Sequence[tuple[str, str, Found]]) -> Table:
    rows = [[name, path, found.count, found.lines] for name, path, found in sorted(told, key=lambda row: -row[2].count)]
    hits = [row for row in rows if row[2]]
    shown = hits or rows
    return Table.of(["run", "path", "matches", "lines"], shown[:50], keep=("path", "matches"))


def _match_table(told: Sequence[tuple[str, str, Found]]) -> Table | None:
    rows: list[list[Any]] = []
    for name, path, found in told:
        for hit in found.hits:
            around = {"before": list(hit.before), "after": list(hit.after)} if hit.before or hit.after else None
            rows.append([name, path.rpartition("/")[2], hit.number, hit.text, around])
    return Table.of(["run", "file", "line", "text", "context"], rows, keep=("line", "text")) if rows else None


# -- differences ---------------------------------------------------------------------------------------------------

TwoRuns = Annotated[
    RunIds, Field(description="Two or more run ids (or models); the first is compared with each of the others.")
]
DiffPath = Annotated[
    str,
    Field(
        min_length=1,
        description="File, or the end of its path, or a folder ('/': all). 'config' finds config.yml or config.yaml.",
    ),
]
_PARSED = {".json": "json", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml"}
_MOST_ROWS = 200
_UNIFIED_LINES = 300


class Difference(Answer):
    """What differs between the first run (A) and the others (B, C, …): rows of a structural diff
    (`change` is added, removed or changed), a unified diff of text, or files by name and size."""

    sides: dict[str, str]
    identical: bool
    changes: Table | None = None
    unified: Annotated[dict[str, str] | None, Field(description="By pair of sides.")] = None
    equal: Annotated[int | None, Field(description="Values, or files, that are the same on both sides.")] = None


def diff_artifacts(tracking: Tracking, run_ids: TwoRuns, artifact_path: DiffPath) -> Difference:
    """Compare the same file of two or more runs: keys added, removed and changed with both values for YAML and JSON (order
    ignored), a unified diff for text, files by name and size for a folder. 'config' finds each run's config. compare_runs
    compares metrics and params."""
    owners = owners_of(tracking, run_ids)
    if len(owners) < 2:
        raise Problem("A difference needs two runs.", "Give run_ids two or more ids.")
    if len(owners) > 8:
        raise Problem(f"{len(owners)} sides are too many to read.", "Give at most 8.")
    sources = [ArtifactSource(tracking, owner) for owner, _ in owners]
    labels = [chr(65 + at) for at in range(len(owners))]
    wanted = artifact_path.strip()
    if wanted in ("/", ".", "") or wanted.endswith("/"):
        return _folders(tracking, sources, labels, owners, checked_path(wanted.strip("/.")))
    read = tracking.side_by_side(*(partial(whole_file, source, wanted) for source in sources))
    if any(data is None for _, data in read):
        return _folders(tracking, sources, labels, owners, checked_path(wanted))
    contents = [data or b"" for _, data in read]
    answer = Difference(
        sides={label: f"{name}: {path} ({owner})" for label, (owner, name), (path, _) in zip(labels, owners, read)},
        identical=len(set(contents)) == 1,
    )
    if answer.identical:
        answer.note("The files are the same, byte for byte.")
        return answer
    values = [_parsed(path, data) for (path, _), data in zip(read, contents)]
    if all(value is not None for value in values):
        _structural(answer, labels, values)
    else:
        _unified(answer, labels, contents, tracking.settings.max_chars // 2)
    return answer


def _parsed(path: str, data: bytes) -> Any:
    kind = next((kind for ending, kind in _PARSED.items() if path.lower().endswith(ending)), None)
    if kind is None:
        return None
    try:
        return parsing.parse(kind, data.decode(encoding_of(data[:4096]), "replace"))
    except parsing.Unparsable:
        return None


def _structural(answer: Difference, labels: Sequence[str], values: Sequence[Any]) -> None:
    from deepdiff import DeepDiff

    rows: list[list[Any]] = []
    for label, value in zip(labels[1:], values[1:]):
        found = DeepDiff(
            values[0], value, ignore_order=True, view="tree", max_passes=1_000_000, cutoff_intersection_for_pairs=1
        )
        for kind, items in found.items():
            if kind == "deep_distance":
                continue
            change = "added" if kind.endswith("_added") else "removed" if kind.endswith("_removed") else "changed"
            for item in items:
                rows.append([_path(item), change, _short(item.t1), _short(item.t2), label])
    rows.sort(key=lambda row: (str(row[4]), str(row[0])))
    columns = ["path", "change", labels[0], "other", "side"]
    table = Table.of(columns, rows[:_MOST_ROWS], keep=("path", "change", labels[0], "other"))
    if len(labels) == 2:
        table = table.without("side")
        table.columns[-1] = labels[1]
    answer.changes = table if rows else None
    if not rows:
        answer.identical = True
        answer.note("The files hold the same values; only order, comments or layout differ.")
    if len(rows) > _MOST_ROWS:
        answer.note(f"{len(rows) - _MOST_ROWS} more changes are not shown.")


def _path(item: Any) -> str:
    """`deployment.image`, `tasks[0].name`: where in the document a change is."""
    steps = item.path(output_format="list")
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "(all of it)"


def _short(value: Any) -> Any:
    if type(value).__name__ == "NotPresent":
        return None
    return clip(value, 200) if isinstance(value, str) else value


def _unified(answer: Difference, labels: Sequence[str], contents: Sequence[bytes], room: int) -> None:
    texts = [cleaned(data.decode(encoding_of(data[:4096]), "replace")).splitlines() for data in contents]
    if max(len(text) for text in texts) > 20_000:
        raise Problem(
            "The files have too many lines for a line-by-line difference.", "search_artifacts counts and finds lines."
        )
    answer.unified = {}
    for label, text in zip(labels[1:], texts[1:]):
        lines = list(difflib.unified_diff(texts[0], text, labels[0], label, lineterm="", n=2))
        shown = "\n".join(lines[:_UNIFIED_LINES])
        answer.unified[f"{labels[0]} -> {label}"] = clip(shown, room // (len(labels) - 1))
        if len(lines) > _UNIFIED_LINES:
            answer.note(
                f"{len(lines) - _UNIFIED_LINES} more lines of the difference {labels[0]} -> {label} are not shown."
            )


def _folders(
    tracking: Tracking,
    sources: Sequence[ArtifactSource],
    labels: Sequence[str],
    owners: Sequence[tuple[str, str]],
    folder: str,
) -> Difference:
    trees = tracking.side_by_side(*(partial(source.tree, folder) for source in sources))
    sizes = [{e.path[len(folder) :].lstrip("/"): e.size for e in tree if not e.is_dir} for tree, _ in trees]
    if not any(sizes):
        raise NotFound(f"None of these runs has files in '{folder or '/'}'.", "list_artifacts shows what they have.")
    names = sorted({name for each in sizes for name in each})
    rows = [
        [name, *(each.get(name) for each in sizes)] for name in names if len({each.get(name, -1) for each in sizes}) > 1
    ]
    answer = Difference(
        sides={label: f"{name}: {folder or '/'} ({owner})" for label, (owner, name) in zip(labels, owners)},
        identical=not rows,
        changes=Table.of(["path", *labels], rows[:_MOST_ROWS], keep=("path", *labels)) if rows else None,
        equal=len(names) - len(rows),
    )
    answer.note("Compared by name and size in bytes; files of equal size may differ inside.")
    return answer
