"""Comparing answers and error sentences with those that were reviewed: tests/snapshots. UPDATE_SNAPSHOTS=1 writes them."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import pytest
from filelock import FileLock

from tests.support.asking import Answer

FOLDER = Path(__file__).parent.parent / "snapshots"
STARTED = time.time()
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"
LOCK = str(Path(tempfile.gettempdir()) / "mlflow-mcp-snapshots.lock")
WRITTEN: dict[tuple[str, str, str], str] = {}
"""What this session has written into snapshots of errors."""
LINE = 110
"""Characters of a line in a snapshot of an answer."""
ACCEPT = "UPDATE_SNAPSHOTS=1 accepts the new text"


class Snapshot(Protocol):
    def __call__(self, name: str, value: Any, known: Mapping[str, str] | None = None) -> None: ...


class SnapshotError(Protocol):
    def __call__(self, error: Answer | BaseException | str, case: object = None) -> None: ...


def compare_whole(name: str, value: Any, known: Mapping[str, str]) -> None:
    """A whole answer against tests/snapshots/<name>. An Answer stands for its data, or its text when it has none."""
    if isinstance(value, Answer):
        value = value.text if value.is_error or value.data is None else value.data
    got = stable(value if isinstance(value, str) else pretty(value), known) + "\n"
    file = FOLDER / f"{name}.{'txt' if isinstance(value, str) else 'json'}"
    if UPDATE:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(got, encoding="utf-8")
    elif not file.exists():
        pytest.fail(f"No snapshot {file.name}. UPDATE_SNAPSHOTS=1 makes it: read it then.\n{got}", pytrace=False)
    assert got == file.read_text(encoding="utf-8"), ACCEPT


def compare_error(file_name: str, test: str, call: str, sentence: str, known: Mapping[str, str]) -> None:
    """One sentence against tests/snapshots/errors/<file_name>.txt, where it stands under its test and its call."""
    file = FOLDER / "errors" / f"{file_name}.txt"
    call, sentence = stable(f"{call}\0{sentence}", known).split("\0")
    if UPDATE:
        once = WRITTEN.setdefault((file_name, test, call), sentence)
        assert sentence == once, "One call, two sentences: say as `case` what tells them apart."
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(LOCK):  # other workers write into the same file
            sections = read_errors(file)
            sections.setdefault(test, {})[call] = sentence
            file.write_text(written_errors(sections), encoding="utf-8")
    reviewed = read_errors(file).get(test, {})
    assert call in reviewed, f"No sentence for {call} under {test} in {file.name}. {ACCEPT}\n{sentence}"
    assert sentence == reviewed[call], ACCEPT


def read_errors(file: Path) -> dict[str, dict[str, str]]:
    """Test -> call -> sentence."""
    sections: dict[str, dict[str, str]] = {}
    if not file.exists():
        return sections
    call = ""
    for line in file.read_text(encoding="utf-8").split("\n"):
        if line.startswith("test_"):
            calls = sections[line] = {}
        elif line.startswith("    "):
            calls[call] += ("\n" if calls[call] else "") + line[4:]
        elif line.startswith("  "):
            call = line[2:]
            calls[call] = ""
    return sections


def written_errors(sections: Mapping[str, Mapping[str, str]]) -> str:
    lines: list[str] = []
    for test, calls in sorted(sections.items()):
        lines.append(test)
        for call, sentence in sorted(calls.items()):
            lines.append(f"  {call}")
            lines += [f"    {line}" for line in sentence.split("\n")]
        lines.append("")
    return "\n".join(lines)


# --- what differs from session to session


def stable(text: str, known: Mapping[str, str]) -> str:
    """The text with everything replaced that differs from one session to the next."""
    for id_ in sorted(known, key=len, reverse=True):
        text = text.replace(id_, known[id_])
    numbers: dict[str, str] = {}
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", numbered("id", numbers), text)
    text = re.sub(r"(?<!\d)\d{18}(?!\d)", numbered("experiment", numbers), text)
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:<port>", text)
    text = re.sub(r'("next_cursor": )"[^"]+"', r'\1"<cursor>"', text)
    text = re.sub(r'(cursor=)"WyJ[\w-]+"', r'\1"<cursor>"', text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", if_of_this_session, text)
    return re.sub(r"(?<!\d)\d{13}(?!\d)", if_of_this_session, text)


def numbered(kind: str, numbers: dict[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda found: numbers.setdefault(found[0], f"<{kind}:{len(numbers) + 1}>")


def if_of_this_session(found: re.Match[str]) -> str:
    """Seeded times are fixed and part of what is compared; those that a clock gave are not."""
    if found[0].isdigit():
        when = int(found[0]) / 1000
    else:
        parsed = datetime.fromisoformat(found[0].replace("Z", "").replace("+00:00", ""))
        when = parsed.replace(tzinfo=timezone.utc).timestamp()
    return "<now>" if STARTED - 60 <= when <= time.time() + 60 else found[0]


def pretty(value: Any, indent: str = "", width: int = LINE) -> str:
    """JSON for readers: what fits on a line stays on one, and a table's row does in any case."""
    flat = json.dumps(value, ensure_ascii=False)
    is_row = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    if is_row or not isinstance(value, dict | list) or len(indent) + len(flat) <= width:
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        lines = [f"{pretty(name)}: {pretty(item, deeper, width)}" for name, item in value.items()]
    else:
        lines = [pretty(item, deeper, width) for item in value]
    inside = ",\n".join(deeper + line for line in lines)
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{inside}\n{indent}{last}"
