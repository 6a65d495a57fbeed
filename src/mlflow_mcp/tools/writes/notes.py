"""Notes: entries with date and author, one under the other. Nothing that stands there is ever replaced. Pure."""

from __future__ import annotations

from datetime import datetime


def entry(text: str, who: str, now: datetime) -> str:
    return f"**{now:%Y-%m-%d %H:%M} UTC, {who}:** {text.strip()}"


def appended(note: str, new_entry: str) -> str:
    return f"{note.rstrip()}\n\n{new_entry}" if note.strip() else new_entry


def has_entry(note: str, text: str, who: str) -> bool:
    """Whether this author has written just this before, at any time."""
    return f" UTC, {who}:** {text.strip()}\n\n" in f"{note.rstrip()}\n\n"
