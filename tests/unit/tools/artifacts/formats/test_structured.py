"""What strangers wrote is parsed exactly, and whatever they wrote, nothing runs, nothing crashes and nothing hangs."""

from __future__ import annotations

import json
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats import interpreter
from mlflow_mcp.tools.artifacts.formats.select import outline, select
from mlflow_mcp.tools.artifacts.formats.structured import DEEPEST, Unparsable, parse, to_json_value

DEEP = 100_000


# --- values


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("0x1f", 31),
        ("1.50", 1.5),
        ("1.0e-05", 1e-05),
        ("true", True),
        ("no", False),
        ("~", None),
        ("", None),
        (".nan", "NaN"),
        ("-.inf", "-Infinity"),
        ("'1'", "1"),
        # What PyYAML takes for a time, a number of seconds, an octal number: it stays as it is written.
        ("2026-10-12", "2026-10-12"),
        ("2026-10-12T02:00:00Z", "2026-10-12T02:00:00Z"),
        ("02:00:00", "02:00:00"),
        ("12:30:45", "12:30:45"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("48e10937", "48e10937"),
    ],
)
def test_a_yaml_value_is_what_is_written(written, value):
    assert parse("yaml", f"key: {written}") == {"key": value}
    assert type(parse("yaml", f"key: {written}")["key"]) is type(value)


def test_several_yaml_documents_are_a_list():
    assert parse("yaml", "a: 1\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


def test_infinite_and_undefined_numbers_are_carried_as_text():
    assert parse("json", '{"a": NaN, "b": [-Infinity, 1]}') == {"a": "NaN", "b": ["-Infinity", 1]}
    assert to_json_value([math.inf, {"deep": math.nan}]) == ["Infinity", {"deep": "NaN"}]


def test_half_of_a_surrogate_pair_stays_visible():
    assert parse("json", r'{"\ud800": "a\udfffb"}') == {r"\ud800": r"a\udfffb"}


def test_toml_dates_and_times_are_as_written():
    assert parse("toml", "day = 2026-10-12\ntime = 02:00:00\n[table]\nkey = 'v'") == {
        "day": "2026-10-12",
        "time": "02:00:00",
        "table": {"key": "v"},
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(json_values)
def test_whatever_json_holds_comes_back_whole_and_can_be_sent(value):
    parsed = parse("json", json.dumps(value))

    assert json.loads(json.dumps(parsed, ensure_ascii=False).encode()) == parsed
    assert parsed == json.loads(json.dumps(value))


@given(st.text(max_size=200), st.sampled_from(["json", "yaml", "toml"]))
def test_any_text_is_parsed_or_refused(text, kind):
    try:
        parsed = parse(kind, text)
    except Unparsable as told:
        parsed = [str(told)]
    assert json.dumps(parsed, allow_nan=False, ensure_ascii=False).encode()


# --- what must not happen


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir ['{}']", "!!python/name:os.system", "!!python/object:x {{}}"]
)
def test_yaml_tags_are_never_executed(tag, tmp_path):
    made = tmp_path / "made"

    with pytest.raises(Unparsable, match="could not determine a constructor"):
        parse("yaml", f"key: {tag.format(made)}")
    assert not made.exists()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("json", "[" * DEEP + "]" * DEEP),
        ("json", '{"a":' * DEEP + "1" + "}" * DEEP),
        ("json", "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)),
        ("yaml", "[" * DEEP),
        ("yaml", "[" * DEEP + "]" * DEEP),
        ("yaml", "{a: " * DEEP + "1" + "}" * DEEP),
        ("yaml", "- " * DEEP + "1"),
        ("yaml", "? " * DEEP),
        ("yaml", "".join(" " * depth + "a:\n" for depth in range(500))),
        ("yaml", "a: &a [*a]"),
        ("toml", "a = " + "[" * DEEP + "]" * DEEP),
        ("toml", ".".join(["a"] * DEEP) + " = 1"),
        ("toml", " . ".join(["'a'"] * DEEP) + " = 1"),
        ("toml", "[" + ".".join(["a"] * DEEP) + "]"),
    ],
)
def test_what_is_nested_too_deeply_is_refused(kind, text):
    with pytest.raises(Unparsable, match="nested too deeply"):
        parse(kind, text)


def test_what_is_nested_as_deeply_as_allowed_is_parsed():
    deep = "[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1)

    assert parse("json", deep) == parse("yaml", deep)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bulk",
    [
        "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)),
        "a: &a '" + "x" * 1_000_000 + "'\nb: [" + ", ".join(["*a"] * 2_000) + "]\n",
    ],
    ids=["billion laughs", "long texts repeated"],
)
def test_yaml_aliases_that_unfold_into_bulk_are_refused(bulk):
    with pytest.raises(Unparsable, match="it unfolds into millions of values"):
        parse("yaml", bulk)


@pytest.mark.parametrize(
    "bulk",
    [
        "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
        "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: 1}}\n" for n in range(1, 2_000)),
        "a: &a {k: 1}\nb: {<<: [" + ", ".join(["*a"] * 200) + "]}",
    ],
    ids=["multiplied", "chained", "listed"],
)
def test_yaml_merges_that_multiply_are_refused(bulk):
    with pytest.raises(Unparsable, match="it merges too many mappings with <<"):
        parse("yaml", bulk)


def test_a_usual_yaml_merge_is_made():
    assert parse("yaml", "base: &b {lr: 1, steps: 2}\nrun: {<<: *b, lr: 3}")["run"] == {"lr": 3, "steps": 2}


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("json", '{"a": 1,}', "line 1"),
        ("json", "9" * 5_000, "4300"),
        ("yaml", "a: [1, 2", "flow sequence"),
        ("yaml", "a: 1\n\tb: 2", "in line 2, column 1"),
        ("yaml", "{[1]: 2, {a: b}: 3}", "unhashable"),
        ("toml", "a = ", "Invalid value"),
        ("yaml", "a" * 4_000_000, "it is too large"),
    ],
)
def test_what_is_broken_is_said_in_one_line(kind, text, words):
    with pytest.raises(Unparsable) as refused:
        parse(kind, text)

    assert words in str(refused.value)
    assert len(str(refused.value)) <= 200


# --- outline and select


def test_an_outline_goes_level_by_level_in_jmespaths_notation():
    value = {"results": {"mmlu-pro": {"score": 0.5, "runs": [{"id": 1}, {"id": 2}]}}, "ü": None, "text": "x" * 61}

    assert outline(value, 1_000) == [
        "@: object of 3 keys",
        "results: object of 1 key",
        '"ü": null',
        "text: text of 61 characters",
        'results."mmlu-pro": object of 2 keys',
        'results."mmlu-pro".score: 0.5',
        'results."mmlu-pro".runs: array of 2',
        'results."mmlu-pro".runs[0]: object of 1 key',
        'results."mmlu-pro".runs[0].id: 1',
    ]


def test_an_outline_keeps_to_its_room():
    lines = outline({f"key{n}": n for n in range(10_000)}, 500)

    assert len("".join(lines)) < 600
    assert lines[-1] == "…"


@given(st.dictionaries(st.text(min_size=1), st.integers(), min_size=1, max_size=5))
def test_every_path_of_an_outline_selects_what_it_names(value):
    for line in outline(value, 10_000)[1:]:
        path, _, shown = line.rpartition(": ")

        assert json.dumps(select(value, path)) == shown


@pytest.mark.parametrize("expression", ["a[", "a..b", "", "a.b-c", "nothing(a)", "length(a)", "(" * 1_000])
def test_a_broken_select_is_refused_in_one_line(expression):
    with pytest.raises(Unparsable) as refused:
        select({"a": 1}, expression)

    assert str(refused.value)
    assert "\n" not in str(refused.value)


DOCUMENT = {"s": "x" * 1000, "l": list(range(1000)), "deep": {"a": [{"b": 1}]}}
UNBOUNDED = {
    "a text doubled": "s" + "|join('',[@,@])" * 24,
    "a text as its own glue": "s" + "|join(@,[@,@,@,@,@,@,@,@,@,@])" * 8,
    "a list doubled": "|".join(["[@,@][]"] * 26),
    "a list that holds itself twice, written out": "|".join(["[@,@]"] * 60) + "|to_string(@)",
    "the same, compared": "|".join(["[@,@]"] * 60) + "|[[@,@],[@,@]]|[0]==[1]",
    "an object": "|".join(["{a:@,b:@}"] * 60),
    "a projection in each": "l" + "|[@,@,@,@,@,@,@,@,@,@][][]" * 7,
    "a function over each": "l|map(&[@,@,@,@,@,@],@)" + "|[].[@,@,@,@,@,@][]" * 8,
}


@pytest.mark.slow  # a second or more, while memory is watched
@pytest.mark.parametrize("expression", UNBOUNDED.values(), ids=UNBOUNDED)
def test_a_select_that_doubles_what_it_has_is_stopped_at_once(expression):
    tracemalloc.start()
    try:
        with pytest.raises(Problem) as stopped:
            select(DOCUMENT, expression)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    # On a machine that is slow and watched, the time may end first.
    assert str(stopped.value).startswith(
        ("This select makes more than 64,000,000", "This select takes longer than 5 s")
    )
    assert peak < 300_000_000


def test_a_select_that_takes_long_is_stopped(monkeypatch):
    monkeypatch.setattr(interpreter, "SECONDS", 0.05)

    with pytest.raises(Problem, match=r"This select takes longer than 0\.05 s\."):
        select(DOCUMENT, "l[*].[" + ",".join(["abs(@)"] * 200) + "]|length(@)")


def test_a_select_is_short():
    with pytest.raises(Problem, match=r"This select has 2,001 characters; 2,000 are the most\."):
        select(DOCUMENT, "s" * 2_001)


@pytest.mark.parametrize("expression", ["(" * 900 + "s" + ")" * 900, "!" * 1900 + "s", f"`{'[' * 1500}`"])
def test_a_select_that_is_nested_too_deeply_is_refused(expression):
    with pytest.raises(Unparsable, match="it is nested too deeply"):
        select(DOCUMENT, expression)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("join('-', ['a', s])", "a-" + "x" * 1000),
        ("l[?@ > `997`] | [@, @][]", [998, 999] * 2),
        ("sort_by([{a: `2`}, {a: `1`}], &a)[*].a", [1, 2]),
        ("deep.a[*].b | to_string(@)", "[1]"),
    ],
)
def test_an_ordinary_select_finds_what_it_found(expression, found):
    assert select(DOCUMENT, expression) == found
