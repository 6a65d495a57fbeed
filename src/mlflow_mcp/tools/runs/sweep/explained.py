"""What aggregate_runs answers to group_by=['each']."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.secrets.names import names_a_secret
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.errors import NotFound
from mlflow_mcp.statistics.exact import ERROR
from mlflow_mcp.text import clipped, number, plural
from mlflow_mcp.tools.runs.sweep.configurations import Noise, Space, space_of
from mlflow_mcp.tools.runs.sweep.confounded import best_within, determined, means_in_order
from mlflow_mcp.tools.runs.sweep.effects import Dimension, Effect, dimensions_of, effects_of
from mlflow_mcp.tools.runs.sweep.progress import levelled_off, noise_in_words
from mlflow_mcp.tools.runs.sweep.trials import Trials
from mlflow_mcp.tools.runs.sweep.tried import Masked, best_count, best_region, never_tried, tried
from mlflow_mcp.tools.runs.tables.order import Order, order_of

_MOST_ROWS = 30
_TOGETHER_NAMED = 3
_IGNORED_NAMED = 4


class Sweep(BaseModel):
    """How the params that vary move one metric. A row per param, the surest first; `a = b`: they always change together.
    Runs of equal params count once, by their mean. rho: Spearman's; bend: a peak (below 0) or dip inside the range; eps2: share
    of the variance of ranks between texts. means_in_order: of each value tried, with the count of configurations. p: by permutations; p_holm: corrected for all params tested."""

    metric: str
    order: Annotated[str | None, Field(description="Which end is best, and what says so.")] = None
    configurations: Annotated[int, Field(description="Settings of the params that vary.")]
    verdict: str
    params: Table | None = None
    not_tested: Annotated[str | None, Field(description="Params with too many values, or in too few runs.")] = None
    ignored: Annotated[str | None, Field(description="Params that say which run it is.")] = None
    noise: Annotated[str, Field(description="Of the metric, from repeats.")]
    progress: Annotated[str | None, Field(description="Whether the best value still gets better.")] = None


def explain(client: Client, ids: list[str], trials: Trials) -> tuple[Sweep, list[str]]:
    """What moves the metric over these runs, with sentences on what is uncertain. Raises NotFound where no param varies."""
    order = order_of(client, ids, trials.metric, "auto")
    space = space_of(trials.runs)
    if not space.names:
        besides = f" besides {_in_words(space.ignored)}" if space.ignored else ""
        raise NotFound(
            f"No param varies over {plural(len(trials.runs), 'run')} with a finite '{trials.metric}'{besides}.",
            "Widen the query, or group by a tag.",
        )
    dimensions = dimensions_of(space)
    effects = effects_of(dimensions)
    untested = [each for each in dimensions if not each.can_be_tested]
    noise = space.noise
    entangled = determined([each.dimension for each in effects], client.masked)
    sweep = Sweep(
        metric=trials.metric,
        order=str(order) if order else None,
        configurations=len(space.configurations),
        verdict=_verdict(effects, trials.metric, bool(entangled)),
        params=_table(effects[:_MOST_ROWS], order, client.masked),
        not_tested=", ".join(
            f"{_named(each)} ({plural(len(set(each.levels)), 'value')})" for each in untested[:_MOST_ROWS]
        )
        or None,
        ignored=_in_words(space.ignored) or None,
        noise=noise_in_words(noise),
        progress=levelled_off(trials.runs, order.mode, noise) if order else None,
    )
    within = best_within(effects, order.mode, client.masked) if order else []
    return sweep, [*entangled, *within, *_notes(effects, order, space, noise)]


def _verdict(effects: Sequence[Effect], metric: str, is_entangled: bool) -> str:
    if not effects:
        return "cannot tell: too few configurations to test any param"
    sure = [_named(each.dimension) for each in effects if each.is_sure]
    others = len(effects) - len(sure)
    if not sure:
        return f"cannot tell: none of {plural(others, 'param')} has p_holm < {ERROR}"
    rest = f"; cannot tell for {plural(others, 'other')}" if others else ""
    apart = "; some of these params follow from another, see notes" if is_entangled else ""
    return f"{metric} goes with {', '.join(sure)} (p_holm < {ERROR}){rest}{apart}"


def _table(effects: Sequence[Effect], order: Order | None, masked: Masked) -> Table | None:
    columns = ["param", "n", "rho", "bend", "eps2", "p", "p_holm"]
    columns += ["best_at", "mean_there", "mean_elsewhere"] if order else []
    rows = [_row(effect, order, masked) for effect in effects]
    return (
        Table.of([*columns, "tried", "means_in_order", "never_tried"], rows, keep=("param", "p", "p_holm"))
        if rows
        else None
    )


def _row(effect: Effect, order: Order | None, masked: Masked) -> list[Any]:
    dimension = effect.dimension
    sizes = (effect.rho, effect.bend, effect.eps2)
    row: list[Any] = [_named(dimension), len(dimension.levels)]
    row += [None if size is None else number(round(size, 3), 2) for size in sizes]
    row += [number(effect.p, 2), number(effect.adjusted, 2)]
    if order:
        region = best_region(dimension, order.mode, masked)
        row += [region.where, number(region.mean, 4)]
        row.append(None if region.elsewhere is None else number(region.elsewhere, 4))
    in_order = means_in_order(dimension)
    return [*row, None if in_order else tried(dimension, masked), in_order, never_tried(dimension)]


def _named(dimension: Dimension) -> str:
    names = [clipped(name) for name in dimension.names]
    names = [name for name in names if not names_a_secret(name)] or names[:1]
    more = len(dimension.names) - len(names[:_TOGETHER_NAMED])
    return " = ".join(names[:_TOGETHER_NAMED]) + (f" = {more} more" if more else "")


def _in_words(ignored: dict[str, list[str]]) -> str:
    """`seeds: seed; paths: data_dir, output and 3 more`."""
    parts = []
    for reason, names in sorted(ignored.items()):
        more = f" and {len(names) - _IGNORED_NAMED} more" if len(names) > _IGNORED_NAMED else ""
        parts.append(f"{reason}: {', '.join(map(clipped, names[:_IGNORED_NAMED]))}{more}")
    return "; ".join(parts)


def _notes(effects: Sequence[Effect], order: Order | None, space: Space, noise: Noise | None) -> list[str]:
    notes = []
    if order is None:
        notes.append(
            "Neither the metric's name nor an experiment's tag says which end is best, so no best values are named."
        )
    elif effects:
        count = best_count(len(space.configurations))
        notes += [
            *order.doubts,
            f"best_at: where the best {count} of {plural(len(space.configurations), 'configuration')} lie.",
        ]
    if any(len(each.dimension.names) > 1 for each in effects):
        notes.append("Params joined by = always change together: these runs cannot tell which of them counts.")
    if noise is not None and noise.sd == 0:
        notes.append("Repeats that agree to the last digit may be copies of one run.")
    if len(effects) > _MOST_ROWS:
        notes.append(f"{len(effects) - _MOST_ROWS} more params, less sure than these, are not shown.")
    return notes
