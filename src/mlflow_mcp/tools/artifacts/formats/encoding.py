"""From a file's bytes to plain text: its encoding, and what terminals hide."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

# How many bytes from a file's beginning decide its kind and its encoding.
PROBE = 4096

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), *_WIDE_MARKS)

# West European, Cyrillic, Japanese, Chinese: of more, charset-normalizer mistakes one for the other in short texts.
_OLD_ENCODINGS = ["cp1252", "cp1251", "cp932", "gb18030"]


def encoding_of(data: bytes) -> str:
    """The encoding of a text by its first bytes: its byte order mark, UTF-8 when they are (nearly all) that, else the
    likeliest of some older ones."""
    head = data[:PROBE]
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # A character that is cut off at the end is no error.
    decoded = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    broken = decoded.count("\ufffd")
    if broken and broken * 4 >= sum(character > "\x7f" for character in decoded):
        from charset_normalizer import from_bytes

        best = from_bytes(head, cp_isolation=_OLD_ENCODINGS).best()
        return best.encoding if best is not None else "utf-8"
    return "utf-8"


def has_wide_mark(head: bytes) -> bool:
    """Whether the byte order mark of UTF-16 or UTF-32 comes first."""
    return head.startswith(tuple(mark for mark, _ in _WIDE_MARKS))


def is_wide(encoding: str) -> bool:
    """Whether a line break is more than the byte 10 in this encoding."""
    return encoding.startswith(("utf-16", "utf-32"))


def decoded(data: bytes) -> str:
    """A whole text in whatever encoding it has; undecodable bytes become \ufffd."""
    return data.decode(encoding_of(data), "replace")


def decoded_part(data: bytes, encoding: str, *, is_end: bool) -> str:
    """The beginning of a text. Unless it `is_end`, half a character at its end is left out."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(data, is_end)


def as_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A stream in another encoding as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def strip_control_codes(text: str) -> str:
    """The text without ANSI codes, and of progress bars rewritten with '\\r' only their last state."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return text
