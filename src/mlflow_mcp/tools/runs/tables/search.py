"""One search for runs as a table, and what to say when nothing matches: what query_runs and search_runs_by_tags share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import fields_of
from mlflow_mcp.client.pages import RunSearch, search
from mlflow_mcp.entities.parents import largest_family, of_several_families
from mlflow_mcp.entities.run import PARENT_TAG, RunView
from mlflow_mcp.text import as_number, every, hint, listed, plural, truncate
from mlflow_mcp.tools.runs.ranked.by_dataset import mixed_in_columns
from mlflow_mcp.tools.runs.tables.table import ColumnChoice, RunTable, run_table

if TYPE_CHECKING:
    from mlflow.entities import Run

_DELETED_COUNTED = 100


def search_table(client: Client, runs: RunSearch, columns: ColumnChoice, limit: int, cursor: str | None) -> RunTable:
    """One page of matching runs; an empty one says what was searched and what is nearest."""
    page = search(client, runs, limit, cursor)
    # A caller who names the metrics needs no times, unless the runs are in the order of their times.
    times = columns.metrics is None or any("_time" in clause for clause in runs.order_by)
    answer = run_table(page.rows, client.experiments.names(), columns, times=times)
    client.parts("Of which datasets the metrics are", lambda: _note_datasets(client, answer, page.rows))
    answer.note(*_ordered_as_text(runs.order_by, page.rows, more=page.more))
    if any(clause.startswith("metrics.") for clause in runs.order_by):
        answer.note(_of_other_parents(page.rows))
    answer.note(page.what_shifted("runs"))
    answer.continue_with(page.cursor_after, len(page.rows), page.more)
    if not page.rows:
        _explain_nothing(client, answer, runs)
    return answer


def _of_other_parents(runs: Sequence[Run]) -> str:
    """Which of the runs are not children of the parent of most, the parent itself apart: it shows what it is."""
    parents = {run.info.run_id: run.data.tags.get(PARENT_TAG) for run in runs}
    family = largest_family(parents.values())
    names = [(run.info.run_name or run.info.run_id, run.info.run_id) for run in runs if run.info.run_id != family]
    return of_several_families([(name, parents[id_]) for name, id_ in names], "on this page")


def _note_datasets(client: Client, answer: RunTable, runs: Sequence[Run]) -> None:
    """Say which columns mix values of several datasets."""
    shown = [*answer.runs.columns, *(answer.runs.common or ())]
    metrics = [name.removeprefix("metrics.") for name in shown if name.startswith("metrics.")]
    answer.note(mixed_in_columns(client, [RunView.of(run, {}) for run in runs], metrics))


def _ordered_as_text(order_by: Sequence[str], runs: Sequence[Run], *, more: bool) -> list[str]:
    """A sentence for each param that the runs are ordered by and whose values are numbers: MLflow keeps them as text."""
    sentences = []
    for clause in order_by:
        kind, _, rest = clause.partition(".")
        name = re.sub(r"\s(ASC|DESC)$", "", rest).strip('`"')
        values = [run.data.params[name] for run in runs if name in run.data.params] if kind.startswith("param") else []
        numbers = [as_number(value) for value in values]
        in_order = sorted(value for value in numbers if value is not None)
        if not in_order or None in numbers:
            continue
        if more or [as_number(value) for value in sorted(values)] != in_order:
            sentences.append(
                f"The order by param '{name}' is that of text, in which 100 comes before 9: MLflow keeps params as text."
            )
    return sentences


def _explain_nothing(client: Client, answer: RunTable, runs: RunSearch) -> None:
    """Say what was searched and the nearest thing that exists."""
    answer.searched = f"{'deleted' if runs.deleted else 'active'} runs in {_experiments_searched(client, runs)}" + (
        f" where {runs.query}" if runs.query else ""
    )
    fields = fields_of(runs.query)
    if ("tags", "invocation_id") in fields:
        answer.note("get_invocation finds an invocation in all experiments, by prefix and by param too.")
    if not runs.deleted:
        answer.note(_deleted_match(client, runs))
    newest, _ = client.experiments.search_in(
        runs.experiment_ids, lambda ids: client.runs.search(ids[:1_000], max_results=200)
    )
    if not newest:
        answer.note("There are no active runs here at all." if client.experiments.names() else "")
        return
    for kind, name in fields:
        answer.note(_nearest_field(client, newest, kind, name))


def _deleted_match(client: Client, runs: RunSearch) -> str:
    """That deleted runs match where no active one does."""
    found, more = client.experiments.search_in(
        runs.experiment_ids,
        lambda ids: client.runs.search(ids[:1_000], runs.query, max_results=_DELETED_COUNTED, deleted=True),
    )
    if not found:
        return ""
    count = f"At least {len(found)}" if more else str(len(found))
    return f"{count} deleted {'run matches' if count == '1' else 'runs match'}: query_runs(deleted=true) lists them."


def _experiments_searched(client: Client, runs: RunSearch) -> str:
    if runs.experiment_ids is None:
        return every(len(client.experiments.names()), "experiment")
    return listed([client.experiments.name_of(each) for each in runs.experiment_ids], 3)


def _nearest_field(client: Client, runs: Sequence[Run], kind: str, name: str) -> str:
    """What the newest runs hold under a name that the filter used, or which name is like it."""
    if kind not in ("metrics", "params", "tags"):
        return ""
    logged = [getattr(run.data, kind) for run in runs]
    known = {key for each in logged for key in each}
    among = f"the newest {plural(len(runs), 'run')}"
    if name not in known:
        return f"None of {among} has {kind[:-1]} '{name}'. {hint(name, known)}".strip()
    if kind == "metrics":
        return ""
    values = list(dict.fromkeys(each[name] for each in logged if name in each))
    shown = listed([truncate(client.masked(value, name), 60) for value in values], 8)
    return f"{kind[:-1].capitalize()} '{name}' has in {among} the values {shown}."
