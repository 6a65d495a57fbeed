"""Everything that talks to MLflow, by noun: `client.experiments`, `client.runs`, `client.metrics`, `client.models`, …

Methods return MLflow's entities and raise `errors.Problem`, never an error of MLflow or of its libraries.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from functools import cached_property, partial
from typing import TypeVar, cast

from mlflow_mcp.answers.masking import mask
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.call import Call, CallEnded, Steps
from mlflow_mcp.client.experiments import Experiments
from mlflow_mcp.client.genai import Genai
from mlflow_mcp.client.metrics import Metrics
from mlflow_mcp.client.models import Models
from mlflow_mcp.client.runs import Runs
from mlflow_mcp.client.traces import Traces
from mlflow_mcp.client.traces.metrics import TraceMetrics
from mlflow_mcp.client.transport.codes import not_mlflow, refused_or_absent
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.client.transport.guard import asking_for, part_ends
from mlflow_mcp.client.transport.http import Http
from mlflow_mcp.client.transport.translate import ended_in, last_response, problem_of, unsupported
from mlflow_mcp.errors import (
    AccessRefused,
    FeatureDisabled,
    NotMlflow,
    Problem,
    TimedOut,
    Unreachable,
    UnsupportedByServer,
)
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import safe_uri

T = TypeVar("T")
# How long an answer waits for a part that it can do without.
PART_SECONDS = 5.0
# What MLflow's client and ours raise when JSON of another shape than MLflow's is taken apart.
MISREAD = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)

__all__ = ["Client"]


class Client:
    """What one call sees of a connection. Cheap to make: nothing is requested before it is asked for."""

    def __init__(self, connection: Connection, call: Call | None = None, prefix: str = "") -> None:
        self.connection = connection
        # What stands before ids of its server in a call that reads several servers.
        self.prefix = prefix
        self.call = call or Call(timeout=connection.settings.timeout)

    @property
    def settings(self) -> Settings:
        return self.connection.settings

    @property
    def is_http(self) -> bool:
        return self.connection.is_http

    @property
    def uri(self) -> str:
        """The tracking URI. Raises Problem when none is configured."""
        return self.connection.known_uri

    @property
    def uris(self) -> list[str]:
        """The tracking URIs of all servers that this call reads."""
        return [self.uri]

    @property
    def watched(self) -> list[Client]:
        """The http(s) servers whose silence ends the call."""
        return [self] if self.is_http else []

    def at(self, id: str) -> tuple[Client, str]:
        """The client of the server that an id names, and the id as that server knows it."""
        return self, id

    @cached_property
    def http(self) -> Http:
        return Http(self)

    @cached_property
    def experiments(self) -> Experiments:
        return Experiments(self)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self)

    @cached_property
    def models(self) -> Models:
        return Models(self)

    @cached_property
    def traces(self) -> Traces:
        return Traces(self)

    @cached_property
    def trace_metrics(self) -> TraceMetrics:
        return TraceMetrics(self)

    @cached_property
    def genai(self) -> Genai:
        return Genai(self)

    def artifacts(self, owner: str) -> ArtifactSource:
        """The artifacts of a run id, a logged model id or a `models:/` URI."""
        return ArtifactSource(self, owner)

    def ask(self, request: Callable[[], T]) -> T:
        """What MLflow answers. Every use of MLflow's client, stores and HTTP helpers goes through here or `asking`."""
        with self.asking():
            return request()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Stops when the call has ended, and raises Problem for whatever goes wrong inside."""
        self.call.check()
        last_response.set(None)
        try:
            with asking_for(self.call):
                yield
        except (Problem, CallEnded):
            raise
        except MISREAD as error:
            if self.is_http and not isinstance(error, OSError):  # those of `requests`, which has sentences for them
                raise not_mlflow(safe_uri(self.uri), 200) from error
            raise problem_of(error, self.connection.uri or "MLflow") from error
        except Exception as error:
            if ended := ended_in(error):
                raise ended from error
            problem = problem_of(error, self.connection.uri or "MLflow")
            raise (late() if isinstance(problem, TimedOut) and part_ends.get() else problem) from error
        finally:
            last_response.set(None)

    def ask_feature(self, request: Callable[[], T], feature: str, *, since: str) -> T:
        """What MLflow answers to a request that older servers have no route for. Raises UnsupportedByServer, with the version
        that has the feature, when the server answers other requests as MLflow does."""
        try:
            return self.ask(request)
        except (UnsupportedByServer, NotMlflow) as error:
            if not self.is_http or isinstance(error, FeatureDisabled):
                raise
            self.experiments.search(None, [], 1, None)  # raises when what answers is no MLflow server
            raise unsupported(safe_uri(self.uri), feature, since) from error

    @contextmanager
    def naming(self, what: str) -> Iterator[None]:
        """Where the server refuses one thing by its id, the sentence names it, and that it may not exist either."""
        try:
            yield
        except AccessRefused as error:
            self.experiments.search(None, [], 1, None)  # raises when these credentials may read nothing at all
            raise refused_or_absent(what, safe_uri(self.uri)) from error

    def masked(self, text: str, name: str = "") -> str:
        """The text as an answer may show it, where it is to be cut: a part of a secret is not recognised as one."""
        return str(mask(text, name)) if self.settings.mask_secrets else text

    def run_concurrently(self, *jobs: Callable[[], T], steps: Steps | None = None) -> list[T]:
        """The results of independent requests, run at the same time, in the order given. The first failure is raised. Each is
        one of the `steps` that the host is told of."""
        return self.connection.pool.run(self.call, steps.counting(jobs) if steps else jobs)

    def part(self, job: Callable[[], T]) -> T:
        """The result of a job that the answer can do without. Raises TimedOut when it takes longer than a part may."""
        found, late_or_failed = self._parts([job])
        if late_or_failed is not None and not (found and found[0] is not None):
            raise late_or_failed
        return found[0]

    def parts(self, what: str, *jobs: Callable[[], None], steps: Steps | None = None) -> None:
        """Run jobs that add to an answer, all at the same time and within the time of one part. Where the server does not
        answer one, the answer will say that `what` is missing."""
        _, late_or_failed = self._parts(steps.counting(jobs) if steps else jobs)
        if isinstance(late_or_failed, TimedOut):
            self.call.do_without(f"{what} did not all come within {PART_SECONDS:g} s; what is missing is left out.")
        elif late_or_failed is not None:
            self.call.do_without(f"{what} could not all be read: {late_or_failed}")

    def _parts(self, jobs: Sequence[Callable[[], T]]) -> tuple[list[T], Unreachable | None]:
        # Once a part was late, the same server will hardly be quicker with the next.
        seconds = min(1.0 if self.call.missing else PART_SECONDS, self.call.remaining / 2)
        outcome: list[tuple[list[T], list[Unreachable]]] = []
        failure: list[Exception] = []

        def run() -> None:
            part_ends.set(time.monotonic() + seconds)
            failed: list[Unreachable] = []
            try:
                found = self.run_concurrently(*(partial(_kept, job, failed) for job in jobs))
                outcome.append((cast("list[T]", found), failed))
            except Exception as error:  # raised again in the thread that waits
                failure.append(error)

        # A thread of its own: what hangs outside of HTTP (a disk of the network, a bucket) ends when it ends.
        thread = threading.Thread(target=copy_context().run, args=(run,), name="part of an answer", daemon=True)
        started = time.monotonic()
        thread.start()
        thread.join(seconds + 0.5)
        if failure:
            raise failure[0]
        if not outcome:
            return [], late()
        found, failed = outcome[0]
        if time.monotonic() - started >= seconds:  # a job may do without what came late to it
            return found, late()
        return found, next(iter(sorted(failed, key=lambda each: isinstance(each, TimedOut))), None)


def _kept(job: Callable[[], T], failed: list[Unreachable]) -> T | None:
    try:
        return job()
    except Unreachable as problem:
        failed.append(problem)
        return None


def late() -> TimedOut:
    return TimedOut(f"Nothing came within {PART_SECONDS:g} s.", "Ask for it by itself, which waits longer.")
