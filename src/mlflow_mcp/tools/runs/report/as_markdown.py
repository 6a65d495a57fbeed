"""A report as Markdown, as GitHub, GitLab and editors show it. Pure."""

from __future__ import annotations

import re

from mlflow_mcp.answers.table import Table
from mlflow_mcp.tools.runs.report.sections import Report, Section, cell_text

# What would begin a link, a picture, code, emphasis, HTML or another cell; an underscore inside a word does not.
_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_THE_START = re.compile(r"^(\d*)([#+=.)-])")


def as_markdown(report: Report) -> str:
    """The whole file."""
    parts = [f"# {_line(report.title)}", "  \n".join(map(_line, report.origin))]
    for section in report.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {_line(section.title)}"]
    parts += ["\n".join(f"- {_line(sentence)}" for sentence in section.sentences)] if section.sentences else []
    return [*parts, _table(section.table)] if section.table else parts


def _table(table: Table) -> str:
    rows = [[_escaped(cell_text(cell)) for cell in row] for row in table.rows]
    lines = [list(map(_escaped, table.columns)), ["---"] * len(table.columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(text: str) -> str:
    """Text that begins a line: no heading, quote or list."""
    return _AT_THE_START.sub(r"\1\\\2", _escaped(text))


def _escaped(text: str) -> str:
    """Text on one line that is nothing but text."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(lambda mark: f"\\{mark[0]}", line)
