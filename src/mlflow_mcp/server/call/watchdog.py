"""The deadline of a call, and the watch for a server that stopped answering."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.to_thread

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.transport.failures import stalled
from mlflow_mcp.errors import Problem, Unreachable
from mlflow_mcp.server.call.telling import Telling
from mlflow_mcp.text import safe_uri


async def run_within_deadline(
    name: str, work: Callable[[], Answer], client: Client, limiter: anyio.CapacityLimiter, telling: Telling
) -> Answer:
    """The answer of `work`, run on a worker thread. Raises what it raises; Problem when the call's time is over; and
    Unreachable once an http(s) server is silent. The thread of an ended call stops at its next request. The host is told
    meanwhile how far it is."""
    call = client.call
    outcome: list[Answer | Exception] = []

    async def run() -> None:
        # Kept instead of raised: a task group would wrap it.
        try:
            outcome.append(await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter))
        except Exception as error:
            outcome.append(error)

    async def watch(watched: Client) -> None:
        outcome.append(await _silence_of(watched))
        tasks.cancel_scope.cancel()

    try:
        with anyio.move_on_after(call.timeout) as time_left:

            def move(seconds: float) -> None:
                time_left.deadline += seconds

            call.move_deadline = move
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(telling.run)
                for watched in client.watched:
                    tasks.start_soon(watch, watched)
                await run()
                tasks.cancel_scope.cancel()
    finally:
        call.ended.set()
    await telling.send()
    if not outcome:
        raise _out_of_time(name, client)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _out_of_time(name: str, client: Client) -> Problem:
    progress = f" By then: {client.call.so_far}." if client.call.so_far else ""
    next_step = "Ask for less (name the experiment, narrow the query, a smaller limit), or raise MLFLOW_MCP_TIMEOUT."
    if client.call.completes:
        next_step = ""
    if client.call.heard.answers_others:
        progress += " The server sent nothing for this request, and answers others: it is slow at it, or stuck in it."
        next_step += " If it stays so, tell the server's operator."
    return Problem(f"{name} did not finish within {client.call.timeout:g} s.{progress}", next_step)


async def _silence_of(client: Client) -> Unreachable:
    """Return once the server is silent: not when one answer takes long, but when nothing comes, or not the rest of an answer.

    Any byte of the API is a sign of life, of whichever request of this call.
    """
    patience, heard = client.settings.probe_timeout, client.call.heard
    if not client.connection.is_loaded:  # the import of mlflow may take as long, which is no silence of the server's
        await anyio.to_thread.run_sync(_wait_for_import, client, abandon_on_cancel=True)
    heard.now()
    while True:
        await anyio.sleep(max(0.01, heard.last + patience - time.monotonic()))
        if client.call.asks_user:
            heard.now()
            continue
        since = heard.waits_for_rest_since
        if since is not None and time.monotonic() - since > 2 * patience:
            return _stopped_midway(client)
        before = heard.last
        if time.monotonic() - before < patience:
            heard.answers_others = False
            continue
        alive = False
        # With a client of its own: the bytes that it hears are the probe's.
        probe = Client(client.connection)
        with anyio.move_on_after(patience):
            alive = await anyio.to_thread.run_sync(probe.http.is_alive, patience, abandon_on_cancel=True)
        probe.call.ended.set()
        if not alive and heard.last == before:
            return stalled(safe_uri(client.uri), 2 * patience)
        if heard.last == before and not heard.answers_others:
            client.call.warn(
                f"The MLflow server at {safe_uri(client.uri)} has sent nothing for {patience:g} s, and answers other requests: it "
                "is slow at this one, or stuck in it."
            )
        heard.answers_others = heard.last == before
        if since is None:
            await anyio.sleep(patience)


def _stopped_midway(client: Client) -> Unreachable:
    return Unreachable(
        f"The MLflow server at {safe_uri(client.uri)} stopped in the middle of an answer.",
        "Try once more; if it persists, ask the operator of the server or of the proxy before it.",
    )


def _wait_for_import(client: Client) -> None:
    with suppress(Exception):  # whether it succeeds is the call's own affair
        _ = client.connection.mlflow
