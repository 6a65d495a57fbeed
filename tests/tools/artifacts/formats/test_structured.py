"""get_artifact_content of JSON, YAML and TOML: whole values, a part of them, or the text when they cannot be parsed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.asking import data_of, problem_of

RESULTS = {
    "config": {"limit_samples": None, "params": {"temperature": 0.6}},
    "results": {
        "tasks": {
            "mmlu-pro": {
                "metrics": {
                    "pass@1": {
                        "scores": {"symbolic_correct": {"value": 0.7123456789012345, "stats": {"stderr": 0.004}}}
                    }
                }
            }
        }
    },
}


def test_a_yaml_file_is_its_text_with_its_comments(read, snapshot):
    snapshot("get_artifact_content.yaml", read("config.yaml", "# why\nmodel: llama  # small\ntime: 02:00:00\n"))


def test_a_json_file_is_its_values(read, snapshot):
    snapshot("get_artifact_content.json", read("results.json", json.dumps(RESULTS, indent=4)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.json", json.dumps(RESULTS)),
        (
            "r.yml",
            "results: {tasks: {mmlu-pro: {metrics: {pass@1: {scores: {symbolic_correct: {value: 0.7123456789012345}}}}}}}",
        ),
        ("r.toml", '[results.tasks.mmlu-pro.metrics."pass@1".scores.symbolic_correct]\nvalue = 0.7123456789012345'),
    ],
)
def test_select_takes_out_a_value_whole(name, text, read):
    answer = read(name, text, select='results.tasks."mmlu-pro".metrics."pass@1".scores.symbolic_correct.value')

    assert data_of(answer)["content"] == 0.7123456789012345


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (
            '{"acc":0.1,"acc":0.9}',
            ["Keys that stand more than once in one object, where the last value counts: 'acc'."],
        ),
        ('{"a":12345678901234567890.123}', ["1 number beyond the precision of a double; shown as written."]),
        ('{"a":[1e400,1e-400,9007199254740993]}', ["3 numbers beyond the precision of a double; shown as written."]),
    ],
)
def test_json_whose_values_are_not_what_is_written_is_shown_as_text(text, notes, read):
    data = data_of(read("a.json", text))

    assert (data["text"], data["notes"]) == (text, notes)
    assert "content" not in data


def test_json_numbers_that_a_double_holds_are_values(read):
    text = "[0.1, 0.10000000000000001, 1.10, 1E5, 0.30000000000000004, 9007199254740992, 100, -0.0, 1e-7]"

    data = data_of(read("a.json", text))

    assert data["content"] == json.loads(text)
    assert "notes" not in data


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("a.json", '{"m": {"acc": 0.1, "acc": 0.9}}', 0.9), ("a.yml", "m:\n  acc: 0.1\n  acc: 0.9\n", 0.9)],
)
def test_a_key_that_stands_twice_is_told_beside_what_is_selected(name, text, value, read):
    data = data_of(read(name, text, select="m.acc"))

    assert data["content"] == value
    assert data["notes"] == ["Keys that stand more than once in one object, where the last value counts: 'acc'."]


def test_a_key_that_overrides_a_merged_one_does_not_stand_twice(read):
    text = "base: &a {x: 1}\nmore: &b {<<: *a, x: 2}\nlast: {<<: *b, x: 3}\n"

    data = data_of(read("a.yml", text))

    assert (data["text"], data.get("notes")) == (text, None)


def test_a_number_beyond_a_double_is_selected_as_text(read):
    data = data_of(read("a.json", '{"a": 12345678901234567890.123, "b": 9007199254740993}', select="[a, b]"))

    assert data["content"] == ["12345678901234567890.123", 9007199254740993]
    assert data["notes"] == ["2 numbers beyond the precision of a double; fractions of them are given as text."]


def test_a_large_document_is_outlined_and_a_part_of_it_selected(home, ask_many, snapshot):
    large = RESULTS | {"samples": [{"id": n, "text": f"answer {n} " * 20} for n in range(500)]}
    run_id = home.run({"results.json": json.dumps(large)})
    asked = {"run_id": run_id, "artifact_path": "results.json"}

    with ask_many(home.uri) as ask:
        snapshot("get_artifact_content.outline", ask("get_artifact_content", **asked))
        one = data_of(ask("get_artifact_content", **asked, select="samples[499]"))
        many = data_of(ask("get_artifact_content", **asked, select="samples[*].text"))
        ids = data_of(ask("get_artifact_content", **asked, select="samples[?id > `497`].id"))

    assert one["content"] == large["samples"][499]
    assert many["outline"] == ["@: array of 500"]
    assert many["notes"] == ["What it selects is too large for one answer: this is its outline. Select less."]
    assert ids["content"] == [498, 499]


def test_a_select_that_finds_nothing_shows_what_there_is(read, snapshot):
    snapshot("get_artifact_content.selected_nothing", read("r.json", json.dumps(RESULTS), select="result.tasks"))


@pytest.mark.parametrize(
    ("select", "words"), [("config.limit_samples", "finds nothing, or null"), ("config.*[]", "finds an empty list")]
)
def test_a_select_that_finds_null_or_no_entries_says_so(select, words, read):
    assert words in data_of(read("r.json", '{"config": {"limit_samples": null}}', select=select))["notes"][0]


def test_a_selected_secret_is_hidden_by_its_name(read):
    answer = read("c.yml", "deployment:\n  api_key: hunter2hunter2\n", select="deployment.api_key")

    assert data_of(answer)["content"] == "[secret hidden]"


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("results[", "select='results[' is no JMESPath expression for it ("),
        ("tasks.mmlu-pro", "select='tasks.mmlu-pro' is no JMESPath expression for it ("),
        ("length(config)", None),
        ("length(nothing)", "select='length(nothing)' is no JMESPath expression for it ("),
    ],
)
def test_an_invalid_select_expression_is_refused(select, words, read):
    answer = read("r.json", json.dumps(RESULTS), select=select)

    if words is None:
        assert data_of(answer)["content"] == 2
    else:
        assert problem_of(answer).startswith(words)
        assert problem_of(answer).endswith(
            "Write keys.like.this, lists[0] or lists[*].key; keys with other characters in double quotes."
        )


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("a.json", '{"a": 1,', "Could not parse as JSON ("),
        ("a.yml", "a: [1, 2\n", "Could not parse as YAML ("),
        ("a.toml", "a = \n", "Could not parse as TOML ("),
        ("a.yml", "a: !!python/object/apply:os.system ['touch made']\n", "Could not parse as YAML ("),
        (
            "a.json",
            "[" * 100_000,
            "Could not parse as JSON (it is nested too deeply); shown as plain text.",
        ),
        ("a.yml", "[" * 100_000, "Could not parse as YAML (it is nested too deeply); shown as plain text."),
    ],
)
def test_unparsable_files_are_shown_as_text_with_the_reason(name, text, note, read):
    data = data_of(read(name, text))

    assert text.startswith(data["text"])
    assert data["text"]
    assert data["notes"][-1].startswith(note)
    assert not Path("made").exists()


@pytest.mark.slow
def test_yaml_aliases_that_expand_into_millions_of_values_are_shown_as_text(read):
    laughs = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))

    data = data_of(read("laughs.yml", laughs))

    assert data["text"] == laughs
    assert data["notes"] == ["Could not parse as YAML (it unfolds into millions of values); shown as plain text."]


def test_numbers_that_json_does_not_know_are_text(read):
    assert data_of(read("a.json", '{"loss": NaN, "max": [Infinity]}'))["content"] == {
        "loss": "NaN",
        "max": ["Infinity"],
    }


def test_a_json_file_with_half_a_surrogate_pair_is_sent(read):
    assert data_of(read("a.json", r'{"a": "\ud83d"}'))["content"] == {"a": r"\ud83d"}


def test_a_huge_json_file_is_read_as_text(both_homes, ask_many, snapshot_error):
    run_id = both_homes.run({"huge.json": "[" + ",\n".join(f'{{"id": {n}}}' for n in range(1_300_000)) + "]"})
    asked = {"run_id": run_id, "artifact_path": "huge.json"}

    with ask_many(both_homes.uri) as ask:
        begun = data_of(ask("get_artifact_content", **asked))
        ended = data_of(ask("get_artifact_content", **asked, tail=1))
        selected = ask("get_artifact_content", **asked, select="[0]")

    assert begun["text"].startswith('[{"id": 0},\n{"id": 1},\n')
    assert begun["notes"][1] == "Too large to parse: shown as plain text."
    assert ended["text"] == '{"id": 1299999}]'
    snapshot_error(selected)


@pytest.mark.parametrize(
    "select",
    ["env.*", "values(env)", "env.db_password", "*.db_password", "[env.db_password]", "{k: env.db_password}", "env.db_password || 'x'", "list[].value"],
)  # fmt: skip
def test_no_expression_takes_a_secret_from_its_name(select, read):
    text = '{"env": {"db_password": "correct horse"}, "list": [{"name": "DB_PASSWORD", "value": "correct horse"}]}'

    answer = read("a.json", text, select=select)

    assert "horse" not in answer.text
    assert "[secret hidden]" in answer.text


@pytest.mark.parametrize(("name", "written"), [("a.yml", "n: 0x{}\n"), ("a.toml", "n = 0x{}\n")])
def test_an_integer_of_thousands_of_digits_is_no_failure(name, written, read):
    data = data_of(read(name, written.format("f" * 6_000), select="n"))

    assert data["content"] == "0x" + "f" * 6_000
    assert "1 number beyond the precision of a double" in data["notes"][0]
