"""The deadline of a call, and the watch for a server that stopped answering."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.to_thread

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.transport.translate import stalled
from mlflow_mcp.errors import Problem, Unreachable
from mlflow_mcp.text import safe_uri


async def run_within_deadline(
    name: str, work: Callable[[], Answer], client: Client, limiter: anyio.CapacityLimiter
) -> Answer:
    """The answer of `work`, run on a worker thread. Raises what it raises; Problem when the call's time is over; and
    Unreachable once an http(s) server is silent. The thread of an ended call stops at its next request."""
    call = client.call
    outcome: list[Answer | Exception] = []

    async def run() -> None:
        # Kept instead of raised: a task group would wrap it.
        try:
            outcome.append(await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter))
        except Exception as error:
            outcome.append(error)

    async def watch() -> None:
        outcome.append(await _silence_of(client))
        tasks.cancel_scope.cancel()

    try:
        with anyio.move_on_after(call.timeout):
            async with anyio.create_task_group() as tasks:
                if client.is_http:
                    tasks.start_soon(watch)
                await run()
                tasks.cancel_scope.cancel()
    finally:
        call.ended.set()
    if not outcome:
        raise _out_of_time(name, client)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _out_of_time(name: str, client: Client) -> Problem:
    progress = f" By then: {client.call.so_far}." if client.call.so_far else ""
    return Problem(
        f"{name} did not finish within {client.call.timeout:g} s.{progress}",
        "Ask for less (name the experiment, narrow the query, a smaller limit), or raise MLFLOW_MCP_TIMEOUT.",
    )


async def _silence_of(client: Client) -> Unreachable:
    """Return once the server is silent: not when one answer takes long, but when it answers nothing at all."""
    patience = client.settings.probe_timeout
    # The import of mlflow may take as long, which is no silence of the server's.
    await anyio.to_thread.run_sync(_wait_for_import, client, abandon_on_cancel=True)
    while True:
        await anyio.sleep(patience)
        alive = False
        with anyio.move_on_after(patience):
            alive = await anyio.to_thread.run_sync(client.http.is_alive, patience, abandon_on_cancel=True)
        if not alive:
            return stalled(safe_uri(client.uri))


def _wait_for_import(client: Client) -> None:
    with suppress(Exception):  # whether it succeeds is the call's own affair
        _ = client.connection.mlflow
