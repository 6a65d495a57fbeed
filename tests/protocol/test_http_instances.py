"""Two instances behind a load balancer: what one has asked another is answered, and one may leave in the middle of calls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import httpx2
import pytest
from mcp_types import ElicitResult
from mlflow import MlflowClient
from pydantic import SecretStr

from tests.support.http_serving import connected, serving, taking_turns
from tests.support.servers import HOST, Handler, QuietServer
from tests.support.servers import serving as serving_handler

pytestmark = pytest.mark.slow
KEY = SecretStr("the same secret of all the instances")


async def agreed(context, params):
    return ElicitResult(action="accept", content={})


def deleted(address: str, run: str, mode: str) -> str:
    """What a host is told that asks its user."""

    async def ask() -> str:
        async with connected(address, mode=mode, elicitation_callback=agreed) as client:
            return (await client.call_tool("delete", {"targets": [run]})).content[0].text

    return anyio.run(ask)


@pytest.mark.parametrize(("mode", "is_done"), [("auto", True), ("legacy", False)])
def test_a_host_confirms_at_another_instance_than_the_one_that_asked(sqlite_store, tmp_path, mode, is_done):
    options = {"allow_write": ("delete",), "state_key": KEY, "audit_file": str(tmp_path / "audit")}
    run = MlflowClient(sqlite_store.uri).create_run("0").info.run_id
    with (
        serving(sqlite_store.uri, **options) as (one, _),
        serving(sqlite_store.uri, **options) as (other, _),
        taking_turns(one, other) as address,
    ):
        told = deleted(address, run, mode)
    stage = MlflowClient(sqlite_store.uri).get_run(run).info.lifecycle_stage

    assert stage == ("deleted" if is_done else "active"), told
    if not is_done:  # no session, and so no way to ask
        assert "this host cannot ask for it. Nothing was changed." in told


def test_a_session_of_2025_asks_within_its_instance(sqlite_store, tmp_path):
    run = MlflowClient(sqlite_store.uri).create_run("0").info.run_id
    options = {"allow_write": ("delete",), "sessions": 4, "audit_file": str(tmp_path / "audit")}
    with serving(sqlite_store.uri, **options) as (address, _):
        told = deleted(address, run, "legacy")

    assert MlflowClient(sqlite_store.uri).get_run(run).info.lifecycle_stage == "deleted", told


@contextmanager
def balanced(*addresses: str) -> Iterator[str]:
    """Each request to the next instance; where that does not answer, or answers 503, to the one after it."""
    turns = itertools.count()

    class Balancer(Handler):
        def answer(self, request_body: bytes) -> None:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            first = next(turns) % len(addresses)
            for address in (*addresses[first:], *addresses[:first]):
                try:
                    answer = httpx2.post(f"{address}{self.path}", content=request_body, headers=kept, timeout=60)
                except httpx2.ConnectError:
                    continue
                if answer.status_code != 503:
                    break
            self.reply(answer.status_code, answer.content, {"Content-Type": answer.headers["Content-Type"]})

    with serving_handler(QuietServer((HOST, 0), Balancer)) as uri:
        yield uri


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_instance_leaves_in_the_middle_of_calls_and_none_is_lost(sqlite_template, mode):
    answers = []

    async def call(client, server):
        for _ in range(6):
            answers.append(await client.call_tool("query_runs", {"limit": 3}))
            if len(answers) == 12:
                server.leave()

    async def story(address, server):
        async with connected(address, mode=mode) as client, anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(call, client, server)

    options = {"shutdown_seconds": 30, "calls_per_minute": 0}
    with serving(sqlite_template.uri, **options) as (first, leaving), serving(sqlite_template.uri) as (second, staying):
        with balanced(first, second) as address:
            anyio.run(story, address, leaving)
        shares = [
            int(next(line for line in each.parts.metrics.text().splitlines() if 'outcome="ok"' in line).split()[1])
            for each in (leaving, staying)
        ]

    assert len(answers) == 36
    assert not any(answer.is_error for answer in answers)
    assert sum(shares) == 36
    assert shares[0] < shares[1]
