"""compare_runs: sides aligned by task, deltas from full values, and every trap of such a comparison pointed out."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction

import pytest

from tests.recorded.store import catalogue, local_store
from tests.support import raw_store
from tests.support.asking import rows_of, six_digits
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

INFINITY, NAN = math.inf, math.nan


def metric_rows(answer):
    """The rows of all metrics, those with a verdict and the others."""
    tables = [answer.data[name] for name in ("verdicts", "metrics") if name in answer.data]
    rows = [row for table in tables for row in rows_of(table)]
    others = [
        {**row, "metric": name, "A": values[0], "B": values[1], "B-A": None}
        for row in rows
        for name, values in (row.get("also") or {}).items()
    ]
    return {(row.get("task"), row["metric"]): row for row in [*rows, *others]}


# --- whole answers


def test_a_candidate_against_its_baseline_has_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(both_stores.uri, "compare_runs", run_ids=[both_stores.seeded.baseline, both_stores.seeded.candidate])

    snapshot("compare_runs.candidate", answer)
    assert len(answer.text) < 4_000


def test_two_training_runs_have_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(
        both_stores.uri,
        "compare_runs",
        run_ids=[both_stores.seeded.training_base, both_stores.seeded.training_diverged],
    )

    snapshot("compare_runs.training", answer)


def test_three_sides_have_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    seeded = both_stores.seeded

    answer = ask(
        both_stores.uri,
        "compare_runs",
        run_ids=[seeded.candidate, seeded.baseline, seeded.duplicated],
        baseline=seeded.baseline,
    )

    snapshot("compare_runs.three_sides", answer)


def test_a_canary_against_a_full_evaluation_has_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(
        both_stores.uri, "compare_runs", run_ids=[both_stores.seeded.canary_unmarked, both_stores.seeded.candidate]
    )

    snapshot("compare_runs.canary_unmarked", answer)


# --- exact figures


def test_deltas_are_computed_from_full_values(sqlite_store, ask):
    seeded = sqlite_store.seeded

    answer = ask(sqlite_store.uri, "compare_runs", run_ids=[seeded.baseline, seeded.candidate], metrics=["*"])

    with raw_store.opened(sqlite_store.uri) as db:
        for (task, metric), row in metric_rows(answer).items():
            values = raw_store.latest(db, metric)
            a = Fraction(values[seeded.runs[f"eval-{seeded.baseline}-{task}"]])
            b = Fraction(values[seeded.runs[f"eval-{seeded.candidate}-{task}"]])
            assert (row["A"], row["B"], row["B-A"]) == (six_digits(a), six_digits(b), six_digits(b - a))
            assert row["(B-A)/|A|"] == f"{float((b - a) / a):+.2%}"
            assert row["verdict"] in ("WITHIN NOISE", "IMPROVED" if b > a else "REGRESSED")
    assert len(metric_rows(answer)) == 7


def test_every_shared_metric_of_every_task_is_compared(sqlite_store, ask):
    seeded = sqlite_store.seeded

    answer = ask(sqlite_store.uri, "compare_runs", run_ids=[seeded.duplicated, seeded.baseline])

    wanted = set()
    with raw_store.opened(sqlite_store.uri) as db:
        for task in ("ifeval", "gpqa_diamond"):
            for (metric,) in db.execute(
                "SELECT key FROM latest_metrics WHERE run_uuid = ?",
                (seeded.runs[f"eval-{seeded.duplicated}-{task}"],),
            ):
                wanted.add((task, metric))
    assert metric_rows(answer).keys() == wanted
    assert sorted(answer.data["only_one_side"]["B"]) == ["task 'aime_2025'", "task 'mmlu-pro'"]


def test_tiny_huge_and_odd_values_have_true_deltas_or_none(empty_store, ask):
    a = {"tiny": 1e-300, "huge": 1e300, "near": 1.0, "zero": 0.0, "nan": NAN, "inf": INFINITY, "negative": -100.0}
    b = {"tiny": 1e300, "huge": -1e300, "near": 1 + 2**-40, "zero": 0.5, "nan": 0.5, "inf": 0.5, "negative": -90.0}
    uri = filled(empty_store, [RawRun(run_id(1), metrics=a), RawRun(run_id(2), metrics=b)])

    answer = ask(uri, "compare_runs", run_ids=[run_id(1), run_id(2)])

    told = {
        metric: [row["A"], row["B"], row["B-A"], row["(B-A)/|A|"]] for (_, metric), row in metric_rows(answer).items()
    }
    assert told == {
        "tiny": [1e-300, 1e300, 1e300, None],
        "huge": [1e300, -1e300, -2e300, "-200.00%"],
        "near": [1.0, 1.0, six_digits(2**-40), "+0.00%"],
        "zero": [0.0, 0.5, 0.5, None],
        "nan": ["NaN", 0.5, None, None],
        "inf": ["Infinity", 0.5, None, None],
        "negative": [-100.0, -90.0, 10.0, "+10.00%"],
    }


def test_counts_are_whole_in_every_table(empty_store, ask):
    runs = [RawRun(run_id(n), metrics={"total_tokens": 123456788.0 + n}) for n in (1, 2)]
    uri = filled(empty_store, runs)

    compared = ask(uri, "compare_runs", run_ids=[run_id(1), run_id(2)])
    ranked = ask(uri, "best_runs", metric="total_tokens", mode="max")
    listed = ask(uri, "query_runs", metrics=["total_tokens"])
    curve = ask(uri, "get_metric_history", run_ids=[run_id(1)], metrics=["total_tokens"])

    assert '["total_tokens",123456789,123456790,1,"+0.00%"]' in compared.text
    assert all("123456789" in answer.text and "123457000" not in answer.text for answer in (ranked, listed, curve))


def test_a_huge_relative_growth_is_written_briefly(empty_store, ask):
    runs = [RawRun(run_id(1), metrics={"x": 1e-200}), RawRun(run_id(2), metrics={"x": 1.0})]

    row = metric_rows(ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)]))[None, "x"]

    assert row["(B-A)/|A|"] == "+1e+202%"


def test_the_best_is_the_lowest_loss_and_the_highest_score_never_nan_and_none_of_counts(empty_store, ask):
    runs = [
        RawRun(
            run_id(1), metrics={"val/loss": 0.5, "acc": 0.5, "same": 1.0, "tied/f1": 2.0, "tokens": 9.0, "odd": NAN}
        ),
        RawRun(
            run_id(2), metrics={"val/loss": 0.4, "acc": 0.4, "same": 1.0, "tied/f1": 2.0, "tokens": 8.0, "odd": 1.0}
        ),
        RawRun(run_id(3), metrics={"val/loss": 0.6, "acc": NAN, "same": 1.0, "tied/f1": 1.0, "odd": INFINITY}),
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2), run_id(3)])

    best = {metric: row.get("best") for (_, metric), row in metric_rows(answer).items()}
    assert best == {"val/loss": "B", "acc": "A", "same": None, "tied/f1": "A=B", "tokens": None, "odd": None}


def test_equal_params_are_counted_and_different_ones_shown(empty_store, ask):
    shared = {f"same{n}": "x" for n in range(7)} | {"none": "None", "timestamp": "1"}
    runs = [
        RawRun(run_id(1), metrics={"x": 1.0}, params=shared | {"lr": "1e-3", "only_a": "1"}, tags={"team": "a"}),
        RawRun(run_id(2), metrics={"x": 1.0}, params=shared | {"lr": "1e-4"}, tags={"team": "a", "model": "m"}),
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert answer.data["equal"] == 8  # same0 to same6, and the team
    assert answer.data["differences"]["rows"] == [
        ["params.lr", "1e-3", "1e-4"],
        ["params.only_a", "1", None],
        ["tags.model", None, "m"],
    ]


def test_differences_beyond_forty_are_counted(empty_store, ask):
    runs = [
        RawRun(run_id(side), metrics={"x": 1.0}, params={f"p{n:02}": f"{n}-{side}" for n in range(55)})
        for side in (1, 2)
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert len(answer.data["differences"]["rows"]) == 40
    assert answer.data["notes"][-1] == "15 more differences are not shown; get_run shows all params of a run."


# --- which sides


def test_an_invocation_is_compared_across_experiments_by_task(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.baseline, store.seeded.candidate])

    assert [row["experiment"] for row in rows_of(answer.data["sides"])] == ["ben/qwen2.5-7b", "ana/llama-3.1-8b"]
    assert {task for task, _ in metric_rows(answer)} == {"aime_2025", "gpqa_diamond", "ifeval", "mmlu-pro"}


def test_a_run_and_an_invocation_meet_in_the_task_of_the_run(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[f"{store.seeded.candidate}.1", store.seeded.baseline])

    assert {task for task, _ in metric_rows(answer)} == {"gpqa_diamond"}
    assert sorted(answer.data["only_one_side"]["B"]) == ["task 'aime_2025'", "task 'ifeval'", "task 'mmlu-pro'"]


def test_a_job_exported_twice_is_compared_by_its_later_export(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.duplicated, store.seeded.candidate])

    assert rows_of(answer.data["sides"])[0]["runs"] == 2  # ifeval and gpqa_diamond
    assert metric_rows(answer)["ifeval", "ifeval_prompt_level_strict_acc"]["A"] == 0.785582


def test_runs_of_unlike_tasks_are_compared_by_what_they_share(empty_store, ask):
    runs = [RawRun(run_id(n), metrics={"latency": n}, tags={"task_name": f"task{n}"}) for n in (1, 2)]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert metric_rows(answer)[None, "latency"]["B-A"] == 1.0


def test_the_named_baseline_is_subtracted(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", "trial-07"], baseline="trial-07", metrics=["accuracy"])

    assert answer.data["baseline"] == "B"
    assert metric_rows(answer)[None, "accuracy"]["A-B"] == -0.000941


def test_only_the_metrics_asked_for_are_compared(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.baseline, store.seeded.candidate], metrics=["mmlu*"])

    assert {metric for _, metric in metric_rows(answer)} == {
        "mmlu-pro_pass_at_1_symbolic_correct",
        "mmlu-pro_stem/math_symbolic_correct",
    }


def test_system_metrics_are_compared_when_asked_for(store, ask):
    runs = [store.seeded.training_base, store.seeded.training_spike]

    of_itself = ask(store.uri, "compare_runs", run_ids=runs)
    asked_for = ask(store.uri, "compare_runs", run_ids=runs, metrics=["system/*"])

    assert not any(metric.startswith("system/") for _, metric in metric_rows(of_itself))
    assert [metric for _, metric in metric_rows(asked_for)] == ["system/gpu_0_utilization_percentage"]


# --- traps


@pytest.mark.parametrize("trap", ["canary", "canary_unmarked"])
def test_a_canary_against_a_full_run_advises_against_comparing_first_of_all(trap, store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[getattr(store.seeded, trap), store.seeded.candidate])

    assert next(iter(answer.data)) == "unequal"
    assert [row[:3] for row in answer.data["unequal"]["rows"]] == [
        ["sample limit (do not compare)", 10, "none recorded"]
    ]
    assert {row["verdict"] for row in rows_of(answer.data["verdicts"])} == {"CANNOT TELL"}


def test_equal_sample_counts_need_no_note_and_one_number_says_nothing_of_several_tasks(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.baseline, store.seeded.candidate])

    assert not any("samples" in row for row in rows_of(answer.data["sides"]))
    assert "unequal" not in answer.data


def test_large_unequal_sample_counts_are_told(empty_store, ask):
    runs = [RawRun(run_id(n), metrics={"acc": 0.5}, params={"limit_samples": str(n * 100)}) for n in (1, 2)]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert answer.data["unequal"]["rows"] == [["sample limit", 100, 200]]


def test_a_share_against_a_percentage_is_pointed_out(empty_store, ask):
    runs = [
        RawRun(run_id(1), metrics={"acc": 0.42, "f1": 0.4, "loss": 0.5}),
        RawRun(run_id(2), metrics={"acc": 43.0, "f1": 0.5, "loss": 50.0}),
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert answer.data["notes"][0] == "acc: A looks like 0-1 and the rest like 0-100; its deltas mean nothing."
    assert not any("0-100" in note for note in answer.data["notes"][1:])


@pytest.mark.parametrize("metric", ["grad_norm", "reward", "tokens_per_second", "avg_tokens", "loss"])
def test_a_metric_without_bounds_has_no_scale(metric, empty_store, ask):
    runs = [RawRun(run_id(1), metrics={metric: 0.4}), RawRun(run_id(2), metrics={metric: 43.0})]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert not any("0-100" in note for note in answer.data.get("notes", ()))


def test_two_names_of_one_score_are_one_row(empty_store, ask):
    names = {"gpqa_score": 1, "gpqa_score_avg_of_8": 1, "gpqa_score_strict": 2, "other_acc": 1}
    runs = [RawRun(run_id(at), metrics={name: at / 10 * n for name, n in names.items()}) for at in (1, 2)]
    uri = filled(empty_store, runs)

    of_itself = ask(uri, "compare_runs", run_ids=[run_id(1), run_id(2)])
    asked_for = ask(uri, "compare_runs", run_ids=[run_id(1), run_id(2)], metrics=["gpqa_score*"])

    assert [metric for _, metric in metric_rows(of_itself)] == [
        "gpqa_score = gpqa_score_avg_of_8",
        "gpqa_score_strict",
        "other_acc",
    ]
    assert [metric for _, metric in metric_rows(asked_for)] == [
        "gpqa_score",
        "gpqa_score_avg_of_8",
        "gpqa_score_strict",
    ]


def test_names_that_differ_in_one_run_are_two_rows(empty_store, ask):
    runs = [RawRun(run_id(at), metrics={"acc": 0.5, "acc_norm": 0.5 + at / 100}) for at in (0, 1)]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(0), run_id(1)])

    assert [metric for _, metric in metric_rows(answer)] == ["acc", "acc_norm"]


@pytest.mark.slow
def test_the_twins_that_the_launcher_exports_are_one_row(tmp_path, ask):
    invocations = catalogue()["invocations"]

    answer = ask(
        local_store(tmp_path),
        "compare_runs",
        run_ids=[invocations[key]["id"] for key in ("baseline", "candidate")],
    )

    metrics = {metric for _, metric in metric_rows(answer)}
    assert "gpqa_diamond_score_micro = …_avg_of_8" in metrics


def test_metrics_asked_for_that_are_not_compared_are_named(empty_store, ask):
    runs = [RawRun(run_id(1), metrics={"acc": 0.5, "only_a": 1.0}), RawRun(run_id(2), metrics={"acc": 0.5})]

    answer = ask(
        filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)], metrics=["acc", "acx", "only_*"]
    )

    assert answer.data["notes"][1:] == [
        "None of these runs has metric 'acx'. Nearest: 'acc'.",
        "Metric 'only_*' is not compared: no two sides have it for one task (it is in A).",
    ]


def test_system_metrics_left_out_are_counted(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.training_base, store.seeded.training_spike])

    assert "Not compared: 1 system metric; metrics=['system/*'] does." in answer.data["notes"]


def test_long_params_are_shown_from_where_they_begin_to_differ(empty_store, ask):
    same, key = "x" * 600, "sk-" + "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(9))
    runs = [
        RawRun(run_id(n), metrics={"acc": 0.5}, params={"prompt": f"{same} version {n} end", "k": f"{key}{n}"})
        for n in (1, 2)
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    rows = {name: values for name, *values in answer.data["differences"]["rows"]}
    assert [value[-14:] for value in rows["params.prompt"]] == [" version 1 end", " version 2 end"]
    assert all(value.startswith("…xxx") and len(value) < 100 for value in rows["params.prompt"])
    assert not any(key[at : at + 8] in "".join(rows["params.k"]) for at in range(3, len(key) - 8))


def test_params_missing_from_a_whole_export_are_compared_by_its_config_file(store, ask):
    """The launcher writes some 75 config params, or none: 74 rows of `null` against a value would say one thing."""
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.canary_unmarked, store.seeded.candidate])

    assert [row[0] for row in answer.data["differences"]["rows"]] == ["params.config.deployment.api_key"]
    assert answer.data["equal"] > 60
    assert "A: no params config.*; settings are from the config file of the run." in answer.data["notes"]


def test_metrics_of_one_side_only_are_listed(empty_store, ask):
    runs = [
        RawRun(run_id(1), metrics={"shared": 1.0, "only/a": 1.0}),
        RawRun(run_id(2), metrics={"shared": 1.0} | {f"b{n:02}": 1.0 for n in range(20)}),
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)])

    assert answer.data["only_one_side"] == {
        "A": ["only/a"],
        "B": [*(f"b{n:02}" for n in range(15)), "and 5 more"],
    }


# --- errors


def test_a_comparison_of_one_id_is_refused(store, ask, snapshot_error):
    for ids in (["trial-00"], ["trial-00", "trial-00"], "trial-00"):
        answer = ask(store.uri, "compare_runs", run_ids=ids)

        snapshot_error(answer)


def test_a_comparison_of_one_run_under_two_names_is_refused(store, ask, snapshot_error):
    run = store.seeded.runs["trial-00"]

    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", run])

    snapshot_error(answer)


def test_a_baseline_that_is_not_compared_is_refused(store, ask, snapshot_error):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", "trial-01"], baseline="trial-02")

    snapshot_error(answer)


def test_runs_that_share_no_metric_tell_what_each_has_and_how_they_differ(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", store.seeded.training_base])

    assert answer.data["notes"][0].startswith("No metric is compared: trial-00 has '")
    assert "metrics" not in answer.data
    assert ["params.batch_size", "32", "256"] in answer.data["differences"]["rows"]


def test_with_no_metrics_named_only_the_rest_is_compared(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", "trial-01"], metrics=[])

    assert not {"metrics", "only_one_side", "notes"} & set(answer.data)
    assert answer.data["differences"]["rows"]


def test_a_metric_that_the_sides_do_not_share_is_named(store, ask, snapshot_error):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", "trial-01"], metrics=["f1"])

    snapshot_error(answer)


def test_a_run_without_metrics_says_so(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", store.seeded.sweep_parent])

    assert answer.data["notes"][0].endswith(f"{store.seeded.sweep_parent} has no metrics.")


def test_an_unknown_run_names_the_nearest(store, ask, snapshot_error):
    answer = ask(store.uri, "compare_runs", run_ids=["trial-00", "trial-99"])

    snapshot_error(answer)


def test_too_many_sides_are_refused(store, ask, snapshot_error):
    answer = ask(store.uri, "compare_runs", run_ids=[f"trial-{n:02}" for n in range(21)])

    snapshot_error(answer)


def test_an_old_run_of_a_whole_invocation_is_compared_task_by_task(store, ask):
    answer = ask(store.uri, "compare_runs", run_ids=[store.seeded.whole, store.seeded.candidate])

    assert {task for task, _ in metric_rows(answer)} == {"mmlu-pro", "gpqa_diamond", "ifeval"}
    assert [row["runs"] for row in rows_of(answer.data["sides"])] == [1, 4]


def test_what_only_one_side_has_keeps_to_the_metrics_that_were_named(empty_store, ask):
    runs = [
        RawRun(run_id(1), metrics={"acc": 0.5, "acc_top5": 0.9, "loss": 1.0}),
        RawRun(run_id(2), metrics={"acc": 0.6, "other": 2.0}),
    ]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)], metrics=["acc*"])

    assert answer.data["only_one_side"] == {"A": ["acc_top5"]}


def test_of_three_sides_a_long_value_of_the_baseline_is_not_repeated(empty_store, ask):
    long = "a value of more than a dozen characters"
    values = [long, long, "short"]
    runs = [RawRun(run_id(at), metrics={"acc": 0.5}, params={"p": v, "n": str(at // 2)}) for at, v in enumerate(values)]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(at) for at in range(3)])

    rows = {row["name"]: row for row in rows_of(answer.data["differences"])}
    assert [rows["params.p"][side] for side in "ABC"] == [long, "=A", "short"]
    assert [rows["params.n"][side] for side in "ABC"] == ["0", "0", "1"]
