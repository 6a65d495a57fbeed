"""Training runs as a trainer would have left them in a sqlite store, dated back from this moment.

    with training(empty_store) as add:
        run_id = add(Training("sft", losses(500), gap=10, ago=3 * HOUR))

A curve is a list of values, or of `None` where nothing was logged at that step.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support import raw_store
from tests.support.raw_store import RawRun

MINUTE, HOUR = 60.0, 3_600.0
Point = tuple[int, int, float]


@dataclass(frozen=True)
class Training:
    """A run that logged each of `curves` every `gap` seconds, its last point `ago` seconds before now. `points` are curves
    that are no such thing: (step, seconds before now, value)."""

    name: str
    curves: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    gap: float = 10.0
    ago: float = 5.0
    status: str = "RUNNING"
    params: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, Sequence[tuple[int, float, float]]] = field(default_factory=dict)
    started: float = 4 * HOUR
    artifact_uri: str = "file:///nowhere"
    tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def training(uri: str) -> Iterator[Callable[[Training], str]]:
    """`add(Training(…))` writes a run and returns its id."""
    with raw_store.opened(uri) as db:

        def add(run: Training) -> str:
            now = round(time.time() * 1000)
            count = db.execute("SELECT count(*) FROM runs").fetchone()[0]
            run_id = f"{count + 1:08x}" + "c" * 24
            length = max((len(curve) for curve in run.curves.values()), default=0)
            start = now - round(1000 * max(run.started, run.ago + length * run.gap))
            raw = RawRun(
                run_id,
                0,
                run.name,
                run.status,
                start,
                run.artifact_uri,
                {},
                run.params,
                {"mlflow.runName": run.name, **run.tags},
            )
            raw_store.add_runs(db, [raw])
            ended = None if run.status in ("RUNNING", "SCHEDULED") else now - round(1000 * run.ago)
            db.execute("UPDATE runs SET end_time = ? WHERE run_uuid = ?", (ended, run_id))
            for name, curve in run.curves.items():
                raw_store.add_points(db, run_id, name, dated(curve, run, now))
            for name, points in run.points.items():
                dated_points = [(step, now - round(1000 * ago), value) for step, ago, value in points]
                raw_store.add_points(db, run_id, name, dated_points)
            return run_id

        yield add


def shift(uri: str, milliseconds: int) -> None:
    """Date all runs and points later, so that a store made a while ago is as if it were made now."""
    columns = {"runs": ("start_time", "end_time"), "metrics": ("timestamp",), "latest_metrics": ("timestamp",)}
    with raw_store.opened(uri) as db:
        for table, names in columns.items():
            for name in names:
                db.execute(f"UPDATE {table} SET {name} = {name} + ?", (milliseconds,))


def dated(curve: Sequence[float | None], run: Training, now: int) -> list[Point]:
    """The points of a curve whose last place is `ago` before now."""
    last = len(curve) - 1
    return [
        (step, now - round(1000 * (run.ago + (last - step) * run.gap)), value)
        for step, value in enumerate(curve)
        if value is not None
    ]


def losses(
    count: int, *, seed: int = 0, noise: float = 0.03, end: float = 2.0, total: int | None = None
) -> list[float]:
    """A loss that falls as training losses do, by a power law, with normal noise."""
    generator = random.Random(seed)
    return [
        end + 8 * (1 + 1_000 * (step + 1) / (total or count)) ** -0.5 + generator.gauss(0, noise)
        for step in range(count)
    ]


def every(stride: int, curve: Sequence[float]) -> list[float | None]:
    """The curve at each so many steps only."""
    return [value if step % stride == stride - 1 else None for step, value in enumerate(curve)]


def exponential(
    count: int, begin: float, end: float, rate: float, *, seed: int = 0, noise: float = 0.02
) -> list[float]:
    generator = random.Random(seed)
    return [end + (begin - end) * math.exp(-rate * step / count) + generator.gauss(0, noise) for step in range(count)]


def logged(uri: str, run: Training) -> str:
    """The same run, logged through MLflow's client: also to a server."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client, now = MlflowClient(uri), round(time.time() * 1000)
    start = now - round(1000 * run.started)
    run_id: str = client.create_run("0", start_time=start, run_name=run.name, tags=dict(run.tags)).info.run_id
    curves = {name: dated(curve, run, now) for name, curve in run.curves.items()}
    points = [Metric(name, value, at, step) for name, curve in curves.items() for step, at, value in curve]
    for first in range(0, len(points), 900):
        client.log_batch(run_id, metrics=points[first : first + 900])
    client.log_batch(run_id, params=[Param(name, value) for name, value in run.params.items()])
    if run.status != "RUNNING":
        client.set_terminated(run_id, run.status, now - round(1000 * run.ago))
    return run_id
