"""A page of HTML as a browser would take it apart: its tables, headings and pictures; and what it must not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "br", "img"}
_LOADING = {"script", "link", "iframe", "object", "embed", "base", "form", "svg", "video", "audio", "source", "import"}


@dataclass
class Page:
    """What a reader sees."""

    headings: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)  # each with its head as the first row
    pictures: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page, self.open = Page(), list[str]()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert tag not in _LOADING, tag
        assert not [name for name in given if name.startswith("on") or name in ("srcset", "background")], given
        if tag == "img":
            assert given["src"].startswith("data:image/png;base64,")
            self.page.pictures.append(given["src"].partition(",")[2])
        elif "src" in given:
            raise AssertionError(given)
        if tag == "a":
            self.page.links.append(given["href"])
        if tag == "table":
            self.page.tables.append([])
        if tag == "tr":
            self.page.tables[-1].append([])
        if tag in ("td", "th"):
            self.page.tables[-1][-1].append("")
        if tag in ("h1", "h2", "summary"):
            self.page.headings.append("")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            assert "url(" not in data
            assert "@import" not in data
            return
        self.page.text += data
        if {"td", "th"} & set(self.open):
            self.page.tables[-1][-1][-1] += data
        elif {"h1", "h2", "summary"} & set(self.open):
            self.page.headings[-1] += data


def page_of(html: str) -> Page:
    """The page. Fails for one that is not closed properly or would load or run anything."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.page
