"""Byte ranges out of the bodies of HTTP answers, read no further than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.artifacts.store import BLOCK, ByteRange

if TYPE_CHECKING:
    from requests import Response


def range_of_whole(response: Response, start: int, length: int) -> ByteRange:
    """The range from a server that ignores `Range`: what comes before is passed over, what comes after not fetched."""
    content_length = response.headers.get("Content-Length", "")
    total = int(content_length) if content_length.isdigit() else None
    if start >= 0:
        data = first_bytes(response, length, skip=start)
        if total is None and 0 < len(data) < length:
            total = start + len(data)
        return ByteRange(data, start if total is None else min(start, total), total)
    kept, seen = b"", 0
    for block in response.iter_content(BLOCK):
        seen += len(block)
        kept = (kept + block)[start:]
    return ByteRange(kept[:length], max(0, seen + start), seen)


def first_bytes(response: Response, length: int, skip: int = 0) -> bytes:
    parts: list[bytes] = []
    missing = length
    for block in response.iter_content(BLOCK):
        if skip >= len(block):
            skip -= len(block)
            continue
        part = block[skip : skip + missing]
        skip = 0
        parts.append(part)
        missing -= len(part)
        if missing <= 0:
            break
    return b"".join(parts)
