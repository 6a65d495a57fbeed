"""The models that every answer is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

Notes = Annotated[list[str] | None, Field(description="What was left out or is uncertain, and which call gets it.")]


class Answer(BaseModel):
    """The base of every tool's answer. Fields that are None are not sent."""

    model_config = ConfigDict(extra="forbid")

    notes: Notes = None
    # The fields that hold what files hold, in which no id is one of ours.
    VERBATIM: ClassVar[tuple[str, ...]] = ()
    # The name of the server that it is about, where that is not the default one.
    _server: str = PrivateAttr(default="")
    # The servers there are, where the answer tells of several.
    _servers: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    def note(self, *sentences: str) -> None:
        """Append to the notes, each sentence once."""
        kept = [*(self.notes or ()), *(sentence for sentence in sentences if sentence)]
        self.notes = list(dict.fromkeys(kept)) or None


class Page(Answer):
    """An answer whose main content is one table that can go on in a next page."""

    next_cursor: Annotated[str | None, Field(description="Pass as `cursor` to continue.")] = None
    # The cursor for a page that is cut after its first n rows; set by the tool that can continue.
    _cursor_after: Callable[[int], str] | None = PrivateAttr(default=None)

    def continue_with(self, cursor_after: Callable[[int], str], shown: int, more: bool) -> None:
        """Let the page be cut anywhere, and set `next_cursor` when there is more after its `shown` rows."""
        self._cursor_after = cursor_after
        self.next_cursor = cursor_after(shown) if more else None


class ImageAnswer(Answer):
    """An image and a short text: what a person looks at, and the same in words for who cannot see it."""

    text: str
    data: Annotated[bytes, Field(repr=False)]
    mime_type: str = "image/png"
