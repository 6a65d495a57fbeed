"""What a text says of a model, and how filters and orders of models are written for MLflow."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.ids.parse import ModelRef, is_model, model_ref
from mlflow_mcp.client.models.query import Comparison, Dataset, comparisons_of, order_of, written
from mlflow_mcp.entities.model import Measure, label_of
from mlflow_mcp.errors import Problem

ID = "m-" + "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "ref", "is_one"),
    [
        (ID, ModelRef(model_id=ID), True),
        (f"models:/{ID}", ModelRef(model_id=ID), True),
        (f"https://h/#/experiments/1/models/{ID}", ModelRef(model_id=ID), True),
        (f"https://h/#/experiments/1/models/{ID}/traces?x=1", ModelRef(model_id=ID), True),
        ("models:/shop/3", ModelRef(name="shop", version="3"), True),
        ("models:/shop@champion", ModelRef(name="shop", version="@champion"), True),
        ("models:/shop/Latest", ModelRef(name="shop", version="latest"), True),
        ("https://h/#/models/shop%20a/versions/3", ModelRef(name="shop a", version="3"), True),
        ("https://h/#/models/shop", ModelRef(name="shop"), True),
        ("shop/3", ModelRef(name="shop", version="3"), False),
        ("shop@champion", ModelRef(name="shop", version="@champion"), False),
        ("cat.schema.shop", ModelRef(name="cat.schema.shop"), False),
        ("ana/llama", ModelRef(name="ana/llama"), False),
        (
            "https://h/#/experiments/1/runs/" + "a" * 32,
            ModelRef(name="https://h/#/experiments/1/runs/" + "a" * 32),
            False,
        ),
    ],
)
def test_a_text_names_a_model(text, ref, is_one):
    assert model_ref(text) == ref
    assert is_model(text) is is_one


@pytest.mark.parametrize(
    ("query", "for_mlflow"),
    [
        ("metrics.acc > 0.9 AND name = 'a'", "metrics.acc > 0.9 AND name = 'a'"),
        ('metric.val/acc>=0.5 and tag.a-b = "x"', "metrics.`val/acc` >= 0.5 AND tags.`a-b` = 'x'"),
        ("params.`a b` not in ('x', \"y\")", "params.`a b` NOT IN ('x', 'y')"),
        ("status = 'READY' AND name LIKE '%AND%'", "status = '2' AND name LIKE '%AND%'"),
        ("status IN ('READY','failed')", "status IN ('2','3')"),
        ("creation_time > '2026-11-20'", "creation_timestamp > 1795132800000"),
        ("what is this", "what is this"),
        ("", ""),
    ],
)
def test_a_filter_is_written_as_the_databases_read_it(query, for_mlflow):
    assert written(comparisons_of(query), numbers_for_status=True) == for_mlflow


def test_a_folder_compares_the_status_in_words():
    assert written(comparisons_of("status = 'READY'"), numbers_for_status=False) == "status = 'READY'"


@pytest.mark.parametrize("query", ["a = 'x' OR b = 'y'", "acc > 0.9", 'name = "it\'s"', "created > 'soon'"])
def test_what_would_fail_inside_mlflow_is_refused(query):
    with pytest.raises(Problem):
        comparisons_of(query)


def test_orders_carry_their_dataset():
    val = Dataset.of("val (5be1f20c)")

    assert order_of(["metrics.val/acc DESC", "created"], val) == [
        {"field_name": "metrics.val/acc", "ascending": False, "dataset_name": "val", "dataset_digest": "5be1f20c"},
        {"field_name": "creation_timestamp", "ascending": True},
    ]
    assert order_of(["metrics.acc"], Dataset.of("val (large)x")) == [
        {"field_name": "metrics.acc", "ascending": True, "dataset_name": "val (large)x"}
    ]


def test_a_comparison_of_words_says_nothing_of_a_number():
    assert Comparison("metrics", "acc", ">", "high").holds(1.0) is None
    assert Comparison("metrics", "acc", ">=", "0.5").holds(0.5) is True


def test_a_column_names_the_digest_only_where_there_are_several():
    one, other, plain = Measure("acc", "val", "d1"), Measure("acc", "val", "d2"), Measure("acc")

    assert label_of(one, [one, plain]) == "acc on val"
    assert label_of(one, [one, other]) == "acc on val (d1)"
    assert label_of(plain, [one, other]) == "acc"
