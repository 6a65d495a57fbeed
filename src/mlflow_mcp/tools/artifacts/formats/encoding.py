"""From a file's bytes to plain text: its encoding, and what terminals hide."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

# How many bytes from a file's beginning decide its kind, and how many beyond ASCII its encoding.
PROBE = 4096
# Whether carriage returns end the lines of a file is told by this many bytes: a longer line has states of a progress bar.
_LONGEST_WITHOUT_BREAK = 1_000_000

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_ANSI_BYTES = re.compile(_ANSI.pattern.encode())
_USUAL_CODES = 4
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), *_WIDE_MARKS)

# West European, Cyrillic, Japanese, Chinese: of more, charset-normalizer mistakes one for the other in short texts.
_OLD_ENCODINGS = ["cp1252", "cp1251", "cp932", "gb18030"]
# Words of the other three have such bytes, or three and more beyond ASCII in a row.
_NOT_WEST_EUROPEAN = re.compile(rb"[\x81-\x83\x86-\x90\x98-\x9f]|[\x80-\xff]{3}")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def encoding_of(data: bytes) -> str:
    """The encoding of a text by its bytes: its byte order mark, UTF-8 when the first beyond ASCII are (nearly all) that, else
    the likeliest of some older ones. Of ASCII alone, however long, it is "utf-8"."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    sample = data[:PROBE]
    if sample.isascii():
        sample = _lines_beyond_ascii(data)
    # A character that is cut off at the end is no error.
    decoded = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    broken = decoded.count("\ufffd")
    if not broken or broken * 4 < sum(character > "\x7f" for character in decoded):
        return "utf-8"
    if not _NOT_WEST_EUROPEAN.search(sample):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_OLD_ENCODINGS).best()
    return best.encoding if best is not None else "utf-8"


def _lines_beyond_ascii(data: bytes) -> bytes:
    """The first lines that have bytes beyond ASCII, some kB of them; of a long line what is around these bytes."""
    lines: list[bytes] = []
    end = room = 0
    while room < PROBE and (found := _BEYOND_ASCII.search(data, end)):
        start = max(data.rfind(b"\n", end, found.start()) + 1, end, found.start() - PROBE)
        line_end = data.find(b"\n", found.start(), found.start() + PROBE) + 1
        end = line_end or found.start() + PROBE
        lines.append(data[start:end])
        room += len(lines[-1])
    return b"".join(lines)


def has_wide_mark(head: bytes) -> bool:
    """Whether the byte order mark of UTF-16 or UTF-32 comes first."""
    return head.startswith(tuple(mark for mark, _ in _WIDE_MARKS))


def is_wide(encoding: str) -> bool:
    """Whether a line break is more than the byte 10 in this encoding."""
    return encoding.startswith(("utf-16", "utf-32"))


def decoded(data: bytes) -> str:
    """A whole text in whatever encoding it has; undecodable bytes become \ufffd. '\\r' ends its lines when '\\n' does not."""
    text = data.decode(encoding_of(data), "replace")
    return text if "\n" in text else text.replace("\r", "\n")


def decoded_part(data: bytes, encoding: str, *, is_end: bool) -> str:
    """The beginning of a text. Unless it `is_end`, half a character at its end is left out."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(data, is_end)


def as_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A stream in another encoding as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


class TextBlocks:
    """A stream of text as UTF-8 in which the byte 10 ends the lines. Nearly all streams come out as they went in.

    `encoding` is the one that it was in, as far as it has been read.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.encoding = "utf-8"
        self._stream = iter(blocks)

    def __iter__(self) -> Iterator[bytes]:
        return _with_line_ends(self._in_utf8())

    def _in_utf8(self) -> Iterator[bytes]:
        first = next(self._stream, b"")
        self.encoding = encoding_of(first)
        stream = chain([first], self._stream)
        if self.encoding != "utf-8":
            return as_utf8(stream, self.encoding)
        return self._from_ascii(stream) if first.isascii() else stream

    def _from_ascii(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        """A stream that begins with ASCII: its first bytes beyond tell the encoding of all that follow."""
        for block in stream:
            if block.isascii():
                yield block
                continue
            # The block after it belongs to the sample: this one may end within its first such character.
            following = next(stream, b"")
            self.encoding = encoding_of(block + following[:PROBE])
            rest = chain([block, following], stream)
            yield from rest if self.encoding == "utf-8" else as_utf8(rest, self.encoding)
            return


def _with_line_ends(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The stream with '\\n' for '\\r' when it has no '\\n' at all, as files of old Macs have not."""
    begun: list[bytes] = []
    length = 0
    for block in stream:
        begun.append(block)
        length += len(block)
        if b"\n" in block or length > _LONGEST_WITHOUT_BREAK:
            yield from begun
            begun.clear()
            yield from stream
    yield from (block.replace(b"\r", b"\n") for block in begun)


def has_lone_returns(blocks: Iterable[bytes]) -> bool:
    """Whether '\\r' ends the lines of the text in this stream, as `TextBlocks` takes it."""
    length, has_returns = 0, False
    for block in blocks:
        length += len(block)
        has_returns = has_returns or b"\r" in block
        if b"\n" in block or length > _LONGEST_WITHOUT_BREAK:
            return False
    return has_returns


def strip_control_codes(text: str) -> str:
    """The text without ANSI codes, and of progress bars rewritten with '\\r' only their last state."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return text


def is_rewritten(line: str) -> bool:
    """Whether `strip_control_codes` leaves out words of this line: states that it had before a '\\r'."""
    if "\r" not in line:
        return False
    *earlier, last = _ANSI.sub("", line).rstrip("\r\n").split("\r")
    return any(state.strip() not in ("", last.strip()) for state in earlier)


def without_codes(text: bytes) -> bytes:
    """Lines of UTF-8 as they are shown, except that the earlier states of a rewritten line stay, each with its '\\r'."""
    for _ in range(_USUAL_CODES):  # a log has few different ones, and these go faster one by one
        code = _ANSI_BYTES.search(text)
        if code is None:
            break
        text = b"".join(text.split(code[0]))
    else:
        text = _ANSI_BYTES.sub(b"", text)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
        if b"\r\n" in text:
            text = b"\n".join(line.rstrip(b"\r") for line in text.split(b"\n"))
    return text
