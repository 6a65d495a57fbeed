"""What makes sides unequal, before any of their numbers is read: questions, judge, prompt, sampling, versions. Pure.

Only what is proved to differ is told: a setting that one side does not record is no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.command_options import CUT_AT, OPTION, options_in
from mlflow_mcp.entities.recorded_settings import Kind, kind_or_task, same_setting, setting_name, unlike_names
from mlflow_mcp.entities.samples import Proof, Samples
from mlflow_mcp.entities.served import is_command
from mlflow_mcp.entities.varying import told_values
from mlflow_mcp.text import as_number, from_difference, number, truncate
from mlflow_mcp.tools.runs.comparing.apart import alike_tasks, have_no_common_task, of_all_tasks
from mlflow_mcp.tools.runs.comparing.sides import Side, tasks_of

_LIMIT, _COUNT, _REPEATS, _RESPONSES = "sample limit", "samples", "repeats per sample", "responses, retries included"
_NOT_COMPARED = " (do not compare)"
_NO_LIMIT = "none recorded"
_LONGEST = 120
_ALL = "all"
# What tells most against a comparison first; repeats and responses, which have no kind, last.
_ORDER: list[Kind | None] = ["model", "questions", "precision", "judge", "prompt", "task", "sampling", "harness", None]
# Of these a verdict names what is unlike: they change the answers whatever the model.
_CHANGES_ANSWERS: tuple[Kind, ...] = ("model", "precision", "prompt", "task", "sampling")
# As flattened params end that are told as limits and repeats.
_TOLD_AS = {"limit_samples": _LIMIT, "n_samples": _REPEATS, "num_repeats": _REPEATS}


@dataclass(frozen=True)
class Unlike:
    """Something that differs between sides, with the value of each that records it."""

    what: str
    kind: Kind | None
    values: Mapping[str, Any]  # by label
    tasks: tuple[str, ...]

    def differs(self, label: str, other: str) -> bool:
        """Whether both sides record it, and not alike."""
        return label in self.values and other in self.values and self.values[label] != self.values[other]


@dataclass
class Inequality:
    """All that is unlike; `within` is what the members of a pooled side differ in, by its label."""

    found: list[Unlike] = field(default_factory=list)
    within: dict[str, list[Unlike]] = field(default_factory=dict)
    models: dict[str, str | None] = field(default_factory=dict)
    copies: set[tuple[str, frozenset[str]]] = field(default_factory=set)  # task and two labels: exports of one job

    def forbids(self, task: str, label: str, base: str) -> str:
        """Why no verdict may be given on a task of a side against the baseline; empty where nothing forbids one.

        Other questions, another harness and another judge forbid it, and so does another prompt. Sampling is told and forbids
        nothing: it can be the experiment.
        """
        return self.incomparable(task, label, base) or self._other_prompt(task, label, base)

    def incomparable(self, task: str, label: str, base: str) -> str:
        """Why not even the values of a task can be set side by side; empty where nothing speaks against it."""
        if (task, frozenset((label, base))) in self.copies:
            return "copies of one job"
        for each in (label, base):
            if unlike := [row.what for row in self.within.get(each, ()) if task in row.tasks]:
                return f"the runs pooled as {each} differ in {', '.join(unlike[:3])}"
        here = self._here(task, label, base)
        kinds = {row.kind: row.what for row in reversed(here)}
        if "questions" in kinds:
            return f"other questions: {kinds['questions'].removesuffix(_NOT_COMPARED)}"
        if "harness" in {row.what for row in here}:
            return "another harness"
        return f"another judge: {kinds['judge']}" if "judge" in kinds else ""

    def _other_prompt(self, task: str, label: str, base: str) -> str:
        """Another prompt, unless it is what is compared: nothing else may differ then, the model above all."""
        prompts = [row.what for row in self._here(task, label, base) if row.kind == "prompt"]
        one_model = self.models.get(label) is not None and self.models.get(label) == self.models.get(base)
        return f"another prompt: {prompts[0]}" if prompts and not one_model else ""

    def _here(self, task: str, label: str, base: str) -> list[Unlike]:
        return [row for row in self.found if task in row.tasks and row.differs(label, base)]

    def unlike(self, task: str, label: str, base: str) -> list[str]:
        """What else than the model was unlike for a task of a side and the baseline, and changes answers: first what is the
        fewest tasks' own."""
        here = [row for row in self._here(task, label, base) if row.kind in _CHANGES_ANSWERS]
        return [row.what for row in sorted(here, key=lambda row: len(row.tasks))]

    def table(self, sides: Sequence[Side]) -> Table | None:
        """A row for each thing that differs; of tasks that not all compared ones share, with their names."""
        labels = [side.label for side in sides]
        every = [task for task in tasks_of(sides) if task and sum(task in side.runs for side in sides) > 1]
        rows: list[list[Any]] = []
        for of_side, unlike in self.within.items():
            for each in unlike:
                values = told_values([(name, str(value)) for name, value in each.values.items()])
                own = [truncate(values, _LONGEST) if label == of_side else None for label in labels]
                rows.append([f"within {of_side}: {each.what}", *own, _named(each.tasks, every)])
        for each in self.found:
            cells = _shown([each.values.get(label, "not recorded") for label in labels])
            rows.append([each.what, *cells, _named(each.tasks, every)])
        return Table.of(["unequal", *labels, "tasks"], rows, keep=("unequal", *labels)) if rows else None

    def tells(self, name: str, values: Sequence[Any]) -> bool:
        """Whether a difference of a param is told here already."""
        shown = {each.what.removesuffix(_NOT_COMPARED) for each in self.found}
        if is_command(name):
            return _differ_only_in([value for value in values if value is not None], shown)
        path = name.removeprefix("params.").partition(" (")[0]
        setting = setting_name(path)
        return setting is not None and (setting in shown or _TOLD_AS.get(setting.rpartition(".")[2]) in shown)


def _differ_only_in(commands: Sequence[str], names: Collection[str]) -> bool:
    """Whether commands are alike but for options of these names."""
    options = [options_in(command) for command in commands]
    if len(commands) < 2 or any(len(command) >= CUT_AT for command in commands):
        return False
    unlike = {name for own in options for name in own if len({each.get(name) for each in options}) > 1}
    rests = {" ".join(OPTION.sub("", command).split()) for command in commands}
    return len(rests) == 1 and unlike <= set(names)


def _named(tasks: Sequence[str], every: Sequence[str]) -> str | None:
    """The tasks, `all` where they are all that there are: those that are not among them, where these are fewer."""
    named = [task for task in tasks if task]
    others = [task for task in every if task not in named]
    if len(every) < 2:  # none where no task is on two sides: then those that look alike are named
        return None if every else ", ".join(named) or None
    if not others:
        return "all"
    return f"all but {', '.join(others)}" if 2 * len(others) < len(named) else ", ".join(named)


def find_inequality(sides: Sequence[Side]) -> Inequality:
    """What differs between the sides, and makes their scores hard to compare."""
    tasks = {side.label: side.only_task for side in sides if side.only_task}
    found = [Unlike("task", "questions", tasks, ("",))] if len(set(tasks.values())) > 1 else []
    for task in tasks_of(sides):
        having = [side for side in sides if task in side.runs]
        if len(having) > 1:
            found += unlike_samples(task, {side.label: side.samples.get(task, Samples()) for side in having})
            found += unlike_settings(task, {side.label: side.settings.get(task, {}) for side in having})
    if have_no_common_task(sides):
        found += _unlike_apart(sides)
    return Inequality(merged(found), models={side.label: side.model for side in sides})


def _unlike_apart(sides: Sequence[Side]) -> list[Unlike]:
    """What differs between sides without a common task: between tasks that look alike, and in what holds for all tasks of each."""
    found = unlike_settings(_ALL, {side.label: of_all_tasks(side) for side in sides})
    for side, task, other, other_task in alike_tasks(sides):
        both, pair = {side.label: (side, task), other.label: (other, other_task)}, f"{task} / {other_task}"
        found.append(Unlike("task", "questions", {label: name for label, (_, name) in both.items()}, (pair,)))
        found += unlike_samples(pair, {label: own.samples.get(name, Samples()) for label, (own, name) in both.items()})
        of_tasks = unlike_settings(pair, {label: own.settings.get(name, {}) for label, (own, name) in both.items()})
        found += [
            each for each in of_tasks if not any(same.what == each.what and same.tasks == (_ALL,) for same in found)
        ]
    return found


def unlike_settings(task: str, settings: Mapping[str, Mapping[str, str]]) -> list[Unlike]:
    """The settings of a task that are recorded with unlike values, by label."""
    found = []
    for name in unlike_names(settings.values()):
        values = {label: own[name] for label, own in settings.items() if name in own}
        first = next(iter(values.values()))
        if not all(same_setting(first, value) for value in values.values()):
            shown = {label: mask_at(value, name) for label, value in values.items()}
            found.append(Unlike(name, kind_or_task(name), shown, (task,)))
    return found


def unlike_samples(task: str, samples: Mapping[str, Samples], *, responses: bool = True) -> list[Unlike]:
    """Unlike limits, counts or repeats of samples, as far as they are proved; where not all are counted, unlike responses."""
    limits = {
        label: None if each.is_below_limit and not each.is_trial else each.limit for label, each in samples.items()
    }
    if len({each and each.value for each in limits.values()}) > 1:
        small = any(each.is_trial or (each.limit and each.limit.value < 1) for each in samples.values())
        values = {label: number(proof.value) if proof else _NO_LIMIT for label, proof in limits.items()}
        return [Unlike(_LIMIT + (_NOT_COMPARED if small else ""), "questions", values, (task,))]
    counts = _proved(task, _COUNT, "questions", {label: each.counted for label, each in samples.items()})
    repeats = _proved(task, _REPEATS, None, {label: each.repeats for label, each in samples.items()})
    return [*counts, *repeats, *(_unlike_responses(task, samples) if responses else [])]


def _unlike_responses(task: str, samples: Mapping[str, Samples]) -> list[Unlike]:
    """Where not all sides' samples are counted, that their responses differ: the only sign of unlike samples then."""
    repeats = {each.repeats.value if each.repeats else 1 for each in samples.values()}
    if all(each.counted for each in samples.values()) or len(repeats) > 1:
        return []
    return _proved(task, _RESPONSES, None, {label: each.responses for label, each in samples.items()})


def _proved(task: str, what: str, kind: Kind | None, proofs: Mapping[str, Proof | None]) -> list[Unlike]:
    values = {label: number(proof.value) for label, proof in proofs.items() if proof}
    return [Unlike(what, kind, values, (task,))] if len(set(values.values())) > 1 else []


def merged(found: Iterable[Unlike]) -> list[Unlike]:
    """What is unlike in the same way in several tasks, once; what tells most against a comparison first."""
    by_key: dict[str, list[Unlike]] = {}
    for each in found:
        by_key.setdefault(repr((each.what, sorted(each.values.items()))), []).append(each)
    merged = [
        Unlike(same[0].what, same[0].kind, same[0].values, tuple(task for each in same for task in each.tasks))
        for same in by_key.values()
    ]
    return sorted(merged, key=lambda each: _ORDER.index(each.kind))


def _shown(values: Sequence[Any]) -> list[Any]:
    """Long texts from where they begin to differ; numbers as numbers."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) > 1 and any(len(text) > _LONGEST for text in texts):
        short = iter(from_difference(texts, _LONGEST))
        return [next(short) if isinstance(value, str) else value for value in values]
    cells = [_cell(value) for value in values]
    # Numbers that are alike in six digits are told as they are written.
    return cells if len(set(cells)) == len(set(values)) else [truncate(str(value), _LONGEST) for value in values]


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    figure = as_number(value)
    return truncate(value, _LONGEST) if figure is None else number(figure)
