"""Filters as agents write them, and as MLflow's own parser takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.client.filters import equals, fields_of, like_prefix, quoted_order, quoted_query
from mlflow_mcp.errors import Problem

# What an agent writes -> what MLflow gets.
QUOTED = [
    ("", ""),
    ("  metrics.acc > 0.9 ", "metrics.acc > 0.9"),
    ("metrics.val/loss > 0.3", "metrics.`val/loss` > 0.3"),
    ("metrics.val/loss>0.3", "metrics.`val/loss`>0.3"),
    ("metrics.val/loss >= 0.3", "metrics.`val/loss` >= 0.3"),
    ("metrics.mmlu-pro_pass_at_1 < 1e-3", "metrics.`mmlu-pro_pass_at_1` < 1e-3"),
    ("metrics.`val/loss` > 0.3", "metrics.`val/loss` > 0.3"),
    ('metrics."val/loss" > 0.3', 'metrics."val/loss" > 0.3'),
    ("metrics.accuracy top 1 > 0.5", "metrics.`accuracy top 1` > 0.5"),
    ("metrics.acc != -1", "metrics.acc != -1"),
    ("metric.val/loss > 0.3", "metric.`val/loss` > 0.3"),
    ("params.config.deployment.type = 'vllm'", "params.`config.deployment.type` = 'vllm'"),
    ("params.lr = '0.01'", "params.lr = '0.01'"),
    ("tags.mlflow.user = 'ana'", "tags.`mlflow.user` = 'ana'"),
    ("tags.mlflow.parentRunId = 'abc'", "tags.`mlflow.parentRunId` = 'abc'"),
    ("tags.model LIKE '%llama-3.1%'", "tags.model LIKE '%llama-3.1%'"),
    ("tags.model ILIKE '%Llama%'", "tags.model ILIKE '%Llama%'"),
    ("tags.my-tag like 'x%'", "tags.`my-tag` like 'x%'"),
    ("tags.note = 'metrics.val/loss > 3'", "tags.note = 'metrics.val/loss > 3'"),
    ("tags.note = 'a AND b OR (c)'", "tags.note = 'a AND b OR (c)'"),
    ('tags.note = "it\'s"', 'tags.note = "it\'s"'),
    ("tags.a-b = 'x' AND metrics.c/d > 1", "tags.`a-b` = 'x' AND metrics.`c/d` > 1"),
    (
        "tags.a-b = 'x' and metrics.c/d > 1 and params.e = 'f'",
        "tags.`a-b` = 'x' and metrics.`c/d` > 1 and params.e = 'f'",
    ),
    ("attributes.status = 'FINISHED'", "attributes.status = 'FINISHED'"),
    ("status = 'FINISHED'", "status = 'FINISHED'"),
    ("attributes.run_id IN ('a', 'b')", "attributes.run_id IN ('a', 'b')"),
    ("run_id IN ('a')", "run_id IN ('a')"),
    ("attributes.start_time > 1735689600000", "attributes.start_time > 1735689600000"),
    ("run_name LIKE 'eval-%'", "run_name LIKE 'eval-%'"),
    ("attributes.`run name` = 'x'", "attributes.`run name` = 'x'"),
    ("params.a IS NULL", "params.a IS NULL"),
    ("tags.a-b IS NOT NULL", "tags.`a-b` IS NOT NULL"),
    ("tags.`a'5'b` = 'x'", "tags.`a'5'b` = 'x'"),
    ("tags.`a'5'b` = '7' AND metrics.c/d > 1", "tags.`a'5'b` = '7' AND metrics.`c/d` > 1"),
    ("tags.a-b = '0' AND tags.\"c'0'd\" = '1'", "tags.`a-b` = '0' AND tags.\"c'0'd\" = '1'"),
    ("datasets.name = 'sft-mix-v3'", "datasets.name = 'sft-mix-v3'"),
    ("dataset.digest IN ('5be1f20c')", "dataset.digest IN ('5be1f20c')"),
]


@pytest.mark.parametrize(("written", "wanted"), QUOTED)
def test_names_are_quoted_where_mlflow_needs_it(written, wanted):
    assert quoted_query(written) == wanted


@pytest.mark.parametrize("written", [written for written, _ in QUOTED])
def test_mlflows_own_parser_takes_every_quoted_filter(written):
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    if "NULL" in written:
        try:
            SearchUtils.parse_search_filter("params.a IS NULL")
        except MlflowException:
            pytest.skip("the installed MLflow has no IS NULL for params, which newer ones have")
    SearchUtils.parse_search_filter(quoted_query(written))


@pytest.mark.parametrize("written", [written for written, _ in QUOTED])
def test_quoting_twice_changes_nothing(written):
    assert quoted_query(quoted_query(written)) == quoted_query(written)


# Anything that can stand in quotes: other quotes, digits in quotes, words and signs of the language.
INSIDE = st.lists(
    st.sampled_from(
        ["'", '"', "`", "0", "'1'", ".", " ", " AND ", " OR ", "(", ")", "=", "tags.a-b", "IN (", "é", "%", "_"]
    ),
    max_size=6,
).map("".join)


def in_quotes(marks):
    """A quoted text, in any of these quotes that it does not hold itself."""
    return st.tuples(st.sampled_from(marks), INSIDE).map(lambda pair: pair[0] + pair[1].replace(pair[0], "") + pair[0])


NEED_QUOTES = ["a-b", "val/loss", "x.y z"]
NAMES = st.one_of(in_quotes('`"').filter(lambda name: len(name) > 2), st.sampled_from(["a", *NEED_QUOTES]))


@given(
    comparisons=st.lists(
        st.tuples(
            st.sampled_from(["tags", "params"]), NAMES, st.sampled_from([" = ", "=", " LIKE "]), in_quotes("'\"")
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_quoted_name_and_value_survives(comparisons):
    """Only the names without quotes that need some get them; all other text stays as it was written."""
    written = " AND ".join(f"{kind}.{name}{operator}{value}" for kind, name, operator, value in comparisons)
    expected = [
        (kind, f"`{name}`" if name in NEED_QUOTES else name, operator, value)
        for kind, name, operator, value in comparisons
    ]

    quoted = quoted_query(written)

    assert quoted == " AND ".join(f"{kind}.{name}{operator}{value}" for kind, name, operator, value in expected)
    assert fields_of(quoted) == [(kind, name if name == "a" else name[1:-1]) for kind, name, _, _ in expected]


@pytest.mark.parametrize(
    "written",
    [
        "tags.a = 'x' OR tags.a = 'y'",
        "tags.task_name IN ('gpqa', 'ifeval')",
        "params.lr NOT IN ('0.1')",
        "tags.`task name` IN ('gpqa', 'ifeval')",
        "tags.a = 'x' AND (metrics.b > 1)",
        "NOT tags.a = 'x'",
        "metrics.b > 1 AND NOT tags.a = 'x'",
    ],
)
def test_a_filter_that_mlflow_cannot_express_is_refused_with_an_alternative(written, snapshot_error):
    with pytest.raises(Problem) as refused:
        quoted_query(written)

    snapshot_error(refused.value, written)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("metrics.acc DESC", "metrics.acc DESC"),
        ("metrics.mmlu-pro_x desc", "metrics.`mmlu-pro_x` DESC"),
        ("metrics.val/loss", "metrics.`val/loss`"),
        ("metrics.`val/loss` ASC", "metrics.`val/loss` ASC"),
        ("params.lr descending", "params.lr DESC"),
        ("start_time", "attributes.start_time"),
        ("start_time DESC", "attributes.start_time DESC"),
        ("attributes.end_time ASC", "attributes.end_time ASC"),
        ("tags.mlflow.user", "tags.`mlflow.user`"),
    ],
)
def test_orders_are_quoted_and_taken_by_mlflows_parser(written, wanted):
    from mlflow.utils.search_utils import SearchUtils

    assert quoted_order([written]) == [wanted]
    SearchUtils.parse_order_by_for_search_runs(wanted)


def test_an_order_by_a_bare_metric_is_told_how_to_write_it(snapshot_error):
    with pytest.raises(Problem) as refused:
        quoted_order(["accuracy DESC"])

    snapshot_error(refused.value, "accuracy DESC")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("team", "x"),
        ("my tag", "it's"),
        ("a.b-c/d", 'say "hi"'),
        ("team", "' OR 1=1 --"),
        ("team", "x' AND tags.team = 'y"),
        ("team", "(a) OR b IN (c)"),
        ("team", "ünïcode 漢字"),
        ("team", "100%_sure"),
    ],
)
def test_any_name_and_value_can_be_searched_for_exactly(name, value):
    from mlflow.utils.search_utils import SearchUtils

    (parsed,) = SearchUtils.parse_search_filter(quoted_query(equals("tags", name, value)))

    assert (parsed["type"], parsed["key"], parsed["comparator"], parsed["value"]) == ("tag", name, "=", value)


def test_a_value_with_both_kinds_of_quotes_is_refused_with_an_alternative(snapshot_error):
    with pytest.raises(Problem) as refused:
        equals("tags", "note", 'it\'s "so"')

    snapshot_error(refused.value, 'tags.note = it\'s "so"')


def test_a_prefix_is_compared_with_like():
    assert like_prefix("tags.invocation_id", "71f3f3") == "tags.invocation_id LIKE '71f3f3%'"


def test_the_fields_of_a_filter_are_read_back():
    text = quoted_query("tags.a-b = 'x' AND metrics.c/d > 1 AND param.e LIKE '%' AND attributes.status = 'FINISHED'")

    assert fields_of(text) == [("tags", "a-b"), ("metrics", "c/d"), ("params", "e"), ("attributes", "status")]


@pytest.mark.parametrize("name", ["case", "in", "from", "values", "as", "CASE"])
def test_names_that_are_words_of_sql_are_quoted(name):
    assert quoted_query(f"metrics.{name} > 0.5 AND params.lr = '1'") == f"metrics.`{name}` > 0.5 AND params.lr = '1'"
    assert quoted_order([f"metrics.{name} DESC"]) == [f"metrics.`{name}` DESC"]


@pytest.mark.parametrize("name", ["order", "desc", "value", "time", "count", "model", "f1", "end"])
def test_other_names_are_left_as_they_are_and_mlflow_takes_them(name):
    from mlflow.utils.search_utils import SearchUtils

    (parsed,) = SearchUtils.parse_search_filter(quoted_query(f"metrics.{name} > 1"))
    assert parsed["key"] == name
    assert quoted_order([f"metrics.{name}"]) == [f"metrics.{name}"]


@pytest.mark.parametrize("field", ["attributes.run_name", "run_name", "attributes.status"])
def test_in_on_attributes_that_mlflow_does_not_take_names_the_remedy(field):
    with pytest.raises(
        Problem, match=rf"know IN only for attributes.run_id, not for {field}\. Call once for each value"
    ):
        quoted_query(f"{field} IN ('a', 'b')")
    assert quoted_query("attributes.run_id IN ('a', 'b')")
