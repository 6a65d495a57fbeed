"""A table of runs that chooses its columns: what most rows have and what tells rows apart, the rest named and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities import launcher
from mlflow_mcp.entities.metrics import _minor, headline, matching
from mlflow_mcp.entities.run import user_tags
from mlflow_mcp.text import clip, iso, nearest, plural, quoted, seconds

if TYPE_CHECKING:
    from mlflow.entities import Run


MOST_COLUMNS = 10


# Equal params are worth a line each only while there are few; the launcher repeats some 75 on every run.
MOST_COMMON = 8


LONGEST_COMMON = 120


AlsoLogged = Annotated[
    dict[str, str] | None,
    Field(description="What the runs carry but the table does not show: name or glob -> in how many runs."),
]


class RunTable(Page):
    """Runs, one a row. Columns `metrics.x`, `params.x` and `tags.x` are named as a filter names them."""

    runs: Table
    also_logged: AlsoLogged = None
    searched: Annotated[str | None, Field(description="What an empty result was looked for in.")] = None


def run_table(
    runs: Sequence[Run],
    experiments: Mapping[str, str],
    *,
    metrics: Sequence[str] | None = None,
    params: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    times: bool = True,
) -> RunTable:
    """The table of these runs. `metrics`, `params` and `tags` name columns by name or glob; None lets them be chosen."""
    # Users of a launcher speak in invocation ids and tasks; the names of its runs only repeat these two.
    launched = [named for run in runs if (named := launcher.named_by_launcher(run))]
    launched = launched if len(launched) == len(runs) else []
    said = ("invocation_id", "task_name") if launched else ()
    chosen = {
        "metrics": _Columns([run.data.metrics for run in runs], metrics, _common_metrics),
        "params": _Columns([_but(run.data.params, said, params) for run in runs], params, _telling),
        "tags": _Columns([_but(user_tags(run), said, tags) for run in runs], tags, _telling),
    }
    shown_already = {tuple(task for _, task in launched): "task"}
    repeats = _drop_repeats([chosen["tags"], chosen["params"]], len(runs), shown_already)
    scattered = chosen["metrics"].scattered() if metrics is None else []
    columns = ["run_id", *(["invocation_id", "task"] if launched else ["name"]), "experiment", "status"]
    columns += ["start_time", "duration_s"] if times else []
    columns += [f"{kind}.{name}" for kind, part in chosen.items() for name in part.names]
    rows: list[list[Any]] = []
    for at, run in enumerate(runs):
        info = run.info
        row: list[Any] = [
            info.run_id,
            *(launched[at] if launched else [info.run_name]),
            experiments.get(info.experiment_id, info.experiment_id),
            info.status,
            *([iso(info.start_time), seconds(info.start_time, info.end_time)] if times else []),
        ]
        row += [part.values[at].get(name) for part in chosen.values() for name in part.names]
        rows.append([*row, scattered[at]] if scattered else row)
    if scattered:
        columns.append("metrics")
    answer = RunTable(runs=Table.of(columns, rows, keep=("run_id",)))
    left_out: dict[str, str] = {}
    for kind, part in chosen.items():
        left_out |= part.left_out(kind, answer.runs, in_cells=bool(scattered) and kind == "metrics", but=repeats)
        answer.note(*part.notes(kind))
    answer.also_logged = left_out | repeats or None
    return answer


def _drop_repeats(parts: Sequence[_Columns], rows: int, shown_already: dict[tuple[Any, ...], str]) -> dict[str, str]:
    """Take out chosen columns that say in every row what one before them says; `{"tags.benchmark": "as tags.task_name"}`."""
    seen = dict(shown_already)
    repeats: dict[str, str] = {}
    for part, kind in zip(parts, ("tags", "params")):
        if part.wanted is not None or rows < 2:
            continue
        for name in sorted(part.names, key=lambda name: (name != "task_name", len(name))):
            values = tuple(row.get(name) for row in part.values)
            if len(set(values)) > 1 and values in seen:
                part.names.remove(name)
                repeats[f"{kind}.{name}"] = f"as {seen[values]}"
            else:
                seen.setdefault(values, f"{kind}.{name}")
    return repeats


def _but(told: Mapping[str, str], said: Sequence[str], wanted: Sequence[str] | None) -> dict[str, str]:
    """Params or tags without those that other columns say already, unless columns are named."""
    return dict(told) if wanted is not None else {name: value for name, value in told.items() if name not in said}


class _Columns:
    """One kind of column (metrics, params or tags): what the runs hold and which names are shown."""

    def __init__(
        self,
        values: list[Any],
        wanted: Sequence[str] | None,
        choose: Callable[[Counter[str], list[dict[str, Any]]], list[str]],
    ) -> None:
        self.values: list[dict[str, Any]] = values
        self.counts: Counter[str] = Counter(name for row in values for name in row)
        self.wanted = wanted
        self.names = choose(self.counts, values) if wanted is None else matching(wanted, sorted(self.counts))

    def scattered(self) -> list[dict[str, Any] | None]:
        """A cell of metrics for each row, when rows have too little in common for columns."""
        shown = set(self.names)
        if not self.counts or sum(any(name in row for name in shown) for row in self.values) * 2 > len(self.values):
            return []
        rest = [headline({name: v for name, v in row.items() if name not in shown}) for row in self.values]
        return [row or None for row in rest]

    def left_out(self, kind: str, table: Table, in_cells: bool, but: Mapping[str, str]) -> dict[str, str]:
        shown = {name.partition(".")[2] for name in (*table.columns, *(table.common or ())) if name.startswith(kind)}
        if in_cells:
            cells = [row[-1] or {} for row in table.rows]
            shown |= {name for row in cells for name in row}
        shown |= {name.partition(".")[2] for name in but if name.startswith(kind)}
        return grouped({name: n for name, n in self.counts.items() if name not in shown}, kind, len(self.values))

    def notes(self, kind: str) -> list[str]:
        """A sentence for each wanted name that no run here has."""
        missing = [name for name in self.wanted or () if not matching([name], list(self.counts))]
        sentences = []
        for name in missing:
            close = nearest(name, self.counts)
            sentences.append(
                f"None of these runs has {kind[:-1]} '{name}'." + (f" Nearest: {quoted(close)}." if close else "")
            )
        return sentences


def _common_metrics(counts: Counter[str], rows: list[dict[str, Any]]) -> list[str]:
    most = [name for name, n in counts.items() if n * 2 > len(rows) and not name.startswith("system/")]
    return sorted(most, key=lambda name: (-counts[name], _minor(name), name))[:MOST_COLUMNS]


def _telling(counts: Counter[str], rows: list[dict[str, Any]]) -> list[str]:
    """Names whose values differ between rows, most often logged first; then a few that are equal everywhere."""
    differing: list[str] = []
    equal: list[str] = []
    # Some exports leave the whole flattened config out: that alone makes none of its 75 params worth a column.
    with_config = [row for row in rows if any(name.startswith("config.") for name in row)]
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        values = {row.get(name) for row in (with_config if name.startswith("config.") else rows)}
        if len(values) > 1:
            differing.append(name)
        elif len(str(next(iter(values)))) <= LONGEST_COMMON and not name.startswith("config."):
            equal.append(name)
    return differing[:MOST_COLUMNS] + (equal if len(equal) <= MOST_COMMON else [])


def grouped(counts: Mapping[str, int], kind: str, rows: int, most: int = 12) -> dict[str, str]:
    """`{"params.config.*": "75 names, 4 of 4 runs"}`: names with the number of runs, families of names as a glob."""
    families: dict[str, list[str]] = {}
    for name in sorted(counts):
        families.setdefault(_family(name), []).append(name)
    told: dict[str, str] = {}
    for family, names in sorted(families.items(), key=lambda item: -max(counts[name] for name in item[1])):
        if len(names) > 3:
            told[f"{kind}.{family}*"] = (
                f"{len(names)} names, in {max(counts[n] for n in names)} of {plural(rows, 'run')}"
            )
        else:
            told |= {f"{kind}.{clip(name, 80)}": f"in {counts[name]} of {plural(rows, 'run')}" for name in names}
    if len(told) > most:
        rest = list(told)[most:]
        told = dict(list(told.items())[:most])
        told[f"{kind} (more)"] = f"{len(rest)} further names or groups"
    return told


def _family(name: str) -> str:
    found = re.match(r"[^/.]+[/.]", name)
    return found[0] if found else name
