"""Which columns of per-sample rows hold the id, the question, the scores: by their names and what stands in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.secrets.names import names_a_secret
from mlflow_mcp.entities.direction import direction_of
from mlflow_mcp.entities.metrics import is_minor
from mlflow_mcp.tools.runs.samplewise.read.values import plain, score_of

Row = Mapping[str, Any]
# A place in a row: the keys that lead to it.
Path = tuple[str, ...]

# Objects in a row whose parts are columns of their own.
_NESTED = ("doc", "metadata", "inputs", "sample", "example", "info")
_NESTED_SCORES = ("scores", "scorer_rewards", "assessments", "grades")
_ID = re.compile(r"(^|_)(id|idx|index|uid|uuid|key|qid|number)$")
# Of one call, run or file, never of a question.
_OTHER_ID = re.compile(
    r"(trace|request|response|run|session|model|span|call|choice|user|job|thread|message)_?(id|idx|uuid|key)$"
)
_FIRST_IDS = ("doc_id", "problem_idx", "problem_id", "question_id", "sample_id", "example_id", "task_id", "id")
_INPUTS = ("prompt", "question", "problem", "input", "inputs", "query", "request", "instruction", "instructions", "text",
           "messages", "ctx", "context", "goal", "sentence", "passage")  # fmt: skip
_EXPECTED = ("expected_answer", "target", "expected", "expected_output", "expected_response", "reference", "ground_truth",
             "gold", "label", "answer", "correct_answer", "targets", "expectations", "solution")  # fmt: skip
# What was taken out of an answer tells more in a few words than the whole of it.
_OUTPUTS = ("extracted_answer", "predicted_answer", "filtered_resps", "prediction", "predictions", "pred", "output", "outputs",
            "response", "model_response", "model_output", "generation", "completion", "resps", "response_text")  # fmt: skip
_REPEATS = ("repeat", "epoch", "trial", "attempt", "repeat_idx", "sample_idx", "seed")
_SCORES = ("score", "reward", "correct", "is_correct", "passed", "pass", "resolved", "accuracy", "acc", "exact_match", "em",
           "grade", "judgement", "judgment", "symbolic_correct", "judge_correct", "success", "match", "rating")  # fmt: skip
_ENDINGS = ("/score", "/value", "_score", "_correct", "_acc", "_exact_match")
_SEEN_SHARE = 0.5
# A place that is none: whether what stands at the second key equals what stands at the third.
_EQUALS = "="
# Columns of labels: short values, of which so many of one side are among those of the other.
_LONGEST_LABEL = 60
_SHARED_LABELS = 0.5
_LONGEST_GROUP = 60
_MOST_GROUPS = 24


@dataclass
class Columns:
    """The columns of one side's rows. `scores` are candidates by the names that they are shown under."""

    ids: list[Path] = field(default_factory=list)
    repeat: Path | None = None
    input: Path | None = None
    expected: Path | None = None
    outputs: list[Path] = field(default_factory=list)
    scores: dict[str, Path] = field(default_factory=dict)
    groups: list[Path] = field(default_factory=list)
    # Every column with a value that could be a score, for a caller who names one.
    numeric: dict[str, Path] = field(default_factory=dict)
    has_filters: bool = False

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Columns:
        """As the first rows of a file tell."""
        seen: dict[Path, list[Any]] = {}
        for row in rows:
            for path, value in _flat(row):
                if not names_a_secret(path[-1]):
                    seen.setdefault(path, []).append(value)
        usual = {path: values for path, values in seen.items() if len(values) >= _SEEN_SHARE * len(rows)}
        found = cls(has_filters=("filter",) in usual and ("doc_id",) in usual)
        found._find_scores(usual, rows)
        found.ids = _ids(usual)
        found.repeat = _first(usual, _REPEATS)
        found.expected = _first(usual, _EXPECTED)
        found.input = _first({path: values for path, values in usual.items() if path != found.expected}, _INPUTS)
        found.outputs = [path for name in _OUTPUTS for path in _called(usual, name)]
        found._compare_labels(usual)
        found._find_groups(usual)
        return found

    def score_path(self, name: str) -> Path | None:
        return self.scores.get(name) or self.numeric.get(name)

    def _find_scores(self, usual: Mapping[Path, list[Any]], rows: Sequence[Row]) -> None:
        listed = {name for row in rows if isinstance(row.get("metrics"), list) for name in map(str, row["metrics"])}
        for path, values in usual.items():
            present = [value for value in values if value is not None]
            if not present or any(score_of(value) is None for value in present):
                continue
            name = _shown_name(path)
            self.numeric[name] = path
            if path == (path[-1],) and listed:
                is_score = path[-1] in listed
            else:
                is_score = path[0] in _NESTED_SCORES or _is_named_score(path)
            if is_score:
                self.scores[name] = path

    def _compare_labels(self, usual: Mapping[Path, list[Any]]) -> None:
        """Where labels stand beside the expected ones and no column says right or wrong, whether they are equal says it: a
        `score` beside them may be the model's confidence."""
        says_right = any(set(map(score_of, usual[path])) <= {0.0, 1.0, None} for path in self.scores.values())
        if says_right or self.expected is None or len(self.expected) > 1:
            return
        expected = {plain(value) for value in usual[self.expected]}
        for path in self.outputs:
            given = [plain(value) for value in usual[path]]
            short = all(0 < len(value) <= _LONGEST_LABEL for value in (*given, *expected))
            if len(path) == 1 and short and sum(value in expected for value in given) >= _SHARED_LABELS * len(given):
                self.scores[f"{path[0]} = {self.expected[0]}"] = (_EQUALS, path[0], self.expected[0])
                return

    def _find_groups(self, usual: Mapping[Path, list[Any]]) -> None:
        taken = {self.repeat, self.input, self.expected, *self.ids, *self.outputs, *self.scores.values()}
        for path, values in usual.items():
            if path in taken or path[0] in _NESTED_SCORES or path[-1].lower() in (*_EXPECTED, *_REPEATS, "filter"):
                continue
            if all(isinstance(value, (str, int)) and len(str(value)) <= _LONGEST_GROUP for value in values):
                self.groups.append(path)
        self.groups = self.groups[:_MOST_GROUPS]


def at(row: Row, path: Path | None) -> Any:
    """What stands there; None where there is no such place."""
    if path and path[0] == _EQUALS:
        given, expected = (plain(row.get(key)).strip() for key in path[1:])
        return given == expected if given and expected else None
    value: Any = row
    for key in path or ():
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value if path else None


def is_of_labels(path: Path) -> bool:
    """Whether a score is that labels are the expected ones."""
    return path[0] == _EQUALS


def name_of(path: Path) -> str:
    return path[-1]


def _flat(row: Row) -> Iterator[tuple[Path, Any]]:
    for key, value in row.items():
        yield (key,), value
        if (key in _NESTED_SCORES and isinstance(value, Mapping)) or (key in _NESTED and isinstance(value, Mapping)):
            for inner, part in value.items():
                yield (key, str(inner)), part


def _shown_name(path: Path) -> str:
    return path[-1]


def _is_named_score(path: Path) -> bool:
    name = path[-1].lower()
    if len(path) > 1 or is_minor(name) or _ID.search(name):
        return False
    direction = direction_of(name)
    return name in _SCORES or name.endswith(_ENDINGS) or (direction is not None and "time" not in direction.words)


def _ids(usual: Mapping[Path, list[Any]]) -> list[Path]:
    """Columns that may name a question, the likeliest first. Whether one does, joining finds out."""
    found = [
        path
        for path, values in usual.items()
        if _ID.search(path[-1].lower()) and not _OTHER_ID.search(path[-1].lower()) and path[-1] not in _REPEATS
        if all(
            isinstance(value, (str, int)) and not isinstance(value, bool) and len(str(value)) <= 200 for value in values
        )
    ]
    return sorted(
        found, key=lambda path: (_FIRST_IDS.index(path[-1]) if path[-1] in _FIRST_IDS else len(_FIRST_IDS), len(path))
    )


def _first(usual: Mapping[Path, list[Any]], names: Sequence[str]) -> Path | None:
    """The column with the first of these names, at the top before those inside an object, that has something in it."""
    for name in names:
        for path in _called(usual, name):
            if any(plain(value) for value in usual[path]):
                return path
    return None


def _called(usual: Mapping[Path, list[Any]], name: str) -> list[Path]:
    found = [path for path in usual if path[-1].lower() == name or path[-1].lower().endswith(f"/{name}")]
    return sorted((path for path in found if path[0] not in _NESTED_SCORES), key=len)
