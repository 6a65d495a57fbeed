"""Lines of text out of a file of any size: the first, the last, those from a line or a byte on."""

from __future__ import annotations

import codecs
import re
from contextlib import closing
from dataclasses import dataclass

from mlflow_mcp.artifact_source import ArtifactSource, Piece
from mlflow_mcp.errors import Problem
from mlflow_mcp.output import plural

# A line is rarely longer; more is read only while lines are missing.
_BYTES_A_LINE = 200
_LEAST_READ = 4096
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_REWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Window:
    """Which part was asked for; all None: as many of the first lines as fit."""

    start_line: int | None = None
    max_lines: int | None = None
    tail: int | None = None
    start_byte: int | None = None

    def __post_init__(self) -> None:
        if self.tail is not None and (self.start_line or self.max_lines or self.start_byte is not None):
            raise Problem("tail cannot stand with start_line, max_lines or start_byte.", "Leave either out.")
        if self.start_line is not None and self.start_byte is not None:
            raise Problem("start_line cannot stand with start_byte.", "Leave either out.")

    @property
    def is_from_start(self) -> bool:
        return self.tail is None and self.start_byte is None and self.start_line in (None, 1)

    @property
    def is_whole(self) -> bool:
        return self == Window()


@dataclass
class Lines:
    """The text that was asked for. `shown` says which lines it holds, when not all; `notes` how to get the rest."""

    text: str
    total: int | None
    shown: str | None
    notes: list[str]


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its first bytes: its mark, UTF-8 when they are, else what charset-normalizer takes it for."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character cut off at the end is no error
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(head).best()
        return best.encoding if best is not None else "utf-8"
    return "utf-8"


def cleaned(text: str) -> str:
    """The text without ANSI codes, and of progress bars rewritten with '\\r' only their last state."""
    return _REWRITTEN.sub("", _ANSI.sub("", text.replace("\r\n", "\n")))


def lines_of_text(text: str, window: Window, budget: int, total: int | None = None) -> Lines:
    """The lines of a text that is in memory already."""
    lines = text.splitlines(keepends=True)
    if window.tail is not None:
        return _last(lines, window.tail, budget, total, True)
    start = window.start_line or 1
    if start > max(len(lines), 1):
        raise _beyond(len(lines))
    return _shown(lines[start - 1 :], start, window.max_lines, budget, total, complete=True)


def read_lines(source: ArtifactSource, path: str, window: Window, encoding: str, budget: int, head: Piece) -> Lines:
    """The lines of a file that `window` asks for, at most `budget` characters of them; no more is read than is needed.

    `head` is the file's beginning, read already; enough of it for a window that begins there.
    """
    if encoding.startswith(("utf-16", "utf-32")):
        # Their line breaks cannot be counted in bytes; such files are small reports of Windows tools.
        piece = source.read(path, 0, 8_000_000)
        return lines_of_text(cleaned(piece.data.decode(encoding, "replace")), window, budget, piece.total)
    if window.tail is not None:
        return _last_lines(source, path, window.tail, encoding, budget)
    if window.start_byte is not None:
        return _from_byte(source, path, window, encoding, budget)
    if window.start_line is not None and window.start_line > 1:
        return _from_line(source, path, window.start_line, window.max_lines, encoding, budget)
    lines = _split(head.data, encoding, head.is_end)
    return _shown(lines, 1, window.max_lines, budget, head.total, complete=head.is_end)


def _from_byte(source: ArtifactSource, path: str, window: Window, encoding: str, budget: int) -> Lines:
    start = window.start_byte or 0
    piece = source.read(path, start, budget)
    if piece.total is not None and start >= max(piece.total, 1):
        raise Problem(f"The file has only {plural(piece.total, 'byte')}.", "Give a smaller start_byte, or tail=50.")
    text = cleaned(piece.data.decode(encoding, "replace"))
    lines = text.splitlines(keepends=True)[: window.max_lines]
    kept = "".join(lines)[: budget // 2]
    used = piece.start + min(len(piece.data), len(kept.encode(encoding, "replace")))
    notes = [] if piece.is_end and len(kept) == len(text) else [f"start_byte={used} goes on."]
    return Lines(kept, piece.total, f"bytes from {start}", notes)


def _from_line(source: ArtifactSource, path: str, start: int, most: int | None, encoding: str, budget: int) -> Lines:
    passed, rest, wanted, read, ended, last = 0, b"", start - 1, 0, True, b"\n"
    with closing(source.stream(path)) as stream:
        for whole_block in stream:
            block = whole_block
            read += len(block)
            last = block[-1:]
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
    if passed < wanted or (ended and not rest and start > 1):
        raise _beyond(passed + (passed < wanted and last != b"\n"))
    return _shown(_split(rest, encoding, ended), start, most, budget, read if ended else None, complete=ended)


def _last_lines(source: ArtifactSource, path: str, count: int, encoding: str, budget: int) -> Lines:
    most = budget * 4
    span = min(max(count * _BYTES_A_LINE, _LEAST_READ), most)
    while True:
        piece = source.read(path, -span, span)
        if piece.data.count(b"\n") > count or piece.start == 0 or span >= most:
            break
        span = min(span * 4, most)
    data = piece.data
    if piece.start > 0:
        data = data.partition(b"\n")[2] or data
    lines = cleaned(data.decode(encoding, "replace")).splitlines(keepends=True)
    return _last(lines, count, budget, piece.total, piece.start == 0)


def _last(lines: list[str], count: int, budget: int, total: int | None, from_start: bool) -> Lines:
    wanted = lines[-count:]
    room, kept = budget, 0
    for line in reversed(wanted):
        room -= cost(line)
        if room < 0:
            break
        kept += 1
    text = "".join(wanted[len(wanted) - kept :])
    notes = []
    if not kept and wanted:
        text, kept = wanted[-1][-budget // 2 :], 1
        notes.append("The last line alone is longer than an answer; this is its end.")
    elif kept < len(wanted):
        notes.append(f"Only the last {plural(kept, 'line')} fit into one answer.")
    elif not from_start and len(lines) < count:
        notes.append(
            f"Only the last {plural(kept, 'line')} are in what was read; search_artifacts finds lines anywhere."
        )
    all_of_it = from_start and kept == len(lines)
    return Lines(text, total, None if all_of_it else f"last {kept}", notes)


def _split(data: bytes, encoding: str, complete: bool) -> list[str]:
    lines = cleaned(data.decode(encoding, "replace")).splitlines(keepends=True)
    return lines if complete or len(lines) < 2 else lines[:-1]  # the last one is cut off in the middle


def _shown(lines: list[str], start: int, most: int | None, budget: int, total: int | None, complete: bool) -> Lines:
    room, kept = budget, 0
    for line in lines[: most or len(lines)]:
        room -= cost(line)
        if room < 0:
            break
        kept += 1
    text, notes = "".join(lines[:kept]), []
    if not kept and lines:
        text, kept = lines[0][: budget // 2], 1
        notes.append(f"Line {start} is longer than an answer; this is its beginning. start_byte reads any part of it.")
    last = start + kept - 1
    more = kept < len(lines) or not complete
    if more:
        notes.append(f"There is more: start_line={last + 1} goes on, tail=50 shows the end.")
    return Lines(text, total, f"{start}-{last}" if start > 1 or more else None, notes)


def _beyond(count: int) -> Problem:
    return Problem(f"The file has only {plural(count, 'line')}.", "Give a smaller start_line, or tail=50.")


def cost(line: str) -> int:
    """What a line costs in JSON: control characters, quotes and backslashes are escaped."""
    escaped = sum(line.count(character) for character in '"\\\n\t')
    return len(line) + escaped + 5 * sum(character < " " and character not in "\n\t" for character in line)
