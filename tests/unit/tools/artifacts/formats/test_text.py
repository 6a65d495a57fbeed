"""Any part of a text of any size, read without the rest: exactly the lines that were asked for."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlflow_mcp.answers.budget import Budget
from mlflow_mcp.client.artifacts.folder import Folder
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats.content import OpenedFile, Window
from mlflow_mcp.tools.artifacts.formats.encoding import encoding_of, strip_control_codes
from mlflow_mcp.tools.artifacts.formats.lines import cost, lines_in
from mlflow_mcp.tools.artifacts.formats.text import read_lines

# --- cleaning


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a\r\nb\n", "a\nb\n"),
        ("\x1b[1;32mINFO\x1b[0m ok\x1b[K\n", "INFO ok\n"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        ("\r10%\r50%\r100%\ndone", "100%\ndone"),
        ("10%\r50%\r", "50%"),
        ("half\r\r\nnext", "half\nnext"),
        ("\x1b]0;never ended\nnext \x07 line", "\x1b]0;never ended\nnext \x07 line"),
        ("form\x0cfeed\u2028line\x85break\x1c", "form\x0cfeed\u2028line\x85break\x1c"),
    ],
)
def test_colours_are_removed_and_progress_bars_show_their_last_state(raw, clean):
    assert strip_control_codes(raw) == clean


@given(st.text("a\r\n\x1b[m0;é\u2028", max_size=60))
def test_cleaning_keeps_every_line_in_its_place(text):
    before, after = text.split("\n"), strip_control_codes(text).split("\n")

    assert len(after) == len(before)
    assert "\r" not in strip_control_codes(text)
    assert strip_control_codes(strip_control_codes(text)) == strip_control_codes(text)
    for raw, clean in zip(before, after):
        assert clean in re.sub(r"\x1b\[[0-9;]*m", "", raw) or "\x1b" in raw


def test_a_long_line_is_cleaned_in_no_time():
    # Each was quadratic once: minutes.
    for text in ("a" * 5_000_000, "\x1b[" * 1_000_000, "a\r" * 1_000_000, "\x1b]" * 1_000_000):
        strip_control_codes(text)


# --- encodings


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("plain", "ascii", "utf-8"),
        ("größer als █", "utf-8", "utf-8"),
        ("größer", "utf-8-sig", "utf-8-sig"),
        ("größer", "utf-16", "utf-16"),
        ("größer", "utf-32", "utf-32"),
        ("2026 INFO Größe überschritten: für Schlüssel\n", "latin-1", "cp1252"),
        ("erreur: accès refusé à l'élève\n", "cp1252", "cp1252"),
        ("ошибка: файл не найден\n", "cp1251", "cp1251"),
        ("エラー: ファイルが見つかりません\n", "shift_jis", "cp932"),
        ("错误: 找不到文件\n", "gb18030", "gb18030"),
    ],
)
def test_the_encoding_is_told_by_the_first_bytes(text, encoding, named):
    content = text.encode(encoding)

    assert encoding_of(content) == named
    assert content.decode(named) == text


def test_a_few_broken_bytes_do_not_make_another_encoding():
    assert encoding_of("größer, naïve, ±5 %, ".encode() * 3 + b"\xff\xfe\x80") == "utf-8"


def test_a_character_cut_off_at_the_end_is_no_error():
    assert encoding_of("größer █".encode()[:-1]) == "utf-8"


# --- windows, against the whole text


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    """`text_file(content)` puts it into a folder and gives what `read_lines` takes: the source and the path."""
    folder = tmp_path_factory.mktemp("artifacts")

    def put(content: bytes):
        (folder / "a.txt").write_bytes(content)
        return Folder(folder), "a.txt"

    return put


def read(file, window: Window, budget: int, encoding: str = "utf-8"):
    source, path = file
    opened = OpenedFile(source, path, source.read(path, 0, budget * 2), Budget(budget))
    assert opened.encoding == encoding
    return read_lines(opened, window)


# A budget that makes windows of a few lines: the smallest that an operator can set is 1,800.
SMALL = 200
line_of_text = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x1b"), max_size=SMALL // 8)
some_lines = st.lists(
    line_of_text | st.sampled_from(["", "a" * 50, "█" * 20, "\u2028", "x\x0cy"]), min_size=1, max_size=60
)
line_break = st.sampled_from(["\n", "\r\n"])
relaxed = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much], deadline=None
)


def joined(lines: list[str], ending: str, ends: bool) -> str:
    return ending.join(lines) + (ending if ends else "")


@relaxed
@given(lines=some_lines, ending=line_break, ends=st.booleans())
def test_walking_with_the_start_line_of_each_note_reads_the_file_once_and_in_order(lines, ending, ends, text_file):
    text = joined(lines, ending, ends)
    assume(text)
    file = text_file(text.encode())

    parts, start = [], 1
    while start:
        got = read(file, Window(start_line=start), SMALL)
        parts.append(got.text)
        assert cost(got.text) <= SMALL
        goes_on = re.search(r"start_line=(\d+) continues", " ".join(got.notes))
        assert goes_on is None or int(goes_on[1]) > start
        start = int(goes_on[1]) if goes_on else 0

    assert "".join(parts) == text.replace("\r\n", "\n")


@relaxed
@given(lines=some_lines, ending=line_break, ends=st.booleans(), start=st.integers(1, 70), most=st.integers(1, 8))
def test_any_lines_are_those_of_the_whole_text(lines, ending, ends, start, most, text_file):
    whole = lines_in(joined(lines, ending, ends).replace("\r\n", "\n"))
    assume(whole)
    file = text_file(joined(lines, ending, ends).encode())

    if start > len(whole):
        with pytest.raises(Problem, match=rf"^The file has only {len(whole)} lines?\. Give a smaller start_line"):
            read(file, Window(start_line=start, max_lines=most), 10_000)
        return
    got = read(file, Window(start_line=start, max_lines=most), 10_000)

    assert got.text == "".join(whole[start - 1 : start - 1 + most])
    last = start + min(most, len(whole) - start + 1) - 1
    assert got.shown == (None if start == 1 and last == len(whole) else f"{start}-{last}")
    assert bool(got.notes) == (last < len(whole))


@relaxed
@given(lines=some_lines, ending=line_break, ends=st.booleans(), count=st.integers(1, 70))
def test_the_last_lines_are_those_of_the_whole_text(lines, ending, ends, count, text_file):
    whole = lines_in(joined(lines, ending, ends).replace("\r\n", "\n"))
    assume(whole)
    file = text_file(joined(lines, ending, ends).encode())

    assert read(file, Window(tail=count), 20_000).text == "".join(whole[-count:])
    little = read(file, Window(tail=count), SMALL).text
    assert little
    assert "".join(whole).endswith(little)
    assert cost(little) <= SMALL


@relaxed
@given(
    lines=some_lines, encoding=st.sampled_from(["utf-16", "utf-32"]), start=st.integers(1, 60), count=st.integers(1, 9)
)
def test_wide_encodings_are_read_by_lines_too(lines, encoding, start, count, text_file):
    text = joined(lines, "\r\n", True)
    whole = lines_in(text.replace("\r\n", "\n"))
    assume(start <= len(whole))
    assume(not text.startswith("\0"))  # UTF-16's mark and a zero are UTF-32's mark
    file = text_file(text.encode(encoding))

    assert read(file, Window(start_line=start, max_lines=count), 9_999, encoding).text == "".join(
        whole[start - 1 : start - 1 + count]
    )
    assert read(file, Window(tail=count), 9_999, encoding).text == "".join(whole[-count:])


@relaxed
@given(text=st.text("aé█𝄞\n\t\x01", min_size=1, max_size=400), start=st.integers(0, 3))
def test_walking_with_the_start_byte_of_each_note_reads_every_byte_once(text, start, text_file):
    content = text.encode()
    assume(start < len(content))
    file = text_file(content)

    parts, at = [], start
    while at is not None:
        got = read(file, Window(start_byte=at), SMALL)
        parts.append(got.text)
        goes_on = re.search(r"start_byte=(\d+) continues", " ".join(got.notes))
        assert got.shown == f"bytes {at}-{(int(goes_on[1]) if goes_on else len(content)) - 1}"
        at = int(goes_on[1]) if goes_on else None

    assert "".join(parts) == content[start:].decode("utf-8", "replace")


@pytest.mark.parametrize(
    "window", [Window(), Window(start_line=1), Window(tail=1), Window(start_line=2), Window(tail=3)]
)
def test_a_line_that_is_longer_than_an_answer_is_begun_and_said_so(window, text_file):
    content = "█" * 50_000 + "\n" + "é" * 50_000
    got = read(text_file(content.encode()), window, 1_000)

    assert set(got.text) <= {"█", "é"}
    assert 200 < len(got.text) <= 1_000
    assert "longer than an answer" in got.notes[0]


def test_progress_bars_of_any_length_are_one_line(text_file):
    bars = "".join(f"\r{n:7d}/99999 it" for n in range(20_000))
    text = f"before\n{bars}\nafter\n"

    got = read(text_file(text.encode()), Window(), 1_000)

    assert got.text == "before\n  19999/99999 it\nafter\n"
    assert got.shown is None


@pytest.mark.parametrize(
    "window",
    [Window(start_byte=4), Window(start_line=3), Window(start_line=9)],
)
def test_a_part_beyond_the_end_of_a_file_is_refused(window, text_file, snapshot_error):
    with pytest.raises(Problem) as told:
        read(text_file(b"a\nb\n"), window, 1_000)

    snapshot_error(told.value, window)


def test_start_byte_is_refused_on_utf_16_text(text_file, snapshot_error):
    with pytest.raises(Problem) as told:
        read(text_file("a\nb".encode("utf-16")), Window(start_byte=2), 1_000, "utf-16")

    snapshot_error(told.value)
