"""One task of two sides: read, joined, judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.client import Client
from mlflow_mcp.entities.direction import PrimaryMetric
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.evaluations.headline import headline_of
from mlflow_mcp.tools.runs.samplewise.choosing import Meant, choose_filter, choose_score, direction
from mlflow_mcp.tools.runs.samplewise.joining import Joined, join, shares_told
from mlflow_mcp.tools.runs.samplewise.judging import Judged, judge
from mlflow_mcp.tools.runs.samplewise.read.lines import MOST_ROWS
from mlflow_mcp.tools.runs.samplewise.read.samples import Sample, Samples, Score
from mlflow_mcp.tools.runs.samplewise.read.sources import Found, read_samples
from mlflow_mcp.tools.runs.samplewise.read.traces import PREVIEW
from mlflow_mcp.tools.runs.samplewise.sides import Both

_LARGEST_RATING = 10


@dataclass(frozen=True)
class Compared:
    """A task's pairs and what they prove; `partial` says first what is in no figure."""

    both: Both
    score: Score
    score_told: str
    joined: Joined
    judged: Judged
    partial: str | None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def id_name(self) -> str:
        """The id that the samples were joined by, where it was one."""
        return self.joined.by.partition(",")[0].partition(";")[0]

    @property
    def unit(self) -> str:
        """What a pair is."""
        count = f"{len(self.joined.pairs):,}"
        if not self.joined.has_repeats:
            return f"{count} pairs"
        a, b = self.joined.repeats
        times = f"{a}" if a == b else f"{a} and {b}"
        return f"{count} questions, each the mean of up to {times} repeats"


def compare_task(
    client: Client, both: Both, metric: str | None, unlike: str, primaries: Mapping[str, PrimaryMetric]
) -> Compared:
    """`primaries`: the primary metrics of the runs' experiments, by their ids. Raises Problem where the sides have no score or no question in common."""
    meant = _meant(both, primaries)
    score = choose_score(both.a, both.b, metric, meant)
    path_b = both.b.parts[0].columns.score_path(score.name) or score.path
    by_task = any(len(side.tasks) > 1 for side in both.sides)
    sides = (
        read_samples(client, both.a, score, by_task=by_task),
        read_samples(client, both.b, Score(score.name, path_b, score.filter), by_task=by_task),
    )
    score = choose_filter(score, sides, meant)
    a, b = (side.scored(score.filter) for side in sides)
    joined = join(a, b)
    if unlike and joined.pairs and not joined.is_checked:
        raise Problem(
            f"{unlike}, and nothing shows that their samples are the same questions: only {joined.by.partition(',')[0]} joins them.",
            "Compare runs of the same task.",
        )
    if not joined.pairs:
        raise _nothing_in_common(both, (a, b), unlike)
    _refuse_two_scales(score, joined)
    mode, known_by = direction(score, sides, meant)
    judged = judge(joined.pairs, mode, sum(side.unscored + side.broken for side in sides))
    why = f"{score.label} ({'; '.join(part for part in (score.why, known_by) if part)})"
    return Compared(
        both, score, why, joined, judged, _partial(sides, (a, b), joined), _notes(both, joined, judged, unlike)
    )


def _refuse_two_scales(score: Score, joined: Joined) -> None:
    """Raise Problem where one side has shares and the other percent: at most 1, and more than any usual rating."""
    highest = [max(side) for side in zip(*(pair.scores for pair in joined.pairs))]
    if max(highest) > _LARGEST_RATING and (sentence := two_scales(score.label, zip("AB", highest))):
        raise Problem(f"The sides are not of one scale. {sentence}", "Name a score of both as metric.")


def _meant(both: Both, primaries: Mapping[str, PrimaryMetric]) -> list[Meant]:
    """The primary metric, where the tags of the sides' experiments agree, then the headline metrics that something proves."""
    of_sides = {primaries.get(str(each.run.entity.info.experiment_id)) for each in both.sides} - {None}
    tagged = [Meant(each.name, "the experiment's primary metric", each.mode) for each in of_sides if each]
    proved = [headline_of(each.run.metrics, None) for each in both.sides]
    return (tagged if len(tagged) == 1 else []) + [Meant(name) for name in dict.fromkeys(proved) if name]


def _partial(sides: Sequence[Samples], scored: Sequence[Sequence[Sample]], joined: Joined) -> str | None:
    sentences = []
    if joined.only_a or joined.only_b or joined.left_out:
        sentences.append(f"{len(joined.pairs):,} questions joined; {', '.join(shares_told(joined))}")
    for label, side in zip("AB", sides):
        if side.broken:
            sentences.append(f"{plural(side.broken, 'line')} of {label} cannot be read")
        if side.unscored:
            sentences.append(f"{plural(side.unscored, 'row')} of {label} without this score")
        if side.is_cut:
            sentences.append(f"only the first {MOST_ROWS:,} rows of {label} were read")
    return "; ".join(sentences) or None


def _notes(both: Both, joined: Joined, judged: Judged, unlike: str) -> list[str]:
    notes = []
    if unlike:
        notes.append(f"{unlike}: the questions are the same by what they were joined by.")
    if joined.has_repeats and judged.is_binary:
        notes.append("Of repeated questions the majority counts: right in more than half of the repeats.")
    if not judged.is_binary:
        notes.append("Every change of the score is counted, however small.")
    if judged.mode is None:
        notes.append("show='regressed' lists what is lower in B, 'fixed' what is higher.")
    if any(found.parts[0].file is None for found in both.sides) and joined.by.startswith("the text"):
        notes.append(
            f"MLflow lists requests cut at {PREVIEW:,} characters: longer ones are joined by their beginnings."
        )
    files = {label: len(found.parts) for label, found in zip("AB", both.sides) if len(found.parts) > 1}
    if files:
        counted = ", ".join(f"{label} {plural(count, 'file')}" for label, count in files.items())
        notes.append(f"Read as one evaluation: {counted}.")
    return notes


def _nothing_in_common(both: Both, sides: tuple[Sequence[Sample], Sequence[Sample]], unlike: str) -> Problem:
    counts = ", ".join(
        f"{label} {len(side):,} scored samples ({_where(found)})" for label, side, found in zip("AB", sides, both.sides)
    )
    why = f"{unlike}: they" if unlike else "They"
    return Problem(
        f"{why} have no question in common: {counts}.",
        "Compare runs of the same task and dataset, or name artifact_path.",
    )


def _where(found: Found) -> str:
    return found.paths[0] if found.paths else "traces"
