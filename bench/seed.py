"""Fill a sqlite store with what evaluation launchers leave behind: MLflow makes the schema, SQL the rows.

    python bench/seed.py big.db --experiments 500 --runs 20000 --curve 200000

That takes 15 to 25 s. The same arguments give the same ids. Artifact locations are `mlflow-artifacts:/`:
serve the file with `mlflow server`. No artifact is written.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

TASKS = ("mmlu-pro", "gpqa_diamond", "aime_2025", "ifeval")
HARNESSES = ("simple_evals", "simple_evals", "simple_evals", "lm-evaluation-harness")
EXECUTORS = ("slurm", "local", "lepton")
SCORES = ("pass_at_1_symbolic_correct", "pass_at_1_symbolic_correct_stderr", "score_micro-average")
CONFIG_PARAMS = 74
BATCH = 2_000

NEWEST = 1_790_000_000_000  # start time of the first run; each next one began a minute earlier
CURVE_METRIC = "train/loss"
MODELS = 4  # in each experiment


@dataclass(frozen=True)
class Filled:
    """What `fill` made, as a benchmark asks for it."""

    experiment_ids: list[str]
    invocation_id: str
    """One of four runs, each in an experiment of its own."""
    invocation_experiment_id: str
    """Where the first of these four is."""
    curve_run_id: str | None
    """The run with `CURVE_METRIC`, `curve` points of it."""


@dataclass(frozen=True)
class Run:
    """One exported evaluation, made from its number alone."""

    number: int
    experiment_id: int

    @property
    def id(self) -> str:
        return hashlib.md5(f"run {self.number}".encode()).hexdigest()

    @property
    def invocation(self) -> str:
        return hashlib.md5(f"invocation {self.number // 4}".encode()).hexdigest()[:16]

    @property
    def task(self) -> str:
        return TASKS[self.number % 4]

    @property
    def executor(self) -> str:
        return EXECUTORS[self.number // 4 % 3]

    @property
    def name(self) -> str:
        return f"eval-{self.invocation}-{self.task}"

    @property
    def started(self) -> int:
        return NEWEST - self.number * 60_000

    def row(self) -> tuple[object, ...]:
        uri = f"mlflow-artifacts:/{self.experiment_id}/{self.id}/artifacts"
        return (self.id, self.name, self.started, self.started + 4_000, uri, self.experiment_id)

    def params(self) -> Iterator[tuple[str, str]]:
        yield "invocation_id", self.invocation
        yield "executor", self.executor
        yield "timestamp", str(self.started // 1000)
        yield "config.deployment.checkpoint_path", f"/models/model-{self.experiment_id}"
        for number in range(1, CONFIG_PARAMS):
            yield f"config.section_{number % 9}.option_{number:02}", f"value-{number}"

    def tags(self) -> Iterator[tuple[str, str]]:
        yield "invocation_id", self.invocation
        yield "job_id", f"{self.invocation}.{self.number % 4}"
        yield "task_name", self.task
        yield "benchmark", self.task
        yield "harness", HARNESSES[self.number % 4]
        yield "executor", self.executor
        yield "mlflow.runName", self.name
        yield "mlflow.user", f"user-{self.experiment_id % 20}"

    def metrics(self) -> Iterator[tuple[str, float]]:
        for number, score in enumerate(SCORES):
            yield f"{self.task}_{score}", (self.number * 37 + number * 11) % 997 / 997


def fill(db: Path, *, experiments: int = 500, runs: int = 20_000, curve: int = 0) -> Filled:
    """Fill the empty or missing file `db`; with `curve`, one more run has a metric of so many points."""
    make_schema(db)
    with closing(sqlite3.connect(db)) as connection, without_indexes(connection):
        insert_experiments(connection, range(1, experiments + 1))
        insert_runs(connection, (run_of(number, experiments) for number in range(runs)))
        insert_models(connection, range(1, experiments + 1))
        if curve:
            insert_curve(connection, run_of(runs, experiments), curve)
    return expected(experiments=experiments, runs=runs, curve=curve)


def expected(*, experiments: int = 500, runs: int = 20_000, curve: int = 0) -> Filled:
    """What `fill` with these arguments makes, or has made before."""
    first = run_of(0, experiments)
    return Filled(
        [str(number) for number in range(1, experiments + 1)],
        first.invocation,
        str(first.experiment_id),
        run_of(runs, experiments).id if curve else None,
    )


def run_of(number: int, experiments: int) -> Run:
    return Run(number, number % experiments + 1)  # experiment 0 is MLflow's Default


def make_schema(db: Path) -> None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{db}", "mlflow-artifacts:/")


@contextmanager
def without_indexes(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, no fsync, indexes built at its end: fast, and a crash leaves a file to throw away."""
    connection.executescript(
        "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; PRAGMA cache_size=-262144; PRAGMA temp_store=MEMORY"
    )
    tables = "'params', 'tags', 'metrics', 'latest_metrics'"  # some 2 million rows
    query = f"SELECT name, sql FROM sqlite_master WHERE type='index' AND sql NOT NULL AND tbl_name IN ({tables})"
    indexes = connection.execute(query).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, sql in indexes:
        connection.execute(sql)
    connection.commit()
    connection.execute("PRAGMA journal_mode=DELETE")


def insert_experiments(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    connection.executemany(
        "INSERT INTO experiments(experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
        " last_update_time, workspace) VALUES (?, ?, ?, 'active', ?, ?, 'default')",
        [(i, f"user-{i % 20}/model-{i}", f"mlflow-artifacts:/{i}", NEWEST, NEWEST) for i in ids],
    )


def insert_runs(connection: sqlite3.Connection, runs: Iterable[Run]) -> None:
    for batch in batches(runs):
        connection.executemany(
            "INSERT INTO runs(run_uuid, name, start_time, end_time, artifact_uri, experiment_id,"
            " lifecycle_stage, status, source_type, user_id)"
            " VALUES (?, ?, ?, ?, ?, ?, 'active', 'FINISHED', 'LOCAL', 'user')",
            (run.row() for run in batch),
        )
        for table in ("params", "tags"):
            connection.executemany(
                f"INSERT INTO {table}(run_uuid, key, value) VALUES (?, ?, ?)",
                ((id_, *pair) for run in batch for id_ in [run.id] for pair in getattr(run, table)()),
            )
        insert_metrics(
            connection,
            [(run.id, *pair, run.started, 0) for run in batch for pair in run.metrics()],
            latest=True,
        )


def insert_curve(connection: sqlite3.Connection, run: Run, points: int) -> None:
    """A noisy, falling curve in a run of its own."""
    insert_runs(connection, [run])
    values = (math.exp(-step / points * 3) + (step * 7919 % 101) / 1000 for step in range(points))
    rows = ((run.id, CURVE_METRIC, value, run.started + step, step) for step, value in enumerate(values))
    for batch in batches(rows):
        insert_metrics(connection, batch, latest=batch[-1][-1] == points - 1)


def insert_models(connection: sqlite3.Connection, experiments: Iterable[int]) -> None:
    """Logged models, MODELS in each experiment, each of a run of its own, with three params and two metrics on a dataset;
    the first of each twentieth experiment is version 1 of a registered model, its champion."""
    for experiment in experiments:
        for number in range(MODELS):
            id_ = "m-" + hashlib.md5(f"model {experiment} {number}".encode()).hexdigest()
            created = NEWEST - (experiment * MODELS + number) * 60_000
            place, run = (
                f"mlflow-artifacts:/{experiment}/models/{id_}/artifacts",
                run_of(experiment * MODELS + number, 500),
            )
            connection.execute(
                "INSERT INTO logged_models(model_id, experiment_id, name, artifact_location, creation_timestamp_ms,"
                " last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id)"
                " VALUES (?, ?, ?, ?, ?, ?, 2, 'active', 'classifier', ?)",
                (id_, experiment, f"model-{number}", place, created, created, run.id),
            )
            params = [(id_, experiment, name, f"{number}") for name in ("lr", "depth", "seed")]
            connection.executemany("INSERT INTO logged_model_params VALUES (?, ?, ?, ?)", params)
            scores = [
                (id_, experiment, run.id, name, created, (experiment * 37 + number) % 997 / 997)
                for name in ("f1", "loss")
            ]
            connection.executemany(
                "INSERT INTO logged_model_metrics(model_id, experiment_id, run_id, metric_name, metric_timestamp_ms,"
                " metric_value, metric_step, dataset_name, dataset_digest) VALUES (?, ?, ?, ?, ?, ?, 1, 'val', 'd1')",
                scores,
            )
            if number == 0 and experiment % 20 == 0:
                insert_registered(connection, f"registered-{experiment}", place, run.id, created)


def insert_registered(connection: sqlite3.Connection, name: str, source: str, run_id: str, created: int) -> None:
    connection.execute(
        "INSERT INTO registered_models(name, creation_time, last_updated_time, workspace) VALUES (?, ?, ?, 'default')",
        (name, created, created),
    )
    connection.execute(
        "INSERT INTO model_versions(name, version, creation_time, last_updated_time, current_stage, source, run_id, status,"
        " workspace) VALUES (?, 1, ?, ?, 'None', ?, ?, 'READY', 'default')",
        (name, created, created, source, run_id),
    )
    connection.execute(
        "INSERT INTO registered_model_aliases(name, alias, version, workspace) VALUES (?, 'champion', 1, 'default')",
        (name,),
    )


def insert_metrics(connection: sqlite3.Connection, rows: list[tuple], *, latest: bool) -> None:
    """Points of (run id, name, value, timestamp, step). `latest`: the last of a name is the run's value."""
    columns = "(run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
    connection.executemany(f"INSERT INTO metrics{columns}", rows)
    if latest:
        last = {(run_id, name): (run_id, name, *rest) for run_id, name, *rest in rows}
        connection.executemany(f"INSERT INTO latest_metrics{columns}", last.values())


def batches(items: Iterable, size: int = BATCH) -> Iterator[list]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("db", type=Path)
    parser.add_argument("--experiments", type=int, default=500)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--curve", type=int, default=0, help="points of one long metric in one more run")
    arguments = parser.parse_args()
    started = time.perf_counter()
    filled = fill(**vars(arguments))
    size = arguments.db.stat().st_size / 1e6
    print(f"{arguments.db}: {size:.0f} MB in {time.perf_counter() - started:.1f} s")
    print(f"invocation {filled.invocation_id}, first run in experiment {filled.invocation_experiment_id}")
    if filled.curve_run_id:
        print(f"{CURVE_METRIC} of run {filled.curve_run_id}")


if __name__ == "__main__":
    main()
