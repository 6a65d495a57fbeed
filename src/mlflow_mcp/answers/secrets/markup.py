"""Secrets in HTML and XML: in elements of their names, in cells beside their names, below them in a table."""

from __future__ import annotations

import re

from mlflow_mcp.answers.secrets.names import is_secret, may_stand_for_one
from mlflow_mcp.answers.secrets.notation import NAME, always, hide_by, notation
from mlflow_mcp.answers.secrets.shapes import HIDDEN

_ELEMENTS = [
    # <db:password type="plain"><![CDATA[…]]></db:password>
    notation("</", rf"<(?:[\w.-]{{1,50}}:)?{NAME}(?:\s[^<>]{{0,300}})?>\s{{0,200}}(?:<!\[CDATA\[)?\s{{0,200}}(?P<value>[^<\s][^<]{{0,4000}}?)(?=\]\]>|\s{{0,200}}</)"),
    # <property name="password">…</property>
    notation("</", rf"<[\w:.-]{{1,50}}\s[^<>]{{0,300}}?\b(?:name|key|id)=[\"']{NAME}[\"'][^<>]{{0,300}}>\s{{0,200}}(?P<value>[^<\s][^<]{{0,4000}}?)\s{{0,200}}</"),
    # <dt>password</dt><dd>…</dd>
    notation("</", rf">\s{{0,50}}{NAME}\s?:?\s{{0,50}}</\w{{1,10}}>\s{{0,200}}<\w{{1,10}}[^<>]{{0,200}}>\s{{0,50}}(?P<value>[^<\s][^<]{{0,4000}}?)\s{{0,50}}</"),
    notation("<input", r"(?i)<input\b(?=[^<>]{0,500}\btype=[\"']?password)[^<>]{0,500}?\bvalue=[\"'](?P<value>[^\"'<>]{4,400})", always),
]  # fmt: skip
_ROW = re.compile(r"(?i)<tr\b[^>]{0,500}>")
_CELL = re.compile(r"(?i)<t[dh]\b[^>]{0,500}>((?:(?!</?t[dhr]\b|</?(?:table|tbody|thead)\b)[\s\S]){0,4000})")
_TAG = re.compile(r"<[^<>]{0,500}>")
_END_OF_TABLE = re.compile(r"(?i)</?table\b")


def hide_in_markup(text: str) -> str:
    """The text without secrets in elements and tables of HTML and XML."""
    if "<" not in text:
        return text
    return hide_by(_ELEMENTS, _hide_in_tables(text) if "<tr" in text.lower() else text)


def _hide_in_tables(text: str) -> str:
    """The text without what stands in tables below the name of a secret. Ends of rows and cells may be left out, as HTML allows."""
    rows = list(_ROW.finditer(text))
    parts, done, names = [], 0, list[str]()
    for number, row in enumerate(rows):
        end = rows[number + 1].start() if number + 1 < len(rows) else len(text)
        cells = list(_CELL.finditer(text, row.end(), end))
        values = [_TAG.sub("", cell[1]).strip() for cell in cells]
        starts_table = number == 0 or _END_OF_TABLE.search(text, rows[number - 1].end(), row.start()) is not None
        if starts_table:
            names = values if any(map(may_stand_for_one, map(_as_name, values))) else []
            continue
        for name, cell, value in zip(names, cells, values):
            if value and HIDDEN not in value and is_secret(value, _as_name(name)):
                parts += [text[done : cell.start(1)], HIDDEN]
                done = cell.end(1)
    return "".join([*parts, text[done:]]) if parts else text


def _as_name(header: str) -> str:
    """`API key` as the name that it is."""
    return "_".join(header.split()).strip(":*")
