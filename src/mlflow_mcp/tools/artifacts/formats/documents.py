"""The text of PDF and HTML documents."""

from __future__ import annotations

import io
import warnings

from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.call import CallEnded
from mlflow_mcp.tools.artifacts.formats.detect import refusal

_MOST_DOCUMENT = 10_000_000


def document_text(source: ArtifactSource, path: str, kind: str, total: int | None) -> str:
    """The text of an HTML page or a PDF (which needs the extra `documents`)."""
    if total is None or total > _MOST_DOCUMENT:
        raise refusal(path, f"a {kind.upper()} file", total, "too large to read as text")
    data = source.read(path, 0, total).data
    return _html_text(data) if kind == "html" else _pdf_text(source, path, data)


def _html_text(data: bytes) -> str:
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it looks like XML, or like the name of a file
        page = BeautifulSoup(data, "html.parser")
    for part in page(["script", "style", "noscript", "template"]):
        part.decompose()
    lines = (line.strip() for line in page.get_text("\n").split("\n"))
    return "\n".join(line for line in lines if line) + "\n"


def _pdf_text(source: ArtifactSource, path: str, data: bytes) -> str:
    from pypdf import PdfReader

    parts: list[str] = []
    try:
        pages = PdfReader(io.BytesIO(data)).pages
        for number, page in enumerate(pages, 1):
            source.client.call.check()
            parts.append(f"[page {number}]\n{page.extract_text()}\n")
    except CallEnded:
        raise
    except Exception as error:  # a broken file leads pypdf into errors of any kind
        if not parts:
            raise refusal(path, "a PDF", len(data), "damaged or locked") from error
        parts.append(f"[page {len(parts) + 1} and what follows is damaged]\n")
    return "".join(parts)
