"""A table of runs that chooses its columns: what most rows have and what tells rows apart, the rest named and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.metrics import headline, is_minor, select_names
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso, nearest, quoted
from mlflow_mcp.tools.runs.tables.columns import families, telling_columns
from mlflow_mcp.tools.runs.tables.identity import Identity

if TYPE_CHECKING:
    from mlflow.entities import Run

# More rows than this are an overview: less of each.
_LONG = 20
_SHORT_ID = 12
# Metrics that most of the rows have.
_MOST_METRICS = 10

AlsoLogged = Annotated[
    str | None, Field(description="What the runs carry and the table does not show; get_run has it.")
]


class RunTable(Page):
    """Runs, one a row. Columns `metrics.x`, `params.x` and `tags.x` are named as a filter names them."""

    runs: Table
    also_logged: AlsoLogged = None
    searched: Annotated[str | None, Field(description="What an empty result was looked for in.")] = None


@dataclass(frozen=True)
class ColumnChoice:
    """Names or globs of the columns to show; None lets the table choose."""

    metrics: Sequence[str] | None = None
    params: Sequence[str] | None = None
    tags: Sequence[str] | None = None


def run_table(
    runs: Sequence[Run],
    experiments: Mapping[str, str],
    choice: ColumnChoice | None = None,
    *,
    times: bool = True,
    more_columns: Mapping[str, Sequence[Any]] | None = None,
) -> RunTable:
    """The table of these runs, with their times unless `times` is False; `more_columns` have a value for each run."""
    choice = choice or ColumnChoice()
    views = [RunView.of(run, experiments) for run in runs]
    identity = Identity.of(runs, with_models=choice.params is None and choice.tags is None)
    chosen = _choose(views, choice, identity.repeated)
    repeats = _drop_repeats([chosen["tags"], chosen["params"]], len(runs), identity.shown)
    is_overview = len(runs) > _LONG and choice == ColumnChoice()
    has_short_ids = is_overview and len({run.run_id[:_SHORT_ID] for run in views}) == len(views)
    if is_overview:
        for kind in ("params", "tags"):
            chosen[kind].names = [name for name in chosen[kind].names if not chosen[kind].differs(name)][:2]
    in_cells = chosen["metrics"].scattered() if choice.metrics is None and not is_overview else []
    columns = ["run_id", *identity.columns, "experiment", "status"]
    time_columns = (["exported"] if identity.are_exports else ["start_time", "duration_s"]) if times else []
    if is_overview:  # a launcher's run starts and ends with its export
        time_columns = [] if identity.is_launchers else time_columns[:1]
    columns += time_columns
    more = more_columns or {}
    columns += more
    columns += [f"{kind}.{name}" for kind, part in chosen.items() for name in part.names]
    rows = [
        [*_row(run, identity.rows[at], _SHORT_ID if has_short_ids else None), *_times(run, time_columns)]
        + [values[at] for values in more.values()]
        + [part.values[at].get(n) for part in chosen.values() for n in part.names]
        for at, run in enumerate(views)
    ]
    if in_cells:
        columns.append("metrics")
        rows = [[*row, cell] for row, cell in zip(rows, in_cells)]
    answer = RunTable(runs=Table.of(columns, rows, keep=("run_id", *more)))
    for kind, part in chosen.items():
        answer.note(*part.notes(kind))
    if is_overview:
        ids = f"run ids by their first {_SHORT_ID} digits, which every tool takes; " if has_short_ids else ""
        answer.note(f"An overview: {ids}name columns for more.")
    if choice == ColumnChoice():
        hidden = [
            (kind, part.hidden(kind, answer.runs, in_cells=bool(in_cells) and kind == "metrics", repeats=repeats))
            for kind, part in chosen.items()
        ]
        answer.also_logged = "; ".join(families(kind, names) for kind, names in hidden if names) or None
    return answer


def _row(run: RunView, identity: tuple[Any, ...], digits: int | None) -> list[Any]:
    return [run.run_id[:digits], *identity, run.experiment, run.status]


def _times(run: RunView, columns: Sequence[str]) -> list[Any]:
    of_columns = {"exported": iso(run.ended), "start_time": iso(run.start_time), "duration_s": run.duration}
    return [of_columns[name] for name in columns]


def _choose(runs: Sequence[RunView], choice: ColumnChoice, repeated: Sequence[str]) -> dict[str, _Columns]:
    """The columns of metrics, params and tags. Names that other columns repeat are left out unless they are asked for."""

    def unrepeated(values: Mapping[str, str], names: Sequence[str] | None) -> dict[str, str]:
        return {name: value for name, value in values.items() if names is not None or name not in repeated}

    # MLflow's own tags are columns only where a name or glob of theirs is asked for.
    of_mlflow = any(name.removeprefix("tags.").startswith("mlflow.") for name in choice.tags or ())
    tags = [{**run.tags, **run.mlflow_tags} if of_mlflow else run.tags for run in runs]
    return {
        "metrics": _Columns([dict(run.metrics) for run in runs], choice.metrics, _common_metrics),
        "params": _Columns([unrepeated(run.params, choice.params) for run in runs], choice.params, telling_columns),
        "tags": _Columns([unrepeated(each, choice.tags) for each in tags], choice.tags, telling_columns),
    }


def _drop_repeats(parts: Sequence[_Columns], rows: int, shown: Mapping[tuple[Any, ...], str]) -> dict[str, str]:
    """Take out chosen columns that say in every row what one before them says; `{"tags.benchmark": "as tags.task_name"}`."""
    seen = dict(shown)
    repeats = _drop_same_names(*parts)
    for part, kind in zip(parts, ("tags", "params")):
        if part.asked_for is not None or rows < 2:
            continue
        for name in sorted(part.names, key=lambda name: (name != "task_name", len(name))):
            values = tuple(row.get(name) for row in part.values)
            if len(set(values)) > 1 and values in seen:
                part.names.remove(name)
                repeats[f"{kind}.{name}"] = f"as {seen[values]}"
            else:
                seen.setdefault(values, f"{kind}.{name}")
    return repeats


def _drop_same_names(tags: _Columns, params: _Columns) -> dict[str, str]:
    """Take out the tags that repeat a param of their name wherever both are there, as exports write `executor` twice."""
    repeats: dict[str, str] = {}
    for name in set(tags.names) & set(params.names) if tags.asked_for is None and params.asked_for is None else ():
        both = [
            (tag[name], param[name]) for tag, param in zip(tags.values, params.values) if name in tag and name in param
        ]
        if both and all(tag == param for tag, param in both) and params.counts[name] >= tags.counts[name]:
            tags.names.remove(name)
            repeats[f"tags.{name}"] = f"as params.{name}"
    return repeats


class _Columns:
    """One kind of column (metrics, params or tags): what the runs hold and which names are shown."""

    def __init__(
        self,
        values: list[Any],
        asked_for: Sequence[str] | None,
        choose: Callable[[Counter[str], list[dict[str, Any]]], list[str]],
    ) -> None:
        self.values: list[dict[str, Any]] = values
        self.counts: Counter[str] = Counter(name for row in values for name in row)
        self.asked_for = asked_for
        self.names = choose(self.counts, values) if asked_for is None else select_names(asked_for, sorted(self.counts))

    def differs(self, name: str) -> bool:
        return len({row.get(name) for row in self.values}) > 1

    def scattered(self) -> list[dict[str, Any] | None]:
        """A cell of metrics for each row, when rows have too little in common for columns."""
        shown = set(self.names)
        if not self.counts or sum(any(name in row for name in shown) for row in self.values) * 2 > len(self.values):
            return []
        rest = [headline({name: v for name, v in row.items() if name not in shown}) for row in self.values]
        return [row or None for row in rest]

    def hidden(self, kind: str, table: Table, in_cells: bool, repeats: Mapping[str, str]) -> list[str]:
        """The names that the table does not show, those that repeat a column left out."""
        shown = {name.partition(".")[2] for name in (*table.columns, *(table.common or ())) if name.startswith(kind)}
        if in_cells:
            cells = [row[-1] or {} for row in table.rows]
            shown |= {name for row in cells for name in row}
        shown |= {name.partition(".")[2] for name in repeats if name.startswith(kind)}
        return [name for name in self.counts if name not in shown]

    def notes(self, kind: str) -> list[str]:
        """A sentence for each name asked for that no run here has."""
        missing = [name for name in self.asked_for or () if not select_names([name], list(self.counts))]
        sentences = []
        for name in missing:
            close = nearest(name, self.counts)
            sentences.append(
                f"None of these runs has {kind[:-1]} '{name}'." + (f" Nearest: {quoted(close)}." if close else "")
            )
        return sentences


def _common_metrics(counts: Counter[str], rows: list[dict[str, Any]]) -> list[str]:
    most = [name for name, n in counts.items() if n * 2 > len(rows) and not name.startswith("system/")]
    return sorted(most, key=lambda name: (-counts[name], is_minor(name), name))[:_MOST_METRICS]
