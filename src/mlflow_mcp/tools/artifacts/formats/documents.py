"""The text of PDF and HTML documents."""

from __future__ import annotations

import io
import warnings

from mlflow_mcp.answers.masking import hide_in_markup
from mlflow_mcp.client.call import CallEnded
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.encoding import decoded
from mlflow_mcp.tools.artifacts.formats.lines import lines_of_text

_MOST_READ = 10_000_000


def read(file: OpenedFile, request: ContentRequest) -> ArtifactContent:
    """Lines of the text of an HTML page or a PDF (which needs the extra `documents`)."""
    data = file.whole(_MOST_READ, "too large to read as text")
    is_html = file.kind.name == "html"
    text = _html_text(data, file.mask_secrets) if is_html else _pdf_text(file, data)
    note = "The page's text." if is_html else "The document's text."
    return lines_of_text(text, file, request.window).content_of(file, note)


def _html_text(data: bytes, mask_secrets: bool) -> str:
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it looks like XML, or like the name of a file
        # Cells of a table become lines, which do not tell any more what names what.
        page = BeautifulSoup(hide_in_markup(decoded(data)) if mask_secrets else data, "html.parser")
    for element in page(["script", "style", "noscript", "template"]):
        element.decompose()
    lines = (line.strip() for line in page.get_text("\n").split("\n"))
    return "\n".join(line for line in lines if line) + "\n"


def _pdf_text(file: OpenedFile, data: bytes) -> str:
    from pypdf import PdfReader

    texts: list[str] = []
    try:
        pages = PdfReader(io.BytesIO(data)).pages
        for number, page in enumerate(pages, 1):
            file.check()
            texts.append(f"[page {number}]\n{page.extract_text()}\n")
    except CallEnded:
        raise
    except Exception as error:  # a broken file leads pypdf into errors of any kind
        if not texts:
            raise file.refused("damaged or locked") from error
        texts.append(f"[page {len(texts) + 1} and what follows is damaged]\n")
    return "".join(texts)
