"""Searching streams counts what grep counts, whatever the blocks, and no pattern runs away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats.encoding import strip_control_codes
from mlflow_mcp.tools.artifacts.grep import LONGEST_LINE, Finder, SearchResult
from mlflow_mcp.tools.artifacts.patterns import PatternTimeout, within_a_line

BLOCK = 256 * 1024


def found_in(content: bytes, pattern: str, *, block: int = BLOCK, seconds: float = 60, **options) -> SearchResult:
    asked = {"plain": False, "ignore_case": False, "most": 5, "last": False, "context": 0} | options
    blocks = [content[at : at + block] for at in range(0, len(content), block)]
    return Finder(pattern, seconds=seconds, **asked).search(blocks)


def shown(found: SearchResult) -> list[tuple[int, str]]:
    return [(hit.number, hit.text) for hit in found.hits]


def grep(path: Path, pattern: str, *options: str) -> int:
    """What `grep -c` counts in the file as get_artifact_content shows it."""
    as_shown = path.with_suffix(".shown")
    if not as_shown.exists():
        as_shown.write_text(strip_control_codes(path.read_bytes().decode()), newline="")
    command = ["grep", "-c", "-a", *options, "-e", pattern, str(as_shown)]
    told = subprocess.run(command, capture_output=True, env={"LC_ALL": "C.UTF-8"}, check=False)
    assert told.returncode in (0, 1), told.stderr
    return int(told.stdout)


# --- counts are grep's


LINES = [
    "2026-10-12 \x1b[32mINFO\x1b[0m client: request 17 finish_reason=stop tokens=12 HTTP 200",
    "2026-10-12 WARNING client: request 18 finish_reason=length HTTP 429 Too Many Requests",
    "ERROR engine: CUDA out of memory (OOM)",
    "error: üñïçödé café naïve ±5 %",
    "\r\rEvaluating: 100%|██████████|",
    "",
    "   ",
    "a.b(c)[d]{e}*+?^$|\\",
    "tab\there, \"quoted\" and 'quoted'",
    "\x1b[1mER\x1b[31mROR\x1b[0m in two colours",
]
LINES_IN_LOG = 20_000


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    """A megabyte of such lines: some of the largest blocks and hundreds of the small ones, so that block borders fall
    everywhere in them; its last line has no break."""
    path = tmp_path_factory.mktemp("logs") / "mixed.log"
    content = "\n".join(
        LINES[(n * n + n // 7) % len(LINES)] + str(n % 13) + "\r" * (n % 5 // 2) for n in range(LINES_IN_LOG)
    )
    path.write_text(content, newline="")
    return path


@pytest.mark.parametrize(
    "pattern",
    ["request", "HTTP 429", "OOM", "ERROR in two", "üñïçödé", "no such text", "█", "a.b(c)[d]{e}*+?^$|\\", " "],
)
@pytest.mark.parametrize("block", [BLOCK, 1_000, 65_537])
def test_plain_text_is_counted_as_grep_does(pattern, block, log):
    found = found_in(log.read_bytes(), pattern, plain=True, block=block)

    assert found.count == grep(log, pattern, "-F")
    assert found.lines == LINES_IN_LOG


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "option"),
    [
        ("HTTP (429|5[0-9][0-9])", "-E"),
        ("^ERROR|^error", "-E"),
        ("0$", "-E"),
        ("^$", "-E"),
        ("^ *$", "-E"),
        ("x*", "-E"),
        ("caf. na", "-E"),
        ("[éä]", "-E"),
        ("[^a-z ]+ memory", "-E"),
        ("request[^x]*HTTP", "-E"),
        ("[^0]$", "-E"),
        ("^.{0,5}$", "-E"),
        (r"\d+ *%", "-P"),
        (r"\s+\d$", "-P"),
        (r"engine\W+CUDA", "-P"),
        (r"[^0-9][^0-9][0-9]\s*$", "-P"),
        (r"CUDA\Dout", "-P"),
        (r"(?<=finish_reason=)length", "-P"),
        (r"^(?!.*client).*o", "-P"),
        (r"(\d)\d*\1$", "-P"),
        (r"(?i)ERROR", "-P"),
        (r"e++r", "-P"),
        (r"\bOOM\b", "-P"),
        (r"r$", "-P"),
        (r"length.*Requests\d$|^ERROR", "-P"),
        (r"[\s]x|[\w.]b\(c", "-P"),
        (r"█\|", "-P"),
    ],
)
@pytest.mark.parametrize("block", [BLOCK, 4_099])
def test_an_expression_is_counted_as_grep_does(pattern, option, block, log):
    found = found_in(log.read_bytes(), pattern, block=block)

    assert found.count == grep(log, pattern, option)
    assert found.lines == LINES_IN_LOG


@pytest.mark.parametrize("pattern", ["error", "ERROR", "ÜÑÏÇÖDÉ", "Http"])
def test_case_is_folded_as_grep_does(pattern, log):
    assert found_in(log.read_bytes(), pattern, ignore_case=True).count == grep(log, pattern, "-i")
    assert found_in(log.read_bytes(), pattern, ignore_case=True, plain=True).count == grep(log, pattern, "-i", "-F")


# Carriage returns end lines of their own where a file has no other ends; colours are left out of what is shown.
line = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x1b\0"), max_size=12) | st.sampled_from(
    ["ab", "aab", "b a"]
)


@given(
    lines=st.lists(line, max_size=12),
    ends=st.booleans(),
    block=st.integers(1, 40),
    pattern=st.sampled_from(["a", "ab", "^a", "b$", "a.b", "[^a]b", r"a\s*b", r"\W", "a|b", "(?=ab)", "^$", "x*", "ä"]),
    context=st.integers(0, 2),
    last=st.booleans(),
)
def test_lines_and_their_neighbours_are_the_same_for_any_blocks(lines, ends, block, pattern, context, last):
    import regex

    content = "\n".join(lines) + ("\n" if ends and lines else "")
    # An empty last line without a break is none.
    own = content.split("\n")[:-1] if content.endswith("\n") or not content else content.split("\n")
    matching = [at for at, each in enumerate(own) if regex.search(pattern, each)]
    expected = matching[-2:] if last else matching[:2]

    found = found_in(content.encode(), pattern, block=block, context=context, last=last, most=2)

    assert (found.count, found.lines) == (len(matching), len(own))
    assert [hit.number - 1 for hit in found.hits] == expected
    assert [len(hit.before) for hit in found.hits] == [min(context, at) for at in expected]
    assert [len(hit.after) for hit in found.hits] == [min(context, len(own) - at - 1) for at in expected]


# --- block borders and endless lines


@pytest.mark.parametrize("shift", range(-12, 3))
@pytest.mark.parametrize("pattern", ["finish_reason", r"finish_\w+son"])
def test_a_match_across_a_block_border_is_found(shift, pattern):
    content = b"x" * (BLOCK + shift - 8) + b"\nthe finish_reason is here\n" + b"y" * 100

    found = found_in(content, pattern)

    assert shown(found) == [(2, "the finish_reason is here")]


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["needle", "n[e]+dle", r"(?<=n)eedle"])
def test_a_line_of_fifty_megabytes_is_one_line(pattern, tmp_path):
    path = tmp_path / "one.log"
    with path.open("wb") as file:
        for _ in range(50):
            file.write(b"needle" + b"." * 999_994)

    found = found_in(path.read_bytes(), pattern)

    assert (found.count, found.lines) == (1, 1) == (grep(path, pattern, "-P"), 1)
    assert found.in_parts
    assert len(found.hits[0].text) < 1_100


@pytest.mark.parametrize(
    "place", [LONGEST_LINE - 3, LONGEST_LINE - 64_000 - 3, 2 * LONGEST_LINE - 64_000 - 3, 3_333_333]
)
@pytest.mark.parametrize("pattern", ["needle", "n.*dle"])
def test_a_match_anywhere_in_an_endless_line_is_found(place, pattern):
    content = b"first\n" + b"." * place + b"needle" + b"." * LONGEST_LINE + b"\nlast needle\n"

    found = found_in(content, pattern)

    assert (found.count, found.lines) == (2, 3)
    assert [number for number, _ in shown(found)] == [2, 3]


def test_where_an_endless_line_is_cut_it_neither_begins_nor_ends():
    content = b"a" * (3 * LONGEST_LINE) + b"b\n"

    assert found_in(content, "^a").count == 1
    assert found_in(content, "a$").count == 0
    assert found_in(content, "b$").count == 1
    assert found_in(b"x" + content, "^a").count == 0


# --- lines that were rewritten in place


STATES = b"first\n\rERROR lost worker 3\r 100%\r\nlast \r\r\n"


@pytest.mark.parametrize(
    ("pattern", "numbers", "overwritten", "text"),
    [
        ("ERROR lost", [2], 1, "ERROR lost worker 3"),
        ("^ERROR.*3$", [2], 1, "ERROR lost worker 3"),
        ("100%$", [2], 0, " 100%"),
        ("^ 1", [2], 0, " 100%"),
        ("[r0]", [1, 2], 0, " 100%"),
        ("^last $", [3], 0, "last "),
        ("^$", [], 0, ""),
        ("3.*100", [], 0, ""),
        ("x*", [1, 2, 3], 0, " 100%"),
    ],
)
@pytest.mark.parametrize("block", [3, BLOCK])
def test_each_state_of_a_rewritten_line_is_searched_and_the_last_is_preferred(
    pattern, numbers, overwritten, text, block
):
    found = found_in(STATES, pattern, block=block)

    assert ([hit.number for hit in found.hits], found.count, found.lines) == (numbers, len(numbers), 3)
    assert found.overwritten == overwritten
    assert not text or text in [hit.text for hit in found.hits]


@pytest.mark.parametrize("block", [1, 7, BLOCK])
def test_carriage_returns_end_lines_only_where_nothing_else_does(block):
    assert shown(found_in(b"one\rERROR two\rthree", "^ERROR", block=block)) == [(2, "ERROR two")]
    assert shown(found_in(b"one\rERROR two\rthree\n", "^ERROR", block=block)) == [(1, "ERROR two")]
    assert found_in(b"one\rtwo\rthree", "o", block=block).lines == 3


@pytest.mark.slow
def test_a_bar_of_megabytes_without_any_line_end_is_one_line():
    found = found_in(b"".join(b"\r%7d/9999999 it" % n for n in range(200_000)), "12345/")

    assert (found.count, found.lines, found.overwritten) == (1, 1, 1)


# --- what is shown


def test_the_first_or_the_last_matches_are_kept():
    content = "".join(f"line {n}\n" for n in range(1, 1_001)).encode()

    assert [number for number, _ in shown(found_in(content, "line", most=3))] == [1, 2, 3]
    assert [number for number, _ in shown(found_in(content, "line", most=3, last=True, block=100))] == [998, 999, 1000]
    assert found_in(content, "line", most=0, last=True).count == 1_000


def test_a_match_in_a_progress_bar_shows_that_state():
    content = "".join(f"\rEvaluating: {n}%" for n in range(0, 101, 10)).encode() + b"\r\n\x1b[31mERROR\x1b[0m at 50%\n"

    assert shown(found_in(content, "50%")) == [(1, "Evaluating: 50%"), (2, "ERROR at 50%")]


def test_a_match_in_a_long_line_is_shown_with_its_surroundings():
    found = found_in("ä".encode() * 5_000 + b"needle" + "ö".encode() * 5_000, "needle")

    assert "needle" in found.hits[0].text
    assert found.hits[0].text.startswith("…ä")
    assert found.hits[0].text.endswith("ö…")
    assert "\ufffd" not in found.hits[0].text


def test_invalid_bytes_stay_visible_and_do_not_hide_a_match():
    content = b"ok\n\xff\xfe bad \x80 needle\n" + "naïve café, größer\n".encode() * 9

    assert shown(found_in(content, "needle")) == [(2, "\ufffd\ufffd bad \ufffd needle")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32", "latin-1", "utf-16-be"])
@pytest.mark.parametrize("block", [7, BLOCK])
def test_texts_in_other_encodings_are_searched(encoding, block):
    text = ("\ufeff" if encoding == "utf-16-be" else "") + "größe eins\r\nzwei größe\r\nnichts"
    content = text.encode(encoding)

    found = found_in(content, "größe", block=block)

    assert (found.count, found.lines) == (2, 3)


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "cp932"])
@pytest.mark.parametrize("block", [100, 4_096, BLOCK])
def test_an_encoding_that_shows_late_is_recognised(encoding, block):
    words = {"cp1252": "Größe", "cp1251": "ошибка файла", "cp932": "エラーです"}[encoding]
    content = b"INFO all is well\n" * 1_000 + f"ERROR {words} 7\n".encode(encoding) * 20

    found = found_in(content, f"{words} \\d$", block=block)

    assert (found.count, shown(found)[0], found.undecodable) == (20, (1_001, f"ERROR {words} 7"), False)


def test_undecodable_bytes_are_told_when_the_pattern_could_be_hidden_by_them():
    content = "größer, naïve, café\n".encode() * 9 + "Größe\n".encode("cp1252")

    assert found_in(content, "Größe").undecodable
    assert not found_in(content, "Gr").undecodable
    assert not found_in("größer\n".encode(), "Größe").undecodable


def test_binary_content_is_told_by_its_beginning():
    found = found_in(b"MZ\0\0needle\n" * 1_000, "needle")

    assert (found.is_text, found.count) == (False, 0)


# --- patterns


@pytest.mark.slow  # each takes the two seconds after which it is stopped
@pytest.mark.parametrize(
    ("pattern", "line"),
    # Searched in blocks, and line by line.
    [("(a|a)*$", "a" * 64 + "b"), ("(?=.)(a|a)*$", "a" * 64 + "b")],
)
def test_a_pattern_that_would_run_away_is_stopped(pattern, line, snapshot_error):
    with pytest.raises(PatternTimeout) as stopped:
        found_in((line + "\n").encode() * 500, pattern)

    snapshot_error(stopped.value, pattern)


@pytest.mark.parametrize(
    ("pattern", "line"), [("(a+)+$", "a" * 64 + "b"), ("(x|x)*y", "x" * 64), ("(.*)(.*)(.*)q", "a" * 999)]
)
def test_patterns_that_the_library_can_rule_out_are_not_stopped(pattern, line):
    assert found_in((line + "\n").encode() * 500, pattern).count == 0


def test_when_time_is_up_the_count_is_marked_as_incomplete():
    found = found_in(b"needle\n" * 100, "needle", block=70, seconds=-1)

    assert (found.complete, found.count) == (False, 0)


@pytest.mark.parametrize("pattern", ["a(b", "a\nb", r"a\nb"])
def test_a_pattern_that_cannot_work_is_refused(pattern, snapshot_error):
    with pytest.raises(Problem) as refused:
        found_in(b"a\n", pattern)

    snapshot_error(refused.value, repr(pattern))


def test_a_pattern_of_too_many_groups_is_refused():
    with pytest.raises(Problem, match=r"is no regular expression \("):
        found_in(b"a\n", "(" * 1_000 + ")" * 1_000)


@pytest.mark.parametrize(
    ("pattern", "rewritten"),
    [
        (r"HTTP (429|5\d\d)", r"HTTP (429|5\d\d)"),
        (r"a\s+b", r"a[^\S\n]+b"),
        (r"[^\"]*", r"[^\n\"]*"),
        (r"[^\n]+x", r"[^\n\n]+x"),
        (r"(?:a|b){2,3}?$", r"(?:a|b){2,3}?$"),
        (r"[\w.-]+", r"[\w.-]+"),
        # Not known to stay within a line, or to mean the same in a block of lines.
        (r"(?i)a", None),
        (r"(?<=a)b", None),
        (r"a++", None),
        (r"\Aa", None),
        (r"(a)\1", None),
        (r"[\s]", None),
        (r"[ -~]", None),
        (r"[[:space:]]", None),
        (r"(?:ab){e<=1}", None),
    ],
)
def test_a_pattern_is_kept_within_a_line_where_that_is_sure(pattern, rewritten):
    assert within_a_line(pattern) == rewritten
