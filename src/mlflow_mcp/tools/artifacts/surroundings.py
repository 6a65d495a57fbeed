"""What stands around a line that a search shows, for the secrets that only their surroundings tell."""

from __future__ import annotations

from mlflow_mcp.answers.masking import mask_lines, mask_part
from mlflow_mcp.answers.secrets.columns import SecretColumns
from mlflow_mcp.tools.artifacts.formats.encoding import strip_control_codes
from mlflow_mcp.tools.artifacts.formats.split import header_of_split_table

# Bytes on each side of what is shown.
_AROUND = 2_000
_LONGEST_HEADER = 20_000


class Surroundings:
    """The stream around the lines that are shown: the end of what has been searched already, and a table's header."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._past = b""
        self._header = ""
        self._is_first = True
        self._columns: SecretColumns | None = None

    def pass_over(self, text: bytes, end: int) -> None:
        """Remember the end of what has been searched."""
        self._read_header(text)
        self._past = (self._past + text[max(0, end - _AROUND) : end])[-_AROUND:]

    def hide(self, text: bytes, first: int, last: int, shown: str) -> str:
        """The bytes from `first` to `last`, which are `shown` so, without secrets, and without parts of some."""
        left, right = self._around(text, first, last)
        masked = mask_part(f"{left}{shown}{right}", len(left), len(left) + len(shown))
        return self._columns.hide(masked) if self._columns else masked

    def neighbours(self, text: bytes, first: int, last: int, before: int, after: int) -> tuple[list[str], list[str]]:
        """So many lines before and after the line from `first` to `last`, without secrets; only those that are near."""
        left, right = self._around(text, first, last)
        line = text[first : min(last, first + _AROUND)].decode("utf-8", "replace")
        whole = f"{left}{line}{right}"
        masked = mask_lines(whole)
        number = left.count("\n")
        if self._columns:
            masked = [self._columns.hide(each) for each in masked]
        return masked[max(0, number - before) : number], masked[number + 1 : number + 1 + after]

    def _around(self, text: bytes, first: int, last: int) -> tuple[str, str]:
        self._read_header(text)
        before = text[max(0, first - _AROUND) : first]
        if first < _AROUND:
            before = (self._past + before)[-_AROUND:]
        left = strip_control_codes(before.decode("utf-8", "replace"))
        return self._header + left, strip_control_codes(text[last : last + _AROUND].decode("utf-8", "replace"))

    def _read_header(self, text: bytes) -> None:
        if self._is_first and self._delimiter:
            header = text[:_LONGEST_HEADER].partition(b"\n")[0].decode("utf-8", "replace")
            self._columns = SecretColumns.of(header.lstrip("\ufeff"), self._delimiter)
        if self._is_first:
            self._header = header_of_split_table(text)
        self._is_first = False
