"""A property that is computed once for each object."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from mlflow_mcp.client.once import once

SOON = 10


@dataclass(frozen=True)
class Source:
    may_answer: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    @once
    def answer(self) -> str:
        self.asked.append("asked")
        assert self.may_answer.wait(SOON)
        return "answer"


def test_it_is_computed_once_however_many_threads_ask():
    source = Source()
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(source.answer)) for _ in range(4)]
    for thread in threads:
        thread.start()
    source.may_answer.set()
    for thread in threads:
        thread.join(SOON)
    assert answers == ["answer"] * 4
    assert source.asked == ["asked"]


def test_a_slow_one_holds_up_no_other_object():
    slow, quick = Source(), Source()
    quick.may_answer.set()
    waiting = threading.Thread(target=lambda: slow.answer)
    waiting.start()
    answers: list[str] = []
    other = threading.Thread(target=lambda: answers.append(quick.answer))
    other.start()
    other.join(SOON / 2)
    slow.may_answer.set()
    waiting.join(SOON)
    assert answers == ["answer"]


def test_a_failure_is_not_kept():
    class Failing:
        tries = 0

        @once
        def answer(self) -> int:
            self.tries += 1
            if self.tries == 1:
                raise OSError("the server went away")
            return self.tries

    failing = Failing()
    with pytest.raises(OSError, match="went away"):
        _ = failing.answer
    assert failing.answer == 2
