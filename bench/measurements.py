"""docs/measurements.md: the page that the benchmarks write their tables into, each between its own markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "measurements.md"


def write(name: str, content: str, page: Path = PAGE) -> None:
    """Put `content` between `<!-- name:begin -->` and `<!-- name:end -->`, which the page must hold once each."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{page.name} must hold {begin} and {end} once each.")
    before, _, rest = text.partition(begin)
    page.write_text(f"{before}{begin}\n\n{content.strip()}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")
    print(f"wrote {page.relative_to(page.parent.parent)}: {name}")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"
