"""Lines of text out of a file of any size: the first, the last, those from a line or a byte on."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from mlflow_mcp.answers.budget import Budget
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile, Window
from mlflow_mcp.tools.artifacts.formats.detect import is_log
from mlflow_mcp.tools.artifacts.formats.encoding import TextBlocks, decoded_part, is_wide, strip_control_codes
from mlflow_mcp.tools.artifacts.formats.lines import (
    AROUND,
    Lines,
    beyond_end,
    cost,
    first_that_fit,
    last_that_fit,
    lines_in,
    note_of_rewritten,
)

# A line is rarely longer; more is read only while lines are missing.
_BYTES_A_LINE = 200
_LEAST_READ = 4096
# The states of a progress bar are read up to this size, for the one line that they become.
_MOST_REWRITTEN = 2_000_000


def read(file: OpenedFile, request: ContentRequest) -> ArtifactContent:
    """Lines of a text file."""
    lines = read_lines(file, request.window)
    answer = lines.content_of(file)
    if lines.encoding != "utf-8":
        answer.encoding = lines.encoding
    if is_log(file.path) and _ends_inside_line(file):
        answer.note("The last line has no line end, in the log as it is stored.")
    if answer.text and "\ufffd" in answer.text:
        answer.note("Undecodable bytes are shown as \ufffd.")
    return answer


def _ends_inside_line(file: OpenedFile) -> bool:
    """Whether the end of the file, where it was read, is no line end."""
    end = file.end or file.head
    return end.is_end and bool(end.data) and not is_wide(file.encoding) and not end.data.endswith((b"\n", b"\r"))


def read_lines(file: OpenedFile, window: Window) -> Lines:
    """The lines that `window` asks for, as many as fit; no more is read than is needed.

    Of a window at its beginning, all is in the file's head when that has `budget.read_ahead` bytes.
    """
    if window.start_byte is not None:
        return _from_byte(file, window.start_byte, window.max_lines)
    if window.tail is not None:
        return _last_lines_streamed(file, window.tail) if is_wide(file.encoding) else _last_lines(file, window.tail)
    head = file.head
    is_enough = head.is_end or (len(head.data) >= file.budget.read_ahead and b"\r" not in head.data)
    if not window.is_from_start or is_wide(file.encoding) or not is_enough:
        return _from_line(file, window)
    text = decoded_part(file.with_line_ends(head.data), file.encoding, is_end=head.is_end)
    return _in_encoding(file.encoding, first_that_fit(lines_in(text), window, file, is_all=head.is_end))


def _in_encoding(encoding: str, lines: Lines) -> Lines:
    lines.encoding = encoding
    return lines


# -- from a byte on ------------------------------------------------------------------------------------------------


def _from_byte(file: OpenedFile, start: int, most_lines: int | None) -> Lines:
    if is_wide(file.encoding):
        raise Problem(f"start_byte cannot be used on {file.encoding.upper()} text.", "Use start_line or tail.")
    begin = max(0, start - AROUND) if file.mask_secrets else start
    part = file.source.read(file.path, begin, start - begin + file.budget.excerpt + AROUND)
    if part.total is not None and start >= max(part.total, 1):
        raise Problem(f"The file has only {plural(part.total, 'byte')}.", "Give a smaller start_byte, or tail=50.")
    around, rest = part.data[: start - begin], part.data[start - begin :]
    data, encoding = file.with_line_ends(rest[: file.budget.excerpt]), file.encoding_at(rest)
    if most_lines is not None:
        data = b"".join(line + b"\n" for line in data.split(b"\n")[:most_lines])[: len(data)]
    is_end = part.is_end and len(data) == len(rest)
    text, used = _whole_characters(data, encoding, is_end)
    while cost(text) > file.budget.content and len(data) > 1:
        data, is_end = data[: len(data) // 2], False
        text, used = _whole_characters(data, encoding, is_end)
    notes = [] if is_end else [f"start_byte={start + used} continues."]
    notes += note_of_rewritten(lines_in(text))
    before, after = around.decode(encoding, "replace"), rest[used : used + AROUND].decode(encoding, "replace")
    shown = f"bytes {start}-{start + used - 1}"
    return Lines(strip_control_codes(text), part.total, shown, notes, encoding, before, after)


def _whole_characters(data: bytes, encoding: str, is_end: bool) -> tuple[str, int]:
    """The text, and how many bytes it was; a character that is cut off at the end belongs to the next part."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(data, is_end)
    used = len(data) - len(decoder.getstate()[0])
    # A single byte of a character is the whole part: it is shown as undecodable, or nothing would go on.
    return (text, used) if used else (data.decode(encoding, "replace"), len(data))


# -- from a line on ------------------------------------------------------------------------------------------------


def _from_line(file: OpenedFile, window: Window) -> Lines:
    start = window.start_line or 1
    rest, is_end = b"", True
    with closing(file.source.stream(file.path)) as stream:
        blocks, skipped = TextBlocks(stream), _SkippedLines(start - 1)
        following = skipped.after(iter(blocks))
        for block in following:
            rest += block
            if _is_enough(rest, file.budget):
                is_end = next(following, None) is None
                break
    if is_end and not rest and start > 1:
        raise beyond_end(skipped.count_of_file)
    lines = lines_in(decoded_part(rest, "utf-8", is_end=is_end))
    before = strip_control_codes(skipped.before.decode("utf-8", "replace"))
    return _in_encoding(blocks.encoding, first_that_fit(lines, window, file, is_all=is_end, before=before))


@dataclass
class _SkippedLines:
    """Passes over the first `count` lines of a stream."""

    count: int
    passed: int = 0
    last_byte: bytes = b"\n"
    before: bytes = b""  # the last bytes passed over

    def after(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """What comes after these lines."""
        for block in blocks:
            self.last_byte = block[-1:] or self.last_byte
            if self.passed == self.count:
                yield block
                continue
            breaks = block.count(b"\n")
            if self.passed + breaks < self.count:
                self.passed += breaks
                self.before = (self.before + block[-AROUND:])[-AROUND:]
                continue
            rest = block.split(b"\n", self.count - self.passed)[-1]
            self.before = (self.before + block[: len(block) - len(rest)][-AROUND:])[-AROUND:]
            yield rest
            self.passed = self.count

    @property
    def count_of_file(self) -> int:
        """How many lines a file has that ended before anything came after."""
        return self.passed + (self.last_byte != b"\n")


def _is_enough(data: bytes, budget: Budget) -> bool:
    if len(data) <= budget.read_ahead:
        return False
    if b"\r" not in data or len(data) > _MOST_REWRITTEN:
        return True
    return len(strip_control_codes(data.decode("latin-1"))) > budget.read_ahead


# -- the last lines ------------------------------------------------------------------------------------------------


def bytes_of_last(count: int, budget: Budget) -> int:
    """How many bytes are likely to hold so many of the last lines."""
    return min(max(count * _BYTES_A_LINE, _LEAST_READ), budget.most_read_at_end)


def _last_lines(file: OpenedFile, count: int) -> Lines:
    most, length = file.budget.most_read_at_end, bytes_of_last(count, file.budget)
    end = file.end or file.source.read(file.path, -length, length)
    while file.with_line_ends(end.data).count(b"\n") <= count and end.start > 0 and length < most:
        length = min(length * 4, most)
        end = file.source.read(file.path, -length, length)
    data = file.with_line_ends(end.data)
    if end.start > 0:
        _, line_break, whole = data.partition(b"\n")
        # Of a last line that begins before the range, the bytes of a character cut in two are dropped.
        data = whole if line_break and whole else data.lstrip(bytes(range(0x80, 0xC0)))
    encoding = file.encoding_at(data)
    lines = lines_in(data.decode(encoding, "replace"))
    return _in_encoding(encoding, last_that_fit(lines, count, file, end.total, is_all=end.start == 0))


def _last_lines_streamed(file: OpenedFile, count: int) -> Lines:
    kept: deque[str] = deque(maxlen=count + 1)
    rest, passed = b"", 0
    with closing(file.source.stream(file.path)) as stream:
        for block in TextBlocks(stream):
            *whole, rest = (rest + block).split(b"\n")
            passed += len(whole)
            kept.extend(line.decode() + "\n" for line in whole)
            rest = rest[-file.budget.most_read_at_end :]  # of a line without end, its end
    lines = [line for line in [*kept, rest.decode("utf-8", "replace")] if line]
    return _in_encoding(file.encoding, last_that_fit(lines, count, file, file.total, is_all=passed < count))
