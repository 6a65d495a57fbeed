"""What a person reads while a call runs, and numbers that never go back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mlflow_mcp.client.call import Call, CallEnded


@pytest.fixture
def told():
    return []


@pytest.fixture
def call(told):
    return Call(60, lambda *message: told.append(message))


def test_a_total_is_told_where_it_is_known(call, told):
    steps = call.steps("read", "run")
    steps.advance(500)
    steps.total = 20_000
    steps.advance(1_500)

    assert told == [(500, None, "read 500 runs"), (2_000, 20_000, "read 2,000 of 20,000 runs")]
    assert call.so_far == "read 2,000 of 20,000 runs", "what the error says when the time is up"


@pytest.mark.parametrize(
    ("named", "count", "words"),
    [
        ({"verb": "read", "thing": "run"}, 1, "read 1 run"),
        ({"verb": "read", "thing": "history", "things": "histories"}, 2, "read 2 histories"),
        ({"verb": "read", "thing": "byte", "total": 40_000_000, "of": "samples"}, 3e6, "read 3 MB of 40 MB of samples"),
        ({"verb": "read", "thing": "run", "total": 100}, 120, "read 120 of 120 runs"),  # added since they were counted
    ],
)
def test_words(call, named, count, words):
    call.steps(**named).advance(int(count))

    assert call.so_far == words


def test_stretches_of_a_call_add_up(call, told):
    call.steps("read", "run", 300).advance(300)
    files = call.steps("searched", "file", 3)
    files.advance(0)
    files.advance()

    assert [each[:2] for each in told] == [(300, 300), (300, 303), (301, 303)]


def test_steps_on_many_threads_are_all_counted_and_never_go_back(call, told):
    steps = call.steps("searched", "file")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda job: job(), steps.counting([lambda: None] * 200)))

    assert told[-1] == (200, 200, "searched 200 of 200 files")
    assert [done for done, _, _ in told] == list(range(201))


def test_a_step_of_an_ended_call_stops_its_thread(call):
    call.ended.set()

    with pytest.raises(CallEnded):
        call.steps("read", "run").advance()
