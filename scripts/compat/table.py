"""Compare the answers of the servers and write the table."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from calls import CALLS, Call
from environments import NEWEST, VERSIONS

MOST_DIFFERENCES = 3
DAY = "2026-09-2"  # the times that fill.py sets are all of one day or the next


@dataclass(frozen=True)
class Asked:
    """What one server answered: its set-up's title, its name in VERSIONS and its version, and an answer for each of CALLS."""

    title: str
    name: str
    version: str
    answers: list[dict[str, Any] | None]


def neutral(answers: list[dict[str, Any]], known: Mapping[str, str]) -> list[dict[str, Any]]:
    """The answers without what differs from server to server for no reason: ids, addresses, folders, versions and the time of day."""
    text = json.dumps(answers, ensure_ascii=False)
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, f"<{known[value]}>")
    text = re.sub(r"\b(m-|tr-)?[0-9a-f]{32}\b", "<id>", text)
    text = re.sub(r'("span": {"id": )"[0-9a-f]{16}"', r'\1"<id>"', text)
    text = re.sub(r"(Valid values are ){[^{}]*}", r"\1{…}", text)  # a set, in any order
    text = re.sub(r"(\d+ of them ERROR, )[\d.]+ k?B", r"\1<size>", text)  # each version writes other attributes
    text = re.sub(rf"(?!{DAY})\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)
    text = re.sub(r'("server_version": )("[^"]*"|null)', r'\1"<version>"', text)
    text = re.sub(r'("next_cursor": ")[^"]*', r"\1<cursor>", text)
    text = re.sub(
        r'"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{8}"', '"<digest>"', text
    )  # of a dataset, whose id is in it
    found: list[dict[str, Any]] = json.loads(text)
    return found


@dataclass
class Notes:
    """Numbered footnotes: what was answered, and the first call that it was answered to. Equal ones have one number."""

    numbers: dict[str, int] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)

    def number(self, note: str, call: str) -> int:
        self.calls.setdefault(note, call)
        return self.numbers.setdefault(note, len(self.numbers) + 1)

    def lines(self) -> list[str]:
        return [f"{number}. `{self.calls[note]}`: {' '.join(note.split())}" for note, number in self.numbers.items()]


def judged(call: Call, answer: Mapping[str, Any], newest: Mapping[str, Any] | None, failures: Collection[str]) -> str:
    """Empty when the answer is as it should be, else what it is, for a footnote. `failures` are the sentences that this server's
    tools answer to right arguments."""
    if answer["is_error"] and answer["text"] in failures:
        return str(answer["text"])
    if call.is_refused and not answer["is_error"]:
        return f"it is answered: {_short(answer['pages'])}"
    if newest is None or _content(answer) == _content(newest):
        return ""
    if answer["is_error"]:
        return f"{answer['text']} (newest: {newest['text']})"
    return f"differs: {'; '.join(_differences(answer['pages'], newest['pages']))}"


def failures_of(answers: Sequence[Mapping[str, Any] | None]) -> set[str]:
    return {
        str(answer["text"])
        for call, answer in zip(CALLS, answers)
        if answer and answer["is_error"] and not call.is_refused
    }


def _content(answer: Mapping[str, Any]) -> Any:
    return answer["text"] if answer["is_error"] else (answer["pages"], answer["kinds"])


def _differences(here: Any, newest: Any) -> list[str]:
    ours, theirs = dict(_leaves(here)), dict(_leaves(newest))
    paths = [path for path in {**theirs, **ours} if ours.get(path) != theirs.get(path)]
    shown = [f"`{path}` {_short(ours.get(path))} (newest: {_short(theirs.get(path))})" for path in paths]
    more = [f"and {len(shown) - MOST_DIFFERENCES} more"] if len(shown) > MOST_DIFFERENCES else []
    return shown[:MOST_DIFFERENCES] + more


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _leaves(part, f"{path}[{index}]")
    else:
        yield path, value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}…"


def markdown(asked: Sequence[Asked]) -> str:
    """One table for each set-up, tools down and versions across, and the footnotes."""
    notes = Notes()
    titles = list(dict.fromkeys(each.title for each in asked))
    in_order = sorted(asked, key=lambda each: list(VERSIONS).index(each.name))
    parts = [_table([each for each in in_order if each.title == title], title, notes) for title in titles]
    return "\n".join([*parts, "## Notes", "", *(notes.lines() or ["None."]), ""])


def _table(asked: Sequence[Asked], title: str, notes: Notes) -> str:
    standard = next((each.answers for each in asked if each.name == NEWEST), None)
    tools = list(dict.fromkeys(call.tool for call in CALLS))
    rows = []
    for tool in tools:
        cells = []
        for each in asked:
            failures = failures_of(each.answers)
            found = [
                (judged(call, answer, standard[number] if standard else None, failures), call.name)
                for number, (call, answer) in enumerate(zip(CALLS, each.answers))
                if call.tool == tool and answer is not None
            ]
            cells.append(_cell(found, notes))
        rows.append(f"| `{tool}` | {' | '.join(cells)} |")
    head = f"| tool | {' | '.join(each.version for each in asked)} |"
    return "\n".join([f"## {title}", "", head, "| --- |" + " --- |" * len(asked), *rows, ""])


def _cell(found: Sequence[tuple[str, str]], notes: Notes) -> str:
    remarks = [(note, call) for note, call in found if note]
    good = len(found) - len(remarks)
    numbers = sorted({notes.number(note, call) for note, call in remarks})
    written = [f"{good} ok"] if good else []
    return ", ".join([*written, *([f"{len(remarks)} see {' and '.join(map(str, numbers))}"] if remarks else [])])
