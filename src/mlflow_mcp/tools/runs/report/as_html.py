"""A report as one HTML page that needs nothing else: no script, no address, every text of a stranger escaped. Pure."""

from __future__ import annotations

import base64
import re
from html import escape
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.tools.runs.report.sections import Report, Section, cell_text

_LINK = re.compile(r"https?://\S+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+Z")
# Tables of more columns are set smaller.
_WIDE = 9
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5a6474; --line: #d9dee7; --back: #fff; --band: #f5f7fa; --mark: #0b62a8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa5b5; --line: #333c49; --back: #12161c; --band: #1a2029; --mark: #7db8ec }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 90rem; padding: 2rem 1.25rem 4rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem }
h2, summary { font-size: 1.1rem; font-weight: 600; line-height: 1.3 }
h2 { margin: 2.25rem 0 .5rem } summary { cursor: pointer; margin: 1.25rem 0 .5rem }
p, li, .origin { color: var(--soft); margin: .25rem 0; max-width: 70ch } .origin { font-size: .9rem }
.scroll { overflow-x: auto; margin: .75rem 0 } table { border-collapse: collapse; font-size: .875rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid var(--line); min-width: 3rem;
  max-width: 26rem; overflow-wrap: break-word; white-space: pre-wrap }
th { background: var(--band); font-weight: 600; white-space: nowrap } .number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums } .time { white-space: nowrap } td.id { white-space: nowrap; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em }
.wide table { font-size: .8rem } .wide th, .wide td { padding: .3rem .45rem; min-width: 0 } .wide th { white-space: normal }
a { color: var(--mark) } img { display: block; max-width: 100%; height: auto; border-radius: 6px; margin: .75rem 0 }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #333; --line: #bbb; --back: #fff; --band: #f0f0f0; --mark: #000 }
  @page { margin: 15mm } body { font-size: 10pt; padding: 0; max-width: none } .scroll { overflow: visible }
  table { font-size: 8pt } th, td { padding: 1mm 1.5mm } .wide table { font-size: 6.5pt } .wide th { white-space: normal }
  details::details-content { content-visibility: visible; block-size: auto } summary { list-style: none }
  h2, summary, p { break-after: avoid } tr, img { break-inside: avoid } thead { display: table-header-group }
  img { max-height: 235mm; width: auto }
}
"""
# Nothing is loaded, whatever a text in it says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def as_html(report: Report) -> str:
    """The whole page."""
    origin = "<br>".join(map(_escaped, report.origin))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_escaped(report.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{_escaped(report.title)}</h1><div class="origin">{origin}</div></header>
<main>
{"".join(map(_section, report.sections))}</main>
</body>
</html>
"""


def _section(section: Section) -> str:
    title = _escaped(section.title)
    sentences = "".join(f"<p>{_escaped(sentence)}</p>\n" for sentence in section.sentences)
    picture = _picture(section.picture, section.title) if section.picture else ""
    inside = f"{sentences}{picture}{_table(section.table) if section.table else ''}"
    if section.is_folded:
        return f"<details><summary>{title}</summary>\n{inside}</details>\n"
    return f"<section>\n<h2>{title}</h2>\n{inside}</section>\n"


def _picture(png: bytes, title: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{_escaped(title)}; the table below has their figures" src="data:image/png;base64,{data}">\n'


def _table(table: Table) -> str:
    numeric = [
        any(map(_is_number, cells)) and all(cell is None or _is_number(cell) for cell in cells)
        for cells in ([row[at] for row in table.rows] for at in range(len(table.columns)))
    ]
    head = "".join(
        f'<th scope="col"{_class(is_number)}>{_escaped(name)}</th>' for name, is_number in zip(table.columns, numeric)
    )
    rows = "".join(
        f"<tr>{''.join(_cell(name, cell, is_number) for name, cell, is_number in zip(table.columns, row, numeric))}</tr>\n"
        for row in table.rows
    )
    wide = " wide" if len(table.columns) > _WIDE else ""
    return (
        f'<div class="scroll{wide}"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n'
    )


def _cell(name: str, cell: Any, is_number: bool) -> str:
    text = cell_text(cell)
    if name == "link" and _LINK.fullmatch(text):
        return f'<td><a href="{_escaped(text)}" rel="noreferrer">open</a></td>'
    if name in ("run id", "commit"):
        return f'<td class="id">{_escaped(text)}</td>'
    if _TIME.fullmatch(text):
        return f'<td class="time">{_escaped(text)}</td>'
    return f"<td{_class(is_number)}>{_escaped(text)}</td>"


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell in ("NaN", "Infinity", "-Infinity") or bool(re.fullmatch(r"[+-]\d[\d.e+-]*%", cell))
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _escaped(text: str) -> str:
    """Text that is nothing but text; what no page may hold is a box."""
    return escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "□", text), quote=True)
