"""One tool call while it runs: its deadline, cancellation, progress, and how to ask the user for confirmation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural, size

T = TypeVar("T")


class CallEnded(Exception):
    """Raised inside a worker thread when nobody waits for its result any more."""


def _report_to_nobody(done: float, total: float | None, message: str) -> None:
    pass


def _warn_nobody(sentence: str) -> None:
    pass


def _tell_nobody(what: str, outcome: str) -> None:
    pass


def _count_nowhere(status: int, seconds: float) -> None:
    pass


def _nobody_asked() -> None:
    pass


def _keep_deadline(seconds: float) -> None:
    pass


def _cannot_ask(question: str) -> None:
    raise Problem(
        "This needs the user's confirmation, and this host cannot ask for it.", "Ask the user to do it by hand."
    )


class Heard:
    """When something came from the server, and which bodies are under way, for whom silence tells a stuck server."""

    def __init__(self) -> None:
        self.last = time.monotonic()
        # Whether a small request was answered while this call waited in silence.
        self.answers_others = False
        self._bodies: dict[object, float] = {}

    def now(self, body: object = None) -> None:
        """Some bytes came, of this body."""
        self.last = time.monotonic()
        if body is not None:
            self._bodies[body] = self.last

    def whole(self, body: object) -> None:
        self._bodies.pop(body, None)

    @property
    def waits_for_rest_since(self) -> float | None:
        """When the last piece came of the body that has waited longest for its next."""
        return min(list(self._bodies.values()), default=None)


@dataclass
class Call:
    """Shared by the event loop, which may end the call, and its worker threads, which look at it between requests.
    `timeout` is in seconds."""

    timeout: float
    # Told what was done, of how much, and in words; it must not wait.
    report: Callable[[float, float | None, str], None] = _report_to_nobody
    # Told what an operator would want to know although the call goes on; it must not wait.
    warn: Callable[[str], None] = _warn_nobody
    # Asks the user one question. Raises Problem where they do not agree, and where the host has no way to ask.
    confirm: Callable[[str], None] = _cannot_ask
    # While the user is asked, neither the call's time nor the server's silence counts.
    asks_user: bool = False
    move_deadline: Callable[[float], None] = _keep_deadline
    # Told of every answer of the server's: its status and the seconds until it began.
    answered: Callable[[int, float], None] = _count_nowhere
    # Told when the server's API has accepted the credentials that a request of this call carried.
    accepted: Callable[[], None] = _nobody_asked
    so_far: str = ""
    # Steps of all kinds together.
    done: float = 0
    _counting: threading.RLock = field(default_factory=threading.RLock)
    started: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)
    # Parts that the answer has to do without, a sentence each.
    missing: list[str] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)
    # The host's name, for whoever reads later who wrote something.
    host: str = ""
    # Who calls, where a server of several people knows it.
    caller: str = ""
    # What was written to MLflow, and what is being written: an answer that fails has to say both.
    written: list[str] = field(default_factory=list)
    writing: str = ""
    # How what was begun is completed, for an answer that fails in the middle.
    completes: str = ""
    # Told of every write and its outcome.
    audit: Callable[[str, str], None] = _tell_nobody
    # Whether lists were searched from which a server leaves out what one may not read.
    searched_everything: bool = False

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, at least a hundredth."""
        return max(0.01, self.started + self.timeout - time.monotonic())

    @property
    def is_late(self) -> bool:
        """Whether a fifth of the time is left or less: what reads page after page answers now with what it has."""
        return self.remaining < self.timeout / 5

    def check(self) -> None:
        """Stop the thread here when the call was cancelled or is over its time."""
        if self.ended.is_set():
            raise CallEnded

    def do_without(self, sentence: str) -> None:
        """A part of the answer is missing, as the sentence says."""
        self.missing.append(sentence)
        self.warn(sentence)

    def steps(self, verb: str, thing: str, total: int | None = None, things: str = "", of: str = "") -> Steps:
        """What counts a stretch of this call's work. `things` is the plural where it is not `thing` with an s; `of` says of
        what they are. Bytes are told as sizes."""
        return Steps(self, verb, (thing, things), total, f" of {of}" if of else "")

    def moved(self, count: float, left: float | None, words: str) -> None:
        """Say how far the call is: to the host, and in the error if the deadline comes first. `left` is what is known to be
        left of the present stretch. Use `steps`."""
        self.check()
        with self._counting:
            self.done += count
            self.so_far = words
            self.report(self.done, None if left is None else self.done + left, words)


class Steps:
    """A stretch of a call's work in words that a person reads, such as `read 2,000 of 20,000 runs`, counted on any thread.
    Several stretches of one call add up, so that its progress never goes back."""

    def __init__(self, call: Call, verb: str, nouns: tuple[str, str], total: int | None, of: str) -> None:
        self._call, self._verb, self._nouns, self._of = call, verb, nouns, of
        self.total = total
        self.done = 0
        self._lock = threading.Lock()

    def advance(self, count: int = 1, more: str = "") -> None:
        """So many more are done; `more` is added to the words. Stops the thread here when the call has ended."""
        with self._lock:
            self.done += count
            total = None if self.total is None else max(self.total, self.done)
            self._call.moved(count, None if total is None else total - self.done, self._words(total) + more)

    def counting(self, jobs: Sequence[Callable[[], T]]) -> list[Callable[[], T]]:
        """The same jobs, each of which is a step."""
        self.total = (self.total or 0) + len(jobs)
        if len(jobs) > 1:
            self.advance(0)
        return [partial(self._counted, job) for job in jobs]

    def _counted(self, job: Callable[[], T]) -> T:
        result = job()
        self.advance()
        return result

    def _words(self, total: int | None) -> str:
        thing, things = self._nouns
        if thing == "byte":
            return f"{self._verb} {size(self.done)}{'' if total is None else f' of {size(total)}'}{self._of}"
        if total is None:
            return f"{self._verb} {plural(self.done, thing, things)}{self._of}"
        return f"{self._verb} {self.done:,} of {plural(total, thing, things)}{self._of}"
