"""Lines of text out of a file of any size: the first, the last, those from a line or a byte on."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ByteRange
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural

# A line is rarely longer; more is read only while lines are missing.
_BYTES_A_LINE = 200
_LEAST_READ = 4096
# The states of a progress bar are read up to this size, for the one line that they become.
_MOST_REWRITTEN = 2_000_000
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# West European, Cyrillic, Japanese, Chinese: of more, charset-normalizer mistakes one for the other in short texts.
_OLD_ENCODINGS = ["cp1252", "cp1251", "cp932", "gb18030"]


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
    """The encoding of a text by its first bytes: its mark, UTF-8 when they are (nearly all) that, else the likeliest of
    some older ones."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    decoded = codecs.getincrementaldecoder("utf-8")("replace").decode(
        head
    )  # a character cut off at the end is no error
    broken = decoded.count("\ufffd")
    if broken and broken * 4 >= sum(character > "\x7f" for character in decoded):
        from charset_normalizer import from_bytes

        best = from_bytes(head, cp_isolation=_OLD_ENCODINGS).best()
        return best.encoding if best is not None else "utf-8"
    return "utf-8"


def is_wide(encoding: str) -> bool:
    """Whether a line break is more than the byte 10 in this encoding."""
    return encoding.startswith(("utf-16", "utf-32"))


def transcoded(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A stream in another encoding as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def cleaned(text: str) -> str:
    """The text without ANSI codes, and of progress bars rewritten with '\\r' only their last state."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return text


def lines_in(text: str) -> list[str]:
    """The lines with their breaks. Only '\\n' ends one, as for grep and editors; `str.splitlines` knows ten more ways."""
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])


def lines_of_text(text: str, window: Window, budget: int, total: int | None = None) -> Lines:
    """The lines of a text that is in memory already."""
    lines = lines_in(text)
    if window.tail is not None:
        return _last(lines, window.tail, budget, total, True)
    start = window.start_line or 1
    if start > max(len(lines), 1):
        raise _beyond(len(lines))
    return _shown(lines[start - 1 :], start, window.max_lines, budget, total, complete=True)


def read_lines(
    source: ArtifactSource,
    path: str,
    window: Window,
    encoding: str,
    budget: int,
    head: ByteRange,
    end: ByteRange | None = None,
) -> Lines:
    """The lines of a file that `window` asks for, at most `budget` characters of them; no more is read than is needed.

    `head` is the file's beginning, read already; enough of it for a window that begins there. `end` may be the last
    `span_of_last` bytes.
    """
    if window.start_byte is not None:
        return _from_byte(source, path, window, encoding, budget)
    if window.tail is not None:
        if is_wide(encoding):
            return _last_lines_streamed(source, path, window.tail, encoding, budget, head.total)
        return _last_lines(source, path, window.tail, encoding, budget, end)
    start = window.start_line or 1
    needs_more = is_wide(encoding) or (b"\r" in head.data and not head.is_end)
    if start > 1 or needs_more:
        return _from_line(source, path, start, window.max_lines, encoding, budget, head.total)
    lines = lines_in(cleaned(_decoded(head.data, encoding, head.is_end)))
    return _shown(lines, 1, window.max_lines, budget, head.total, complete=head.is_end)


def _from_byte(source: ArtifactSource, path: str, window: Window, encoding: str, budget: int) -> Lines:
    if is_wide(encoding):
        raise Problem(f"start_byte cannot be used on {encoding.upper()} text.", "Use start_line or tail.")
    start = window.start_byte or 0
    piece = source.read(path, start, budget // 2)
    if piece.total is not None and start >= max(piece.total, 1):
        raise Problem(f"The file has only {plural(piece.total, 'byte')}.", "Give a smaller start_byte, or tail=50.")
    data = piece.data
    if window.max_lines is not None:
        data = b"".join(line + b"\n" for line in data.split(b"\n")[: window.max_lines])[: len(data)]
    while len(data) > 1:
        is_end = piece.is_end and len(data) == len(piece.data)
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        text = decoder.decode(data, is_end)
        used = len(data) - len(decoder.getstate()[0])  # a character that is cut off belongs to the next part
        if cost(text) <= budget:
            break
        data = data[: len(data) // 2]
    else:
        text, used, is_end = data.decode(encoding, "replace"), len(data), piece.is_end
    notes = [] if is_end else [f"start_byte={start + used} goes on."]
    return Lines(cleaned(text), piece.total, f"bytes {start}-{start + used - 1}", notes)


def _decoded(data: bytes, encoding: str, complete: bool) -> str:
    """The text; without the half of a character that may stand at the end of what is not complete."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(data, complete)


def _blocks(source: ArtifactSource, path: str, encoding: str) -> Generator[bytes, None, None]:
    with closing(source.stream(path)) as stream:
        yield from transcoded(stream, encoding) if is_wide(encoding) else stream


def _from_line(
    source: ArtifactSource, path: str, start: int, most: int | None, encoding: str, budget: int, total: int | None
) -> Lines:
    passed, rest, wanted, ended, last = 0, b"", start - 1, True, b"\n"
    with closing(_blocks(source, path, encoding)) as blocks:
        for whole_block in blocks:
            block = whole_block
            last = block[-1:] or last
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
            if _is_enough(rest, budget):
                ended = False
                break
    if ended and not rest and start > 1:
        raise _beyond(passed + (last != b"\n"))
    text = cleaned(_decoded(rest, "utf-8" if is_wide(encoding) else encoding, ended))
    return _shown(lines_in(text), start, most, budget, total, complete=ended)


def _is_enough(data: bytes, budget: int) -> bool:
    if len(data) <= budget * 2:
        return False
    if b"\r" not in data or len(data) > _MOST_REWRITTEN:
        return True
    return len(cleaned(data.decode("latin-1"))) > budget * 2


def span_of_last(count: int, budget: int) -> int:
    """How many bytes are likely to hold so many of the last lines."""
    return min(max(count * _BYTES_A_LINE, _LEAST_READ), budget * 4)


def _last_lines(
    source: ArtifactSource, path: str, count: int, encoding: str, budget: int, end: ByteRange | None
) -> Lines:
    most, span = budget * 4, span_of_last(count, budget)
    while True:
        piece, end = end or source.read(path, -span, span), None
        if piece.data.count(b"\n") > count or piece.start == 0 or span >= most:
            break
        span = min(span * 4, most)
    data = piece.data
    if piece.start > 0:
        _, line_break, whole = data.partition(b"\n")
        # Of a last line that begins before the piece, the bytes of a character cut in two are dropped.
        data = whole if line_break and whole else data.lstrip(bytes(range(0x80, 0xC0)))
    lines = lines_in(cleaned(data.decode(encoding, "replace")))
    return _last(lines, count, budget, piece.total, piece.start == 0)


def _last_lines_streamed(
    source: ArtifactSource, path: str, count: int, encoding: str, budget: int, total: int | None
) -> Lines:
    kept: deque[str] = deque(maxlen=count + 1)
    rest, passed = b"", 0
    with closing(_blocks(source, path, encoding)) as blocks:
        for block in blocks:
            *whole, rest = (rest + block).split(b"\n")
            passed += len(whole)
            kept.extend(line.decode() + "\n" for line in whole)
            rest = rest[-budget * 4 :]  # of a line without end, its end
    lines = [cleaned(line) for line in [*kept, rest.decode("utf-8", "replace")] if line]
    return _last(lines, count, budget, total, passed < count)


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
        text, kept = wanted[-1], 1
        while cost(text) > budget:
            text = text[-len(text) // 2 :]
        notes.append("The last line alone is longer than an answer; this is its end.")
    elif kept < len(wanted):
        notes.append(f"Only the last {plural(kept, 'line')} fit into one answer.")
    elif not from_start and len(lines) < count:
        notes.append(
            f"Only the last {plural(kept, 'line')} are in what was read; search_artifacts finds lines anywhere."
        )
    all_of_it = from_start and kept == len(lines)
    return Lines(text, total, None if all_of_it else f"last {kept}", notes)


def _shown(lines: list[str], start: int, most: int | None, budget: int, total: int | None, complete: bool) -> Lines:
    """As many of the lines as are wanted and fit. When they are not `complete`, the last one is cut off somewhere."""
    whole = lines if complete or (lines and lines[-1].endswith("\n")) else lines[:-1]
    room, kept = budget, 0
    for line in whole[: most or len(whole)]:
        room -= cost(line)
        if room < 0:
            break
        kept += 1
    text, notes = "".join(lines[:kept]), []
    if not kept and lines:
        text, kept = lines[0], 1
        while cost(text) > budget:
            text = text[: len(text) // 2]
        notes.append(f"Line {start} is longer than an answer; this is its beginning. start_byte reads any part of it.")
    last = start + max(kept, 1) - 1
    more = kept < len(lines) or not complete
    if more:
        notes.append(f"There is more: start_line={last + 1} goes on, tail=50 shows the end.")
    return Lines(text, total, f"{start}-{last}" if start > 1 or more else None, notes)


def _beyond(count: int) -> Problem:
    return Problem(f"The file has only {plural(count, 'line')}.", "Give a smaller start_line, or tail=50.")


def cost(line: str) -> int:
    """What a line costs in an answer, where control characters, quotes and backslashes are escaped."""
    return len(encoded(line)) - 2
