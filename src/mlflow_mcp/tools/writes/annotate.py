"""Write down what was found, where the next one looks."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.targets import target_of
from mlflow_mcp.client.marks import RESERVED_TAGS, Marks, State, Target, check_name
from mlflow_mcp.client.writing import Write, author, refuse_secret
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, hint, listed
from mlflow_mcp.tools.arguments import as_text, one_or_many, tags_of
from mlflow_mcp.tools.writes.notes import appended, entry, has_entry
from mlflow_mcp.tools.writes.outcome import Change, DryRun, Outcome, call_of, carry_out
from mlflow_mcp.tools.writes.tags import signed, tag_removed, tag_set

TargetName = Annotated[
    str,
    BeforeValidator(as_text),
    Field(
        min_length=1,
        description="Id, name or URL; 'models:/name', 'models:/name/3'.",
    ),
]
NewTags = Annotated[
    dict[str, str] | None,
    BeforeValidator(tags_of),
    BeforeValidator(one_or_many),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
    Field(description="To set: ['owner=ana']."),
]
TagNames = Annotated[list[str] | None, BeforeValidator(one_or_many), Field(description="Names of tags.")]


def annotate(
    client: Client,
    target: TargetName,
    note: Annotated[str | None, Field(description="To append; Markdown.")] = None,
    tags: NewTags = None,
    remove_tags: TagNames = None,
    dry_run: DryRun = False,
) -> Outcome:
    """Write a note or tags to a run, experiment, model, model version or trace. Notes are appended with date and author. get_run shows
    them."""
    if note is not None and not note.strip():
        note = None
    if not (note or tags or remove_tags):
        raise Problem("Nothing is to be written.", "Give a note, tags or remove_tags.")
    both = set(tags or ()) & set(remove_tags or ())
    if both:
        raise Problem(f"The tag '{clipped(min(both))}' is to be set and removed.", "Name it in one of the two.")
    on = target_of(client, target)
    marks = Marks(client, on)
    _check(client, on, note, tags or {}, remove_tags or [])
    now = marks.read()
    shown = State(now.note, {name: client.masked(value, name) for name, value in now.tags.items()})
    who = author(client)
    changes = _of_tags(marks, on, now, shown, tags or {}, remove_tags or [])
    if note and not has_entry(now.note, note, who):
        changes.append(_of_note(marks, on, now, entry(note, who, datetime.now(timezone.utc))))
    changes = [*signed(marks, on, shown, who), *changes] if changes else []
    answer = carry_out(client, str(on), changes, _undo(on, now, shown, tags or {}, remove_tags or []), dry_run=dry_run)
    if changes and not dry_run:
        answer.note(*_differences(marks.read(), changes, note, on))
    answer.note(*_remarks(changes, now, note, remove_tags or [], dry_run=dry_run))
    return answer


def _remarks(changes: list[Change], now: State, note: str | None, removed: list[str], *, dry_run: bool) -> list[str]:
    """What was asked for and needed no change, and what has no call that undoes it."""
    absent = [name for name in dict.fromkeys(removed) if name not in now.tags]
    sentences = [f"No tag to remove: {listed(absent)}. {hint(absent[0], now.tags)}".strip()] if absent else []
    if any(change.what == "note" for change in changes):
        sentences.append("" if dry_run else "A note is undone by hand: MLflow's UI edits it.")
    elif note and changes:
        sentences.append("You wrote this note before: it is there once, and was not appended again.")
    return sentences


def _check(client: Client, on: Target, note: str | None, tags: dict[str, str], removed: list[str]) -> None:
    """Raise Problem for what MLflow would refuse or cut, before anything is written."""
    for name in (*tags, *removed):
        if name.startswith(RESERVED_TAGS):
            raise Problem(
                f"The tag '{clipped(name)}' is one of MLflow's own.",
                "note= appends to the description; choose other names for tags.",
            )
        check_name(client, name)
    for name, value in tags.items():
        if len(value) > on.longest_value:
            raise Problem(
                f"The tag '{name}' has {len(value):,} characters; {on.longest_value:,} is the most for a {on.kind}.",
                "Shorten it; nothing was written.",
            )
        refuse_secret(client, value, name, f"The tag '{name}'")
    if note:
        refuse_secret(client, note, "", "The note")


def _of_tags(
    marks: Marks, on: Target, now: State, shown: State, tags: dict[str, str], removed: list[str]
) -> list[Change]:
    set_ = [tag_set(marks, on, shown, name, value) for name, value in tags.items() if now.tags.get(name) != value]
    return set_ + [tag_removed(marks, on, shown, name) for name in dict.fromkeys(removed) if name in now.tags]


def _of_note(marks: Marks, on: Target, now: State, new_entry: str) -> Change:
    after = appended(now.note, new_entry)
    if len(after) > on.longest_note:
        room = max(0, on.longest_note - len(after) + len(new_entry))
        raise Problem(
            f"The note of {on} would have {len(after):,} characters; {on.longest_note:,} is the most. Nothing was written.",
            f"There is room for {room:,} more, date and author included.",
        )

    def append() -> None:
        # Read again: another may have written meanwhile, and what they wrote stays.
        marks.set_note(appended(marks.read().note, new_entry))

    step = Write(f"note of {on}", append, lambda: new_entry in marks.read().note)
    return Change("note", f"{len(now.note):,} characters" if now.note else None, f"appended: {new_entry}", step)


def _differences(now: State, changes: list[Change], note: str | None, on: Target) -> list[str]:
    """What is not as it was written: two may write at the same time, and neither is told by MLflow."""
    sentences = []
    for change in changes:
        name = change.what.removeprefix("tag ")
        if change.what == "note" and note and note.strip() not in now.note:
            sentences.append(
                "The note is not there any more: somebody wrote it at the same time. Call again to append it."
            )
        elif change.what != "note" and now.tags.get(name) != change.after:
            sentences.append(
                f"The tag '{name}' has another value now: somebody else set it at the same time, or the server cut it."
            )
    return sentences


def _undo(on: Target, now: State, shown: State, tags: dict[str, str], removed: list[str]) -> str | None:
    names = [
        *(name for name, value in tags.items() if now.tags.get(name) != value),
        *(n for n in removed if n in now.tags),
    ]
    if any(shown.tags.get(name) != now.tags.get(name) for name in names):
        return None  # a value is hidden: the call would write what hides it
    before = [f"{name}={now.tags[name]}" for name in names if name in now.tags]
    new = [name for name in names if name not in now.tags]
    return call_of("annotate", {"target": on.ref, "tags": before, "remove_tags": new}) if names else None
