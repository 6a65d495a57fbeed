"""A report written: its sections in their order, masked, cut, as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from mlflow_mcp import __version__
from mlflow_mcp.client import Client
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.runs.exports.kinds import HTML, Kind
from mlflow_mcp.tools.runs.report.as_html import as_html
from mlflow_mcp.tools.runs.report.as_markdown import as_markdown
from mlflow_mcp.tools.runs.report.curves import curves_section
from mlflow_mcp.tools.runs.report.provenance import provenance_sections
from mlflow_mcp.tools.runs.report.reading import MOST_SIDES, Subject, read_subject
from mlflow_mcp.tools.runs.report.scores import differences_section, score_sections, sides_section
from mlflow_mcp.tools.runs.report.sections import Report, Section, bounded, masked
from mlflow_mcp.tools.runs.report.verdicts import VERDICTS, verdict_sections

__all__ = ["MOST_SIDES", "Written", "write_report"]

_NAMED = 2


@dataclass(frozen=True)
class Written:
    """The text of a report, and what the answer says of it."""

    text: str
    runs: int
    sections: list[str]
    notes: list[str]


def write_report(client: Client, run_ids: Sequence[str], kind: Kind) -> Written:
    """Read what the ids stand for and write the report of it."""
    subject = read_subject(client, run_ids)
    sections = [section for section in _sections(client, subject) if not section.is_empty]
    report = Report(_title(subject), _origin(client), (*sections, *_left_out(client)))
    report = bounded(masked(report) if client.settings.mask_secrets else report)
    has_picture = any(section.picture for section in report.sections)
    notes = ["The curves are in its table; pictures are in a .html."] if has_picture and kind is not HTML else []
    return Written(
        as_html(report) if kind is HTML else as_markdown(report),
        runs=sum(map(len, subject.jobs)),
        sections=[section.title for section in report.sections],
        notes=notes,
    )


def _sections(client: Client, subject: Subject) -> list[Section]:
    """All sections in the order in which they are read. Each is made of plain tables: what else is known of the sides, such as
    verdicts, is a section more."""
    verdicts = verdict_sections(subject)
    return [
        sides_section(subject),
        *verdicts,
        *score_sections(subject, are_judged=any(section.title == VERDICTS and section.table for section in verdicts)),
        curves_section(client, subject),
        differences_section(subject.sides),
        *provenance_sections(client, subject),
    ]


def _title(subject: Subject) -> str:
    names = [side.name for side in subject.sides]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return " against ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])}{more}"


def _origin(client: Client) -> tuple[str, ...]:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (f"Written {now} by mlflow-mcp {__version__}", f"from {', '.join(map(safe_uri, client.uris))}")


def _left_out(client: Client) -> list[Section]:
    """What could not be read, as the answer says it too."""
    return [Section("What could not be read", tuple(client.call.missing))] if client.call.missing else []
