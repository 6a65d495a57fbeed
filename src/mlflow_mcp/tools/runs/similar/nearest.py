"""The nearest of the candidates: chosen by the keys that are looked for, then compared by all that they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import experiment_name
from mlflow_mcp.text import iso, plural, short
from mlflow_mcp.tools.runs.similar.candidates import Candidate, Candidates
from mlflow_mcp.tools.runs.similar.nearness import Difference, Information, difference
from mlflow_mcp.tools.runs.similar.profile import MODEL, Profile, profile_of
from mlflow_mcp.tools.runs.similar.reference import Reference

if TYPE_CHECKING:
    from mlflow.entities import Run

# So many are compared by all their keys, of which the limit is shown.
_COMPARED_WHOLE = 60
_RUNS_AT_ONCE = 100
_KEYS_SHOWN = 4
_VALUE_SHOWN = 40
SCORES_SHOWN = 2
_FEWEST_CUT = 3  # names of so many parts are shown whole


@dataclass(frozen=True)
class Near:
    """A candidate with what it was compared by."""

    candidate: Candidate
    profile: Profile
    difference: Difference

    @property
    def order(self) -> tuple[bool, float, int, str]:
        run = self.candidate.run
        return not self.difference.is_same, self.difference.distance, -(run.start_time or 0), run.run_id


@dataclass
class Nearest:
    """The rows of the answer, and what is said of them."""

    rows: list[Near]
    same: int  # how many have the same params, shown or not
    may_be_more: bool  # whether runs that were not compared by all keys may have them too
    entities: Mapping[str, Run]
    experiments: Mapping[str, str]
    notes: list[str] = field(default_factory=list)

    def table(self, reference: Reference) -> Table:
        """The rows; the keys that differ by the ends of their names."""
        time = "exported" if reference.is_export else "start_time"
        columns = ["run_id", "name", "experiment", "status", time, "match", "distance", "differs", "ignored_but_differ"]
        names = short_names(
            {*reference.profile.compared, *(key for near in self.rows for key in near.profile.compared)}
        )
        rows = [self._row(near, reference, names) for near in self.rows]
        shown = (key for near in self.rows for key in near.difference.keys[:_KEYS_SHOWN])
        if any(names.get(key, key) != key for key in shown):
            self.notes.append("Keys are shown by the ends of their names; get_run has them whole.")
        return Table.of([*columns, "scores"], rows, keep=("run_id", "match", "distance"))

    def _row(self, near: Near, reference: Reference, names: Mapping[str, str]) -> list[Any]:
        run, entity = near.candidate.run, self.entities.get(near.candidate.run.run_id)
        metrics = dict(entity.data.metrics) if entity else {}
        shared = {name: metrics[name] for name in headline(reference.metrics, SCORES_SHOWN) if name in metrics}
        return [
            run.run_id,
            run.name,
            experiment_name(self.experiments, run.experiment_id),
            run.status,
            iso(run.end_time or run.start_time) if reference.is_export else iso(run.start_time),
            _match(near.difference, reference),
            float(f"{near.difference.distance:.3g}"),
            _differs(near, reference, names) or None,
            _ignored(near, reference) or None,
            shared or headline(metrics, SCORES_SHOWN) or None,
        ]


def nearest_of(client: Client, found: Candidates, reference: Reference, limit: int) -> Nearest:
    """The `limit` nearest candidates."""
    ranked = sorted(
        (Near(each, each.profile, _difference(reference, each.profile, found.information)) for each in found.found),
        key=lambda near: near.order,
    )
    most = max(_COMPARED_WHOLE, 2 * limit)
    entities = _read(client, ranked[:most])
    near = _compared_whole(ranked[:most], entities, reference, found.information) if reference.is_run else ranked[:most]
    left = ranked[most:] if reference.is_run else []
    same = sum(each.difference.is_same for each in (near if reference.is_run else ranked))
    may_be_more = any(each.difference.is_same for each in left)
    nearest = Nearest(near[:limit], same, may_be_more, entities, client.experiments.names())
    if equal := sum(each.difference.distance <= ranked[most - 1].difference.distance for each in left):
        sentence = (
            f"{plural(equal, 'more run')} as near by the keys of this run; only {most} were compared by all keys."
        )
        nearest.notes.append(sentence)
    return nearest


def _difference(reference: Reference, profile: Profile, information: Information) -> Difference:
    return difference(reference.profile, profile, information, only_wanted=True, is_export=reference.is_export)


def _compared_whole(
    ranked: Sequence[Near], entities: Mapping[str, Run], reference: Reference, information: Information
) -> list[Near]:
    """The same by all keys that a run has, not only by those that are looked for."""
    profiles = [_whole_profile(near, entities, reference) for near in ranked]
    further = {key for profile in profiles for key in profile.compared if key not in reference.profile.compared}
    for profile in profiles:
        information.add(profile.compared, further)
    whole = [
        Near(
            near.candidate,
            profile,
            difference(reference.profile, profile, information, only_wanted=False, is_export=reference.is_export),
        )
        for near, profile in zip(ranked, profiles)
    ]
    return sorted(whole, key=lambda near: near.order)


def _whole_profile(near: Near, entities: Mapping[str, Run], reference: Reference) -> Profile:
    entity = entities.get(near.candidate.config_run)
    params = near.candidate.file_params or (entity.data.params if entity else {})
    if not params:
        return near.profile
    tags = entity.data.tags if entity else near.candidate.run.tags
    profile = profile_of(params, tags, reference.ignoring, is_export=reference.is_export)
    return Profile(profile.compared, profile.ignored, near.profile.model or profile.model)


def _read(client: Client, near: Sequence[Near]) -> dict[str, Run]:
    """The runs whole, by id."""
    ids = list(dict.fromkeys(id_ for each in near for id_ in (each.candidate.run.run_id, each.candidate.config_run)))
    experiments = sorted({each.candidate.run.experiment_id for each in near})
    experiments = list(client.experiments.names()) if len(ids) > len(near) else experiments
    parts = [ids[start : start + _RUNS_AT_ONCE] for start in range(0, len(ids), _RUNS_AT_ONCE)]
    queries = [f"attributes.run_id IN ({', '.join(map(quoted_value, part))})" for part in parts]
    found = client.run_concurrently(*(lambda query=query: client.runs.find(experiments, query) for query in queries))
    return {run.info.run_id: run for part in found for run in part}


def _match(found: Difference, reference: Reference) -> str:
    if found.is_same:
        agreement = f"same params ({found.compared} compared)"
    else:
        agreement = f"{found.compared - len(found.keys)} of {found.compared} equal"
    if found.other_model:
        agreement += ", other model"
    elif reference.is_export and found.other_model is None:
        agreement += ", model not recorded of both"
    return agreement


def _differs(near: Near, reference: Reference, names: Mapping[str, str]) -> dict[str, Any]:
    """The keys that differ, with both values: that of the reference first, null for none."""
    differs: dict[str, Any] = {}
    if near.difference.other_model:
        differs[MODEL] = [reference.profile.model, near.profile.model]
    for key in near.difference.keys[:_KEYS_SHOWN]:
        differs[names.get(key, key)] = [
            _shown(reference.profile.compared.get(key)),
            _shown(near.profile.compared.get(key)),
        ]
    if len(near.difference.keys) > _KEYS_SHOWN:
        differs["more"] = len(near.difference.keys) - _KEYS_SHOWN
    return differs


def _shown(value: str | None) -> str | None:
    if value is None:
        return None
    return short(value.removesuffix(".0") or value, _VALUE_SHOWN)


def _ignored(near: Near, reference: Reference) -> str:
    """Of a run with the same params the names of those that are not compared and differ all the same."""
    if not near.difference.is_same:
        return ""
    theirs = near.profile.ignored
    names = [name for name, value in reference.profile.ignored.items() if theirs.get(name, value) != value]
    if reference.is_export:  # the others name the export
        names = [name for name in names if name.startswith("config.")]
    more = f" and {len(names) - _KEYS_SHOWN} more" if len(names) > _KEYS_SHOWN else ""
    return ", ".join(names[:_KEYS_SHOWN]) + more


def short_names(names: Collection[str]) -> dict[str, str]:
    """Long dotted names by their ends, as many parts as no other name ends with; at least two."""
    ends: Counter[str] = Counter()
    parts_of = {name: name.split(".") for name in names}
    for parts in parts_of.values():
        ends.update(".".join(parts[-length:]) for length in range(1, len(parts) + 1))
    short_of = {}
    for name, parts in parts_of.items():
        tails = (".".join(parts[-length:]) for length in range(2, len(parts)))
        short_of[name] = next((tail for tail in tails if ends[tail] == 1), name) if len(parts) > _FEWEST_CUT else name
    return short_of
