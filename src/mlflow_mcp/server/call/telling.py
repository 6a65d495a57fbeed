"""What a host hears of a call before its answer: how far it is, and warnings where it asked for them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import anyio
from mcp.server.mcpserver.context import Context

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.client.call import Call
from mlflow_mcp.server.records import host_log

# Seconds between two messages at least: nobody reads faster.
_EVERY = 0.1
# After so many seconds without a message one says how long it has taken: some hosts give up a call that is silent.
_SILENCE = 2.0


class Telling:
    """Reported from any thread, sent from the event loop; the last of it before the answer, and nothing after it."""

    def __init__(self, context: Context[Any, Any], call: Call, *, mask_secrets: bool) -> None:
        self._context, self._call, self._mask_secrets = context, call, mask_secrets
        self._latest: tuple[float, float | None, str] | None = None
        self._warnings: list[str] = []
        self._sent = (-1.0, 0)  # steps in the last message, and how many messages before told as many
        self._told = ""
        self._last = time.monotonic()
        call.report, call.warn = self._report, self._warnings.append

    def _report(self, done: float, total: float | None, words: str) -> None:
        self._latest = (done, total, words)

    async def run(self) -> None:
        """Send what is reported, until cancelled."""
        while True:
            await anyio.sleep(_EVERY)
            await self.send()
            if time.monotonic() - self._last >= _SILENCE:
                await self._progress(self._call.done, None, self._duration())

    async def send(self) -> None:
        """Send what was reported since the last time. What a cancelled send has lost is sent by the next."""
        latest = self._latest
        if latest:
            await self._progress(*latest)
            if self._latest is latest:
                self._latest = None
        while self._warnings:
            await self._warn(self._warnings[0])
            del self._warnings[0]

    async def _warn(self, sentence: str) -> None:
        shown = mask_text(sentence) if self._mask_secrets else sentence
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # the host is gone
            await host_log.log(self._context.request_context, "warning", shown)

    def _duration(self) -> str:
        if self._call.asks_user:
            return "waiting for the user's answer"
        seconds = f"{time.monotonic() - self._call.started:.0f} s so far"
        return f"{self._call.so_far}, {seconds}" if self._call.so_far else seconds

    async def _progress(self, done: float, total: float | None, words: str) -> None:
        """The protocol wants a larger number with each message, so a step that is not done yet counts as a part of one."""
        if words == self._told:
            return
        before, again = self._sent
        sent = (before, again + 1) if done <= before else (done, 0)
        shown = sent[0] + sent[1] / (sent[1] + 1)
        self._last = time.monotonic()
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # the host is gone
            await self._context.report_progress(shown, None if total is None or total < shown else total, words)
        self._sent, self._told = sent, words
