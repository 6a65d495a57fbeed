"""Independent requests at the same time, on worker threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from mlflow_mcp.client.call import Call

T = TypeVar("T")

WORKERS = 8


class WorkerPool:
    """The threads of one connection; none is started before it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def run(self, call: Call, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """The results in the order of the jobs. The first failure is raised.

        Each job sees a copy of the caller's context variables. A job that the call's end precedes is not begun.
        """

        def run(job: Callable[[], T]) -> T:
            call.check()
            return job()

        executor = self._started()
        futures = [executor.submit(copy_context().run, run, job) for job in jobs[1:]]
        results = [run(job) for job in jobs[:1]]
        # Jobs that no thread has begun are run here: nested calls must not deadlock the pool.
        own = {at: run(jobs[at + 1]) for at in reversed(range(len(futures))) if futures[at].cancel()}
        return results + [own[at] if at in own else future.result() for at, future in enumerate(futures)]

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            self._executor = self._executor or ThreadPoolExecutor(WORKERS, "mlflow request")
            return self._executor
