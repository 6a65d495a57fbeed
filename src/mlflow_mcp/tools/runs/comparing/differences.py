"""What differs between sides beside their metrics, and how it is told in few rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_mcp.answers.budget import CELL_CHARS
from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.answers.secrets.names import may_stand_for_one
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import from_difference, listed, plural
from mlflow_mcp.tools.runs.comparing.restated import unlike_options, without_models, without_told_commands
from mlflow_mcp.tools.runs.comparing.sides import Side

_LONG_VALUE = 200
# A value of more characters is not repeated.
_REPEATED = 12
# Fewer config params that some of three sides lack are shown one by one.
_FEWEST_FOLDED = 4
_FEWEST_FOLDED_OF_TWO = 8
# They name the run itself, so they differ between any two.
_IDENTITY = {
    *("invocation_id", "job_id", "timestamp", "run_id", "mlflow.runName"),
    *("results_dir", "launcher_command", "config.user_config_path", "config.evaluation.tasks.<n>.name"),
}
VARIES = "(varies by task)"
# The launcher's flattened config: some 75 params, which some exports leave out.
_CONFIG = "params.config."
_EVALUATED_WITH = ".config.params."


@dataclass(frozen=True)
class Differences:
    """What differs between the sides beside their metrics."""

    rows: list[list[Any]]  # name, then the value of each side
    equal: int  # how many names have the same value on all sides
    without_config: list[str]  # labels of sides without any of the config params that others have: not compared


def find_differences(sides: Sequence[Side]) -> Differences:
    """The params, user tags, datasets and git commits that differ.
    A value that differs between the tasks of one side is `(varies by task)`."""
    facts = [
        _with_tags_of_all({task: _facts(run, side.configs.get(task, {})) for task, run in side.runs.items()})
        for side in sides
    ]
    names = sorted({name for side in facts for of_run in side.values() for name in of_run})
    with_config = [
        side for side in facts if any(name.startswith(_CONFIG) for of_run in side.values() for name in of_run)
    ]
    rows: list[list[Any]] = []
    equal = 0
    for name in names:
        among = with_config if name.startswith(_CONFIG) else facts
        if len(among) < 2:
            continue
        if not _differs(among, name):
            equal += 1
        elif any(_one(side, name) == VARIES for side in facts) and (tasks := _differing_tasks(among, name)):
            of_tasks = [[side.get(task, {}).get(name) for side in facts] for task in tasks]
            if tasks == _shared_tasks(among) and all(values == of_tasks[0] for values in of_tasks):
                rows.append([name, *of_tasks[0]])
            else:
                rows += [[f"{name} ({task})", *values] for task, values in zip(tasks, of_tasks)]
        else:
            rows.append([name, *(_one(side, name) for side in facts)])
    without = [side.label for side, of_side in zip(sides, facts) if with_config and of_side not in with_config]
    return Differences(rows, equal, without)


def _facts(run: RunView, config: Mapping[str, str]) -> dict[str, Any]:
    # The launcher's flattened params hold the config of all tasks of an invocation: `config` is that of this one alone.
    others = (
        {name: value for name, value in run.params.items() if not name.startswith("config.")} if config else run.params
    )
    # MLflow keeps params as text: one that is "None" says as little as one that is not there.
    params = {name: value for name, value in {**others, **config}.items() if value not in ("None", "null")}
    facts: dict[str, Any] = {f"params.{name}": value for name, value in params.items() if name not in _IDENTITY}
    facts |= {f"tags.{name}": value for name, value in run.tags.items() if name not in _IDENTITY}
    named = {"git commit": run.git_commit, "source": run.source}
    facts |= {name: value for name, value in named.items() if value is not None}
    if run.datasets:
        facts["datasets"] = ", ".join(sorted(map(str, run.datasets)))
    return facts


def _with_tags_of_all(side: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A side whose runs all have the tags that those of its runs that have them agree on: of one invocation, some exports
    have the user's tags and some have none."""
    names = {name for facts in side.values() for name in facts if name.startswith("tags.")}
    values = {name: {facts[name] for facts in side.values() if name in facts} for name in names}
    agreed = {name: next(iter(found)) for name, found in values.items() if len(found) == 1}
    return {task: {**agreed, **facts} for task, facts in side.items()}


def _differs(sides: Sequence[Mapping[str, Mapping[str, Any]]], name: str) -> bool:
    """Whether any task that sides share has unlike values; with no shared task, whether the sides' values do."""
    if _shared_tasks(sides):
        return bool(_differing_tasks(sides, name))
    return len({_one(side, name) for side in sides}) > 1


def _shared_tasks(sides: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[str]:
    tasks = sorted({task for side in sides for task in side})
    return [task for task in tasks if sum(task in side for side in sides) > 1]


def _differing_tasks(sides: Sequence[Mapping[str, Mapping[str, Any]]], name: str) -> list[str]:
    """The shared tasks in which the sides have unlike values."""
    return [task for task in _shared_tasks(sides) if len({side[task].get(name) for side in sides if task in side}) > 1]


def _one(side: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    values = {facts.get(name) for facts in side.values()}
    return next(iter(values)) if len(values) == 1 else VARIES


# --- told in few rows


def told_rows(
    rows: Sequence[Sequence[Any]], sides: Sequence[Side], baseline: str, is_told: Callable[[str, Sequence[Any]], bool]
) -> tuple[list[list[Any]], list[str]]:
    """The rows that nothing else tells as they are shown, and sentences for those folded: config params that some sides lack and
    all others agree on (of two sides only many of them, and none of the evaluation's own), and long values that are the
    baseline's. What only says again which model a side evaluated is left out: the sides name it."""
    labels = [side.label for side in sides]
    untold = [row for row in without_told_commands(_merged(rows)) if not is_told(row[0], row[1:])]
    kept, sentences = _without_absent(without_models(untold, [side.model for side in sides]), labels)
    if len(labels) < 3:
        return _shown(kept), sentences
    return _as_baseline(_shown(kept), labels.index(baseline), baseline), sentences


def _without_absent(rows: Sequence[Sequence[Any]], labels: Sequence[str]) -> tuple[list[list[Any]], list[str]]:
    absent: dict[str, list[str]] = {}
    for name, *values in rows:
        if len(labels) < 3 and _EVALUATED_WITH in name:
            continue
        if name.startswith(_CONFIG) and None in values and len({repr(each) for each in values} - {"None"}) == 1:
            having = ", ".join(label for label, value in zip(labels, values) if value is not None)
            absent.setdefault(having, []).append(name)
    fewest = _FEWEST_FOLDED if len(labels) > 2 else _FEWEST_FOLDED_OF_TWO
    folded = {having: names for having, names in absent.items() if len(names) >= fewest}
    hidden = {name for names in folded.values() for name in names}
    sentences = [
        f"{plural(len(names), 'config param')} that only {having} {'has: ' if len(having) == 1 else 'have, with equal values: '}"
        f"{listed(sorted(names, key=lambda name: _EVALUATED_WITH not in name), 4)}."
        for having, names in folded.items()
    ]
    return [list(row) for row in rows if row[0] not in hidden], sentences


def _shown(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The rows of differences; of long commands the options that differ, of other long texts, which the answer would cut, what
    begins shortly before they differ."""
    shown = []
    for name, *values in rows:
        texts = [
            mask_at(value, _plain(name)) for value in values if isinstance(value, str)
        ]  # a part of a secret cannot be told as one
        parts = unlike_options(texts)
        if not parts and len(texts) > 1 and any(len(text) > CELL_CHARS for text in texts):
            parts = from_difference(texts, _LONG_VALUE)
        of_texts = iter(parts)
        shown.append([name, *(next(of_texts) if parts and isinstance(value, str) else value for value in values)])
    return shown


def _plain(name: str) -> str:
    """The name without the task that it is told of."""
    return name.partition(" (")[0]


def _merged(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The rows, those of equal long values as one: exports write the command that started a server twice. Values that vary by
    task are not proved equal, and of those that are hidden nobody could see it."""
    found: dict[str, list[Any]] = {}
    for name, *values in rows:
        is_long = any(isinstance(value, str) and len(value) > _REPEATED for value in values)
        key = repr(values) if is_long and VARIES not in values and not may_stand_for_one(_plain(name)) else name
        if key in found:
            found[key][0] += f" = {name}"
        else:
            found[key] = [name, *values]
    return list(found.values())


def _as_baseline(rows: Sequence[Sequence[Any]], at: int, label: str) -> list[list[Any]]:
    """Of three sides or more, `=A` for a long value that is the baseline's."""
    if not rows or len(rows[0]) < 4:
        return [list(row) for row in rows]
    return [
        [
            name,
            *(
                f"={label}" if place != at and value == values[at] and len(str(value)) > _REPEATED else value
                for place, value in enumerate(values)
            ),
        ]
        for name, *values in rows
    ]
