"""The one encoding of answers, and the room that an answer has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from mlflow_mcp.answers.base import Answer

T = TypeVar("T")
CELL_CHARS = 300


@dataclass(frozen=True)
class Budget:
    """Room for the main part of an answer, in characters of its encoding, and the shares that its forms get of it.

    A tool that decides by it what to read answers with whole lines or rows; `fit` would cut wherever the room ends.
    """

    content: int

    @classmethod
    def of(cls, max_chars: int) -> Budget:
        """What the largest answer leaves beside its path, sizes and notes."""
        return cls(int(max_chars * 0.9))

    @property
    def rows(self) -> int:
        """For the rows of a table, beside the types of its columns."""
        return int(self.content * 0.8)

    @property
    def excerpt(self) -> int:
        """For an outline, or raw text of which every character may need two when it is encoded."""
        return self.content // 2

    @property
    def short_outline(self) -> int:
        """For an outline that only shows what could have been selected."""
        return min(1_500, self.excerpt)

    @property
    def read_ahead(self) -> int:
        """Bytes that hold enough text for an answer, also when some of it is removed (ANSI codes, progress bars)."""
        return self.content * 2

    @property
    def most_read_at_end(self) -> int:
        """Bytes that are read at most to find the last lines."""
        return self.content * 4


def encoded(content: Any) -> str:
    """The one encoding of answers: compact JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def sendable(part: T) -> T:
    """JSON values in which half of a surrogate pair is written as `\\ud83d`: UTF-8 cannot hold it, and one in an answer would
    end the connection."""
    if isinstance(part, str):
        return cast(T, part if part.isascii() else part.encode("utf-8", "backslashreplace").decode())
    if isinstance(part, list):
        return cast(T, [sendable(inner) for inner in part])
    if isinstance(part, dict):
        return cast(T, {sendable(key): sendable(inner) for key, inner in part.items()})
    return part


def content_of(answer: Answer) -> dict[str, Any]:
    """The answer as JSON values, its notes last: they speak of what stands before them."""
    content = answer.model_dump(mode="json", exclude_none=True)
    if "partial" in content:
        content = {"partial": content.pop("partial"), **content}
    if "notes" in content:
        content["notes"] = content.pop("notes")
    return content
