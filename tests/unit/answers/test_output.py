"""Numbers, times, tables, and how an answer is cut to its budget."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.answers.base import Answer, Page
from mlflow_mcp.answers.budget import content_of, encoded, sendable
from mlflow_mcp.answers.fitting import fit, fit_sentences
from mlflow_mcp.answers.table import Table, short_numbers
from mlflow_mcp.text import iso, number, plural, seconds, size, truncate


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456789, 0.123457),
        (1234567.89, 1234568),
        (123456789.0, 123456789),
        (-123456789.0, -123456789),
        (2.0**53 - 1, 2**53 - 1),
        (123456.789, 123457.0),
        (1e300, 1e300),
        (4.62635328e-09, 4.62635e-09),
        (0.0, 0.0),
        (-0.5, -0.5),
        (7, 7),
        (True, True),
        (None, None),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (1.7976931348623157e308, "Infinity"),
        (-1.7976931348623157e308, "-Infinity"),
    ],
)
def test_integers_are_whole_fractions_have_six_digits_and_words_stand_for_what_json_has_not(value, shown):
    assert number(value) == shown
    json.dumps(number(value), allow_nan=False)


@pytest.mark.parametrize(("value", "text"), [(12.0, "12"), (-0.0, "0"), (123456789.0, "123456789"), (0.5, "0.5")])
def test_what_has_no_fraction_is_written_without_one(value, text):
    assert json.dumps(number(value)) == text


def test_a_number_is_whole_when_asked_for():
    assert number(0.1234567890123, None) == 0.1234567890123


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (1_788_220_800_000, "2026-09-01T00:00:00Z"),
        (1_788_220_800_999, "2026-09-01T00:00:00Z"),
        (0, None),
        (None, None),
        (-5, None),
        (10**18, None),
    ],
)
def test_times_are_iso_in_utc_with_seconds(milliseconds, shown):
    assert iso(milliseconds) == shown


def test_durations_are_seconds_and_sizes_are_for_people():
    assert seconds(1_000, 5_250) == 4.2
    assert seconds(1_000, None) is None
    assert [size(count) for count in (0, 981, 1_000, 2_330, 999_999, 2_100_000, None)] == [
        "0 B",
        "981 B",
        "1 kB",
        "2.33 kB",
        "1 MB",
        "2.1 MB",
        "unknown size",
    ]
    assert (plural(1, "run"), plural(2_000, "run"), plural(2, "entry", "entries")) == (
        "1 run",
        "2,000 runs",
        "2 entries",
    )


def test_long_text_is_cut_and_says_by_how_much():
    assert truncate("x" * 10, 10) == "x" * 10
    assert truncate("x" * 15, 10) == "x" * 10 + "…[+5 chars]"


def test_the_cells_of_a_table_have_short_numbers_and_are_cut_when_the_answer_is_made():
    table = Table.of(["id", "text"], [["a", "x" * 400], ["b", {"loss": math.nan, "why": "y" * 400}]])
    answer = Rows(table=table)

    assert short_numbers({"a": 1 / 3, "b": math.nan}) == {"a": 0.333333, "b": "NaN"}
    rows = fitted(answer, 10_000)["table"]["rows"]
    assert rows[0][1] == "x" * 300 + "…[+100 chars]"
    assert rows[1][1] == {"loss": "NaN", "why": "y" * 300 + "…[+100 chars]"}


def test_values_equal_in_all_rows_are_written_once():
    table = Table.of(["id", "same", "differs", "nothing"], [["a", 1, 2, None], ["b", 1, 3, None]], keep=("id",))

    assert table.columns == ["id", "differs"]
    assert table.rows == [["a", 2], ["b", 3]]
    assert table.common == {"same": 1}


def test_true_is_not_one_and_a_missing_value_is_not_common():
    table = Table.of(["id", "flag", "some"], [["a", True, None], ["b", 1, 2]], keep=("id",))

    assert table.columns == ["id", "flag", "some"]
    assert table.common is None


def test_one_row_and_no_rows_have_nothing_in_common():
    assert Table.of(["id", "x"], [["a", 1]]).rows == [["a", 1]]
    assert Table.of(["id", "x"], []).columns == ["id", "x"]


class Rows(Page):
    table: Table


def fitted(answer, budget):
    return fit(answer, content_of(answer), budget)


def page(count, width=40):
    answer = Rows(table=Table(columns=["n", "text"], rows=[[n, "x" * width] for n in range(count)]))
    answer.continue_with(lambda shown: f"after {shown}", count, more=False)
    return answer


@pytest.mark.parametrize("budget", [400, 1_000, 2_000, 5_000])
@pytest.mark.parametrize("count", [1, 5, 50, 500])
def test_rows_go_first_and_the_cursor_goes_on_after_the_last(budget, count):
    content = fitted(page(count), budget)
    shown = len(content["table"]["rows"])

    assert len(encoded(content)) <= budget
    if shown < count:
        assert content["next_cursor"] == f"after {shown}"
        assert content["notes"][0].startswith(f"Only the first {shown} of {count} rows fit into one answer")
    else:
        assert "notes" not in content


class Texts(Answer):
    first: str
    second: dict[str, str]


def test_texts_are_cut_when_there_are_no_rows_to_leave_out():
    content = fitted(Texts(first="x" * 9_000, second={"a": "y" * 9_000, "b": "short"}), 4_000)

    assert len(encoded(content)) <= 4_000
    assert content["second"]["b"] == "short"
    assert content["notes"] == ["Long texts were cut to fit into one answer."]


def test_many_short_parts_are_left_out_as_the_last_resort_and_it_says_so():
    content = fitted(Texts(first="x", second={f"name-{n}": "y" * 30 for n in range(1_000)}), 2_000)

    assert len(encoded(content)) <= 2_000
    assert content["notes"][-1] == "`second` is not complete: it does not fit into one answer."


def test_notes_come_last_and_each_once():
    answer = Texts(first="x", second={})
    answer.note("one", "", "two")
    answer.note("one")

    assert list(fitted(answer, 2_000)) == ["first", "second", "notes"]
    assert answer.notes == ["one", "two"]


def test_one_of_a_kind_is_called_the_only_one():
    from mlflow_mcp.text import every

    assert [every(count, "run") for count in (0, 1, 2)] == ["all 0 runs", "the only run", "all 2 runs"]
    assert every(1, "experiment", "any of the") == "the only experiment"
    assert every(1_000, "experiment", "any of the") == "any of the 1,000 experiments"


def test_half_a_surrogate_pair_is_written_out_and_whole_characters_stay():
    assert sendable({"a\ud83d": ["\ude00", "Größe 😀", 1, None]}) == {"a\\ud83d": ["\\ude00", "Größe 😀", 1, None]}


# --- whatever an answer holds


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
CELLS = st.one_of(NAMES, st.integers(-(10**20), 10**20), st.none(), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def contents(draw):
    columns = ["run_id", *draw(st.lists(NAMES, max_size=30))]
    rows = [["a" * 32, *(draw(CELLS) for _ in columns[1:])] for _ in range(draw(st.integers(0, 12)))]
    return {
        "run_id": "b" * 32,
        "next_cursor": "c" * 200,
        "table": {"columns": columns, "rows": rows, "common": draw(st.dictionaries(NAMES, CELLS, max_size=20))},
        "texts": draw(st.dictionaries(NAMES, NAMES, max_size=40)),
        "text": draw(st.text(max_size=5_000)),
        "names": draw(st.lists(NAMES, max_size=20)),
        "notes": draw(st.lists(st.text(max_size=3_000), max_size=12)),
    }


@given(contents(), st.sampled_from([2_000, 4_000, 32_000]))
def test_no_answer_is_larger_than_its_budget_and_ids_cursors_and_columns_stay(content, budget):
    fitted_content = fit(Answer(), sendable(content), budget)

    assert len(encoded(fitted_content)) <= budget
    assert fitted_content["run_id"] == "b" * 32
    assert fitted_content["next_cursor"] == "c" * 200
    if "table" in fitted_content:
        assert fitted_content["table"]["columns"][0] == "run_id"
        assert all(row[0] == "a" * 32 for row in fitted_content["table"]["rows"])


@given(st.text(max_size=9_000), st.text(max_size=9_000), st.sampled_from([2_000, 32_000]))
def test_no_error_is_larger_than_its_budget(failed, next_step, budget):
    assert len(fit_sentences(failed, next_step, budget)) <= min(budget, 4_000)


def test_a_long_error_keeps_its_beginning_its_end_and_its_next_step():
    sentence = fit_sentences(f"'{'x' * 100_000}' is no filter.", "Call again.", 32_000)

    assert sentence.startswith("'xxx")
    assert sentence.endswith(" is no filter. Call again.")
    assert "+ chars]…" in sentence
