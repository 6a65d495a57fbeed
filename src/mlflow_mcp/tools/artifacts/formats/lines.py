"""Lines of text in memory, as many as fit into an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.answers.masking import mask_part
from mlflow_mcp.answers.secrets.columns import SecretColumns
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, OpenedFile, Window
from mlflow_mcp.tools.artifacts.formats.detect import delimiter_of
from mlflow_mcp.tools.artifacts.formats.encoding import is_rewritten, strip_control_codes
from mlflow_mcp.tools.artifacts.formats.split import header_of_split_table

# Characters beside a part of a file that are looked at for secrets which reach into it.
AROUND = 4_000
_LINES_AROUND = 60


def secret_columns_of(file: OpenedFile) -> SecretColumns | None:
    """The columns of a CSV file that the lines of its text have, when some hold secrets."""
    delimiter = delimiter_of(file.path)
    if not delimiter:
        return None
    header = file.with_line_ends(file.head.data).decode(file.encoding, "replace").partition("\n")[0]
    return SecretColumns.of(header.lstrip("\ufeff"), delimiter)


@dataclass
class Lines:
    """The text that was asked for. `shown` says which lines it holds, when not all; `notes` how to get the rest."""

    text: str
    total: int | None
    shown: str | None
    notes: list[str] = field(default_factory=list)
    encoding: str = "utf-8"
    # What stands in the file next to the text: it may tell that the text holds a secret, or the rest of one.
    before: str = ""
    after: str = ""

    def content_of(self, file: OpenedFile, *notes: str) -> ArtifactContent:
        """The answer that shows these lines; the given notes come first."""
        text = self._without_secrets(file) if file.mask_secrets else self.text
        answer = ArtifactContent(path=file.path, bytes=self.total, lines=self.shown, text=text)
        answer.note(*notes, *self.notes)
        return answer

    def _without_secrets(self, file: OpenedFile) -> str:
        """The text without secrets of which only a part is in it, or which are named outside of it."""
        before = header_of_split_table(file.head.data) + self.before[-AROUND:]
        after = self.after[:AROUND]
        text = mask_part(f"{before}{self.text}{after}", len(before), len(before) + len(self.text))
        columns = secret_columns_of(file)
        return text if columns is None else "".join(map(columns.hide, lines_in(text)))


def lines_in(text: str) -> list[str]:
    """The lines with their breaks. Only '\\n' ends one, as for grep and editors; `str.splitlines` knows ten more ways."""
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])


def lines_of_text(text: str, file: OpenedFile, window: Window) -> Lines:
    """Lines of a text that was made from the whole file and is in memory."""
    lines = lines_in(text)
    if window.tail is not None:
        return last_that_fit(lines, window.tail, file, file.total, is_all=True)
    start = window.start_line or 1
    if start > max(len(lines), 1):
        raise beyond_end(len(lines))
    before = "".join(map(strip_control_codes, lines[max(0, start - 1 - _LINES_AROUND) : start - 1]))
    return first_that_fit(lines[start - 1 :], window, file, is_all=True, before=before)


def note_of_rewritten(lines: Iterable[str]) -> list[str]:
    """The note about lines, as they are in the file, of which only the last state is shown; empty without such lines."""
    count = sum(map(is_rewritten, lines))
    if not count:
        return []
    which = "1 line was" if count == 1 else f"{count:,} lines were"
    return [f"{which} rewritten in place (\\r): the last state is shown, search_artifacts finds the earlier ones."]


def last_that_fit(lines: Sequence[str], count: int, file: OpenedFile, total: int | None, *, is_all: bool) -> Lines:
    """As many of the last `count` lines as fit, without their control codes. `is_all`: the lines are those of the whole file."""
    last = [strip_control_codes(line) for line in lines[-count:]]
    kept = _count_that_fit(reversed(last), file.budget)
    text, notes = "".join(last[len(last) - kept :]), []
    before = "".join(map(strip_control_codes, lines[max(0, len(lines) - kept - _LINES_AROUND) : len(lines) - kept]))
    if not kept and last:
        text, kept = last[-1], 1
        while cost(text) > file.budget.content:
            text = text[-len(text) // 2 :]
        before = last[-1][: -len(text)]
        notes.append("The last line alone is longer than an answer; this is its end.")
    elif kept < len(last):
        notes.append(f"Only the last {plural(kept, 'line')} fit into one answer.")
    elif not is_all and len(lines) < count:
        notes.append(
            f"Only the last {plural(kept, 'line')} are in what was read; search_artifacts finds lines anywhere."
        )
    notes += note_of_rewritten(lines[len(lines) - kept :])
    return Lines(text, total, None if is_all and kept == len(lines) else f"last {kept}", notes, before=before)


def first_that_fit(
    written: Sequence[str], window: Window, file: OpenedFile, *, is_all: bool, before: str = ""
) -> Lines:
    """As many of the lines as are asked for and fit, without their control codes. Unless they are all (`is_all`), the last one
    is cut off somewhere."""
    start = window.start_line or 1
    lines = [strip_control_codes(line) for line in written]
    whole = lines if is_all or (lines and lines[-1].endswith("\n")) else lines[:-1]
    kept = _count_that_fit(whole[: window.max_lines or len(whole)], file.budget)
    text, notes = "".join(lines[:kept]), []
    after = "".join(lines[kept : kept + _LINES_AROUND])
    if not kept and lines:
        text, kept = lines[0], 1
        while cost(text) > file.budget.content:
            text = text[: len(text) // 2]
        after = lines[0][len(text) :]
        notes.append(f"Line {start} is longer than an answer; this is its beginning. start_byte reads any part of it.")
    last = start + max(kept, 1) - 1
    more = kept < len(lines) or not is_all
    if more:
        notes.append(f"There is more: start_line={last + 1} continues, tail=50 shows the end.")
    notes += note_of_rewritten(written[:kept])
    shown = f"{start}-{last}" if start > 1 or more else None
    return Lines(text, file.total, shown, notes, before=before, after=after)


def _count_that_fit(lines: Sequence[str] | Iterator[str], budget: Budget) -> int:
    room, kept = budget.content, 0
    for line in lines:
        room -= cost(line)
        if room < 0:
            break
        kept += 1
    return kept


def beyond_end(count: int) -> Problem:
    return Problem(f"The file has only {plural(count, 'line')}.", "Give a smaller start_line, or tail=50.")


def cost(line: str) -> int:
    """What a line costs in an answer, where control characters, quotes and backslashes are escaped."""
    return len(encoded(line)) - 2
