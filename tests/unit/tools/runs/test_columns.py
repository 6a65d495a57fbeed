"""Which params and tags become columns, and how the others are counted."""

from __future__ import annotations

from collections import Counter

import pytest

from mlflow_mcp.tools.runs.tables.columns import families, telling_columns


def columns_of(*rows):
    return telling_columns(Counter(name for row in rows for name in row), rows)


@pytest.mark.parametrize(
    "values",
    [
        ["0.1", "0.2"],
        ["sgd", "adam", "sgd"],
        ["gpt-4", "gpt-4o"],
        ["2026-03 release", "2026-04 release"],
        ["acme/nova", "acme/nova-sft"],
    ],
)
def test_labels_and_settings_tell_rows_apart(values):
    assert columns_of(*({"x": value} for value in values)) == ["x"]


@pytest.mark.parametrize(
    "values",
    [
        ["/data/results/a", "/data/results/b"],
        ["host:/data/results/a", "host:/data/results/b"],
        ["s3://bucket/a", "s3://bucket/b"],
        ["launch run --config /data/a.yaml", "launch run --config /data/b.yaml"],
        ["1772352120.0", "0.0"],
        ["2026-03-01T10:00:00", "2026-03-02T10:00:00"],
        ["a sentence that is long enough to be no label at all", "another sentence that is long enough to be none"],
    ],
)
def test_places_command_lines_times_and_long_texts_tell_nothing(values):
    assert columns_of(*({"x": value} for value in values)) == []


def test_what_most_rows_lack_is_no_column():
    assert columns_of({"x": "1"}, {}, {}, {"y": "1"}) == []
    assert columns_of({"x": "1"}, {"x": "2"}, {}) == ["x"]


def test_the_flattened_config_is_no_column():
    assert columns_of({"config.a": "1"}, {"config.a": "2"}) == []


def test_what_is_equal_everywhere_comes_last_and_only_when_it_is_short():
    assert columns_of({"a": "same", "b": "1", "c": "/a/path"}, {"a": "same", "b": "2", "c": "/a/path"}) == ["b", "a"]


def test_names_that_are_not_shown_are_counted_by_families():
    names = [*(f"config.{n}" for n in range(66)), "seed", "timestamp", *(f"z{n}" for n in range(9))]

    assert families("params", names) == "params: config.* (66), seed, timestamp, z0, z1, z2, z3 and 5 more"
