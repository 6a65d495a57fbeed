"""Serving over stdio, with an answer to every request: the SDK drops a line that it cannot read, and its host would wait."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import anyio
import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import from_json

Id = int | str | None

# A request is a few kilobytes; a longer line is read in pieces and refused.
LONGEST_LINE = 16_000_000
_TAIL = 4_096


@dataclass(frozen=True)
class Refused:
    """The answer to a line that is no message."""

    id: Id
    code: int
    reason: str


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve until stdin closes. Lines that the SDK takes go to it as they are; all others are answered here."""
    lines = _Lines(_claimed_stdin())
    async with stdio_server(stdin=cast("anyio.AsyncFile[str]", lines)) as (read_stream, write_stream):
        lines.answers = write_stream
        lowlevel = server._lowlevel_server  # `run_stdio_async` of the SDK takes no streams
        await lowlevel.run(read_stream, write_stream, lowlevel.create_initialization_options())


def _claimed_stdin() -> BinaryIO:
    """The bytes of stdin. What else reads stdin in this process, or in one that it starts, finds it empty."""
    sys.stdin.buffer.flush()
    wire, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # A thread may still wait for this descriptor at the end: it is never closed.
    return os.fdopen(wire, "rb", closefd=False)


class _Lines:
    """What the SDK iterates over as stdin: the lines that are messages."""

    def __init__(self, wire: BinaryIO) -> None:
        self._wire = wire
        self.answers: Any = None

    async def __aiter__(self) -> AsyncIterator[str]:
        while line := await anyio.to_thread.run_sync(self._wire.readline, LONGEST_LINE):
            text, refused = await self._too_long(line) if len(line) == LONGEST_LINE else checked(line)
            for answer in refused:
                error = ErrorData(code=answer.code, message=answer.reason)
                await self.answers.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=answer.id, error=error)))
            if text is not None:
                yield text

    async def _too_long(self, head: bytes) -> tuple[None, list[Refused]]:
        piece, tail = head, head[-_TAIL:]
        while piece and not piece.endswith(b"\n"):
            piece = await anyio.to_thread.run_sync(self._wire.readline, 1_000_000)
            tail = (tail + piece)[-_TAIL:]
        at_end = re.search(rb'"id"\s*:\s*("[^"\\]{0,200}"|-?\d{1,19})\s*\}\s*$', tail)
        found = from_json(at_end[1]) if at_end else id_in(head.decode(errors="replace"))
        return None, [Refused(found, INVALID_REQUEST, f"A message may be {LONGEST_LINE:,} bytes long.")]


def checked(line: bytes) -> tuple[str | None, list[Refused]]:
    """The line, when it is one message, and what to answer when it is not."""
    if not line.strip():
        return None, []
    try:
        text = line.decode()
        message = jsonrpc_message_adapter.validate_json(text, by_name=False)
    except UnicodeDecodeError as error:
        reason = f"Parse error: byte {error.start} of the line is not UTF-8."
        return None, [Refused(id_in(line.decode(errors="replace")), PARSE_ERROR, reason)]
    except ValidationError as error:
        return None, _refused(text, error)
    if isinstance(message, JSONRPCNotification):
        parsed = from_json(text)
        if (
            "id" in parsed
        ):  # the SDK takes a request whose id is of another type for a notification, which has no answer
            return None, [_no_request(parsed)]
    return text, []


def _refused(text: str, error: ValidationError) -> list[Refused]:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return [Refused(id_in(text), PARSE_ERROR, f"Parse error: {first['msg']}.")]
    parsed = from_json(text)
    if not isinstance(parsed, list):
        return [_no_request(parsed)] if _wants_answer(parsed) else []
    # Batches were removed from MCP; whoever sends one waits for each of its requests.
    reason = "MCP has no batches: send each message on a line of its own."
    ids = [_id_of(part) for part in parsed if _wants_answer(part) and _id_of(part) is not None]
    return [Refused(found, INVALID_REQUEST, reason) for found in ids or [None]]


def _wants_answer(part: Any) -> bool:
    """Not what answers a request of ours: an error with its id would be taken for the answer to one of the host's."""
    return not isinstance(part, dict) or "method" in part or not {"result", "error"} & set(part)


def _id_of(part: Any) -> Id:
    found = part.get("id") if isinstance(part, dict) else None
    return found if isinstance(found, (int, str)) and not isinstance(found, bool) else None


def _no_request(part: Any) -> Refused:
    if not isinstance(part, dict):
        return Refused(None, INVALID_REQUEST, "A message is a JSON object.")
    found = _id_of(part)
    if part.get("jsonrpc") != "2.0":
        return Refused(found, INVALID_REQUEST, 'A message needs "jsonrpc": "2.0".')
    if not isinstance(part.get("method"), str):
        return Refused(found, INVALID_REQUEST, "A request needs a method, which is a text.")
    if "id" in part and found is None:
        return Refused(None, INVALID_REQUEST, "The id of a request is a text or an integer.")
    return Refused(found, INVALID_PARAMS, "params must be an object.")


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_ID = re.compile(r'\s*:\s*("(?:[^"\\]|\\.)*"|-?\d{1,400}(?![\d.eE]))')


def id_in(text: str) -> Id:
    """The id of a message that is not readable as a whole: the value of "id" at its top level."""
    depth = 0
    for token in _TOKEN.finditer(text):
        part = token[0]
        if part in "{[":
            depth += 1
        elif part in "}]":
            depth -= 1
        elif depth == 1 and part == '"id"' and (value := _ID.match(text, token.end())):
            try:
                return cast(Id, from_json(value[1]))
            except ValueError:  # half of a surrogate pair in the id itself
                return None
    return None
