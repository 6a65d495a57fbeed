"""get_artifact_content of HTML and PDF: their text."""

from __future__ import annotations

import io

import pytest

from tests.support.asking import data_of, problem_of

HTML = """<!doctype html><html><head><title>Report</title><style>p { color: red }</style>
<script>document.location = "http://evil"; var x = "<p>not text</p>";</script></head>
<body><h1>Scores &amp; more</h1><p>mmlu-pro: <b>0.71</b></p><noscript>no script</noscript><template>no template</template>
<table><tr><td>a</td><td>1</td></tr></table></body></html>"""


def test_an_html_page_is_answered_with_its_text(read, snapshot):
    snapshot("get_artifact_content.html", read("report.html", HTML))


def test_lines_of_an_html_page(read):
    data = data_of(read("report.html", HTML, start_line=2, max_lines=1))

    assert (data["text"], data["lines"]) == ("Scores & more\n", "2-2")


def test_an_html_page_nested_without_end_is_read(read):
    assert data_of(read("deep.html", "<div>" * 20_000 + "bottom"))["text"] == "bottom\n"


def test_a_pdf_is_answered_with_its_text_page_by_page(read, snapshot):
    snapshot("get_artifact_content.pdf", read("report.pdf", pdf("Scores of mmlu-pro", "Second page")))


def pdf(*pages: str) -> bytes:
    """A PDF of one line a page, as small as they come."""
    streams = [f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, stream in enumerate(streams):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    file = io.BytesIO(b"%PDF-1.4\n")
    file.seek(0, 2)
    places = []
    for n, each in enumerate(objects, 1):
        places.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (n, each))
    table = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    file.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    file.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table))
    return file.getvalue()


@pytest.mark.parametrize("raw", [b"%PDF-1.4\nnothing", pdf("a")[:200], b"%PDF-1.4\n" + b"\xff" * 500])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_pdf_is_reported(raw, read):
    assert ", damaged or locked. download_artifacts fetches it as it is;" in problem_of(read("report.pdf", raw))
