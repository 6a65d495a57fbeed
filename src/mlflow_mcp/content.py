"""The content of one artifact, as much of it as was asked for and fits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from mlflow_mcp.artifact_source import ArtifactSource, Piece
from mlflow_mcp.errors import Problem
from mlflow_mcp.output import Answer, plural, size

_PROBE = 4096
# A line is rarely longer; more is read only while lines are missing.
_BYTES_A_LINE = 200
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_REWRITTEN = re.compile(r"[^\n]*\r(?!\n)")


class ArtifactContent(Answer):
    """A file, or the part of it that was asked for. `lines` says which lines `text` holds."""

    path: str
    bytes: Annotated[int | None, Field(description="Size of the whole file.")] = None
    lines: Annotated[str | None, Field(description="Which lines are shown, when not all.")] = None
    text: str


@dataclass(frozen=True)
class Window:
    """Which lines were asked for; all None: as many of the first as fit."""

    start_line: int | None = None
    max_lines: int | None = None
    tail: int | None = None

    def __post_init__(self) -> None:
        if self.tail is not None and (self.start_line is not None or self.max_lines is not None):
            raise Problem("tail cannot stand with start_line or max_lines.", "Leave either out.")


def read(source: ArtifactSource, path: str, window: Window, budget: int) -> ArtifactContent:
    """The lines that `window` asks for, at most `budget` characters of them. Raises Problem for binary content."""
    if window.tail is not None:
        return _last_lines(source, path, window.tail, budget)
    if window.start_line is not None and window.start_line > 1:
        return _lines_from(source, path, window.start_line, window.max_lines, budget)
    return _first_lines(source, path, window.max_lines, budget)


def _first_lines(source: ArtifactSource, path: str, most: int | None, budget: int) -> ArtifactContent:
    # ANSI codes and progress bars vanish in cleaning, so somewhat more is read than is shown.
    piece = source.read(path, 0, budget * 2)
    _refuse_binary(piece, path)
    whole = piece.is_end
    lines = _cleaned(piece.data).splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines = lines[:-1]  # cut off in the middle
    return _shown(path, piece.total, lines, 1, most, budget, complete=whole)


def _lines_from(source: ArtifactSource, path: str, start: int, most: int | None, budget: int) -> ArtifactContent:
    _refuse_binary(source.read(path, 0, _PROBE), path)
    passed, rest, wanted = 0, b"", start - 1
    stream = source.stream(path)
    ended = True
    read = 0
    for block in stream:
        read += len(block)
        if passed < wanted:
            breaks = block.count(b"\n")
            if passed + breaks < wanted:
                passed += breaks
                continue
            at = -1
            while passed < wanted:
                at = block.index(b"\n", at + 1)
                passed += 1
            block = block[at + 1 :]
        rest += block
        if len(rest) > budget * 2:
            ended = False
            break
    stream.close()  # type: ignore[attr-defined]  # a generator
    if passed < wanted:
        raise Problem(
            f"'{path}' has only {plural(passed + 1, 'line')}.",
            "Call again with a smaller start_line, or with tail=50.",
        )
    lines = _cleaned(rest).splitlines(keepends=True)
    if not ended and len(lines) > 1:
        lines = lines[:-1]
    return _shown(path, read if ended else None, lines, start, most, budget, complete=ended)


def _last_lines(source: ArtifactSource, path: str, count: int, budget: int) -> ArtifactContent:
    span = min(max(count * _BYTES_A_LINE, _PROBE), budget * 2)
    while True:
        piece = source.read(path, -span, span)
        _refuse_binary(piece, path)
        enough = piece.data.count(b"\n") > count or piece.start == 0 or span >= budget * 4
        if enough:
            break
        span = min(span * 4, budget * 4)
    data = piece.data
    if piece.start > 0:
        data = data.partition(b"\n")[2] or data
    lines = _cleaned(data).splitlines(keepends=True)
    kept = _last_that_fit(lines[-count:], budget)
    answer = ArtifactContent(path=path, bytes=piece.total, text="".join(kept))
    if piece.start > 0 or len(kept) < len(lines):
        answer.lines = f"last {len(kept)}"
    if len(kept) < min(count, len(lines)) or (piece.start > 0 and len(lines) < count):
        answer.note(f"Only the last {plural(len(kept), 'line')} fit into one answer.")
    return answer


def _last_that_fit(lines: list[str], budget: int) -> list[str]:
    room, kept = budget, 0
    for line in reversed(lines):
        room -= _cost(line)
        if room < 0:
            break
        kept += 1
    return lines[len(lines) - kept :] if kept else [lines[-1][-budget // 2 :]] if lines else []


def _shown(
    path: str, total: int | None, lines: list[str], start: int, most: int | None, budget: int, complete: bool
) -> ArtifactContent:
    room, kept = budget, 0
    for line in lines[: most or len(lines)]:
        room -= _cost(line)
        if room < 0:
            break
        kept += 1
    answer = ArtifactContent(path=path, bytes=total, text="".join(lines[:kept]))
    if not kept and lines:
        answer.text = lines[0][: budget // 2]
        answer.note(
            f"Line {start} alone is longer than an answer ({len(lines[0])}+ characters); this is its beginning."
        )
        kept = 1
    last = start + kept - 1
    if start > 1 or kept < len(lines) or not complete:
        answer.lines = f"{start}-{last}"
    if kept < len(lines) or not complete:
        of = f" of {size(total)}" if total else ""
        answer.note(f"There is more{of}: start_line={last + 1} goes on, tail=50 shows the end.")
    return answer


def _cost(line: str) -> int:
    """What a line costs in JSON: control characters, quotes and backslashes are escaped."""
    return len(line) + line.count('"') + line.count("\\") + line.count("\n") + line.count("\t")


def _cleaned(data: bytes) -> str:
    """The text without ANSI codes, and of progress bars rewritten with '\\r' only their last state."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return _REWRITTEN.sub("", _ANSI.sub("", text))


# What the first bytes of a file give away.
_SIGNATURES = (
    (b"\x89PNG", "a PNG image"), (b"\xff\xd8\xff", "a JPEG image"), (b"GIF8", "a GIF image"), (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"), (b"\x1f\x8b", "a gzip file"), (b"PAR1", "a Parquet file"),
    (b"\x80\x04", "a Python pickle"), (b"\x80\x05", "a Python pickle"), (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"), (b"\x28\xb5\x2f\xfd", "a zstd file"),
)  # fmt: skip


def _refuse_binary(piece: Piece, path: str) -> None:
    kind = next((name for start, name in _SIGNATURES if piece.start == 0 and piece.data.startswith(start)), None)
    head = piece.data[:_PROBE]
    odd = sum(byte < 9 or 13 < byte < 27 for byte in head)
    if kind is None and b"\0" not in head and odd * 20 <= len(head):
        return
    raise Problem(
        f"'{path}' is {kind or 'a binary file'} of {size(piece.total)}, not text.",
        "get_run gives the run's URL, where a person can open or download it.",
    )
