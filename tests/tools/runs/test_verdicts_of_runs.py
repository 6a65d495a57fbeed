"""compare_runs: verdicts, what makes sides unequal, pooled repeats, gates, cut-off answers and replayed caches."""

from __future__ import annotations

import pytest

from tests.recorded.store import catalogue, local_store
from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

RESULTS, STATISTICS = "artifacts/results.yml", "artifacts/eval_factory_metrics.json"
OTHERS = {"A": INVOCATION, "B": "b2" * 8, "C": "c3" * 8, "D": "d4" * 8}


@pytest.fixture
def export(empty_store, tmp_path, ask):
    """The answer for exports of (number, letter of the invocation, fields); `ids` are letters, joined by `+` for repeats."""

    def answered(*runs, ids=("A", "B"), **arguments):
        raw = [evaluated(tmp_path, number, invocation=OTHERS[side], **fields) for number, side, fields in runs]
        written = ["+".join(OTHERS[letter] for letter in id.split("+")) for id in ids]
        return ask(filled(empty_store, raw), "compare_runs", run_ids=written, **arguments)

    return answered


def scored(value, task="ifeval", stats=None, files=None, **params):
    recorded = results({"acc": {"value": value, "stats": stats or {"count": 500}}}, task, **params)
    return {"task": task, "metrics": {f"{task}_acc": value}, "files": {RESULTS: recorded, **(files or {})}}


def responses(count, tokens, cut_off):
    reasons = {"stop": count - cut_off, "length": cut_off}
    return {"response_stats": {"count": count, "avg_completion_tokens": tokens, "finish_reason": reasons}}


def only(answer):
    (row,) = rows_of(answer.data["verdicts"])
    return row


# --- verdicts and sizes


def test_a_verdict_over_eight_tasks_is_short(export):
    tasks = [f"benchmark_{n}" for n in range(8)]
    runs = [
        (n + 10 * at, side, scored(value, task, temperature=0.6))
        for at, (side, value) in enumerate((("A", 0.52), ("B", 0.58)))
        for n, task in enumerate(tasks)
    ]

    answer = export(*runs, tolerance="1pp")

    assert len(answer.data["verdicts"]["rows"]) == 8
    assert "metrics" not in answer.data
    assert len(answer.text) < 3_500


def two(first, second):
    """A task with two scores."""
    scores = {"a_acc": first, "b_acc": second}
    recorded = results({name: {"value": value, "stats": {"stderr": 0.02}} for name, value in scores.items()})
    return {"metrics": {f"ifeval_{name}": value for name, value in scores.items()}, "files": {RESULTS: recorded}}


def test_scores_of_a_task_with_the_same_verdict_are_one_row(export):
    alike = export((1, "A", two(0.5, 0.6)), (2, "B", two(0.51, 0.61)))
    row = only(alike)
    assert (row["metric"], row["verdict"], row["also"]) == (
        "ifeval_a_acc",
        "WITHIN NOISE",
        {"ifeval_b_acc": [0.6, 0.61]},
    )
    assert any(note.startswith("also: ") for note in alike.data["notes"])


@pytest.mark.parametrize(
    ("second", "asked", "verdicts"),
    [(0.9, {}, ["WITHIN NOISE", "IMPROVED"]), (0.61, {"metrics": ["*_acc"]}, ["WITHIN NOISE", "WITHIN NOISE"])],
    ids=["other verdicts", "asked for"],
)
def test_scores_with_other_verdicts_or_asked_for_are_rows_of_their_own(export, second, asked, verdicts):
    data = export((1, "A", two(0.5, 0.6)), (2, "B", two(0.51, second)), **asked).data

    assert [row["verdict"] for row in rows_of(data["verdicts"])] == verdicts
    assert not any(note.startswith("also: ") for note in data["notes"])


@pytest.mark.slow
def test_the_recorded_exports_have_the_verdicts_that_their_counts_give(tmp_path, ask_many):
    ids = [catalogue()["invocations"][name]["id"] for name in ("baseline", "candidate")]
    with ask_many(local_store(tmp_path)) as ask:
        told = {row["metric"]: row for row in rows_of(ask("compare_runs", run_ids=ids).data["verdicts"])}
        swapped = {row["metric"]: row for row in rows_of(ask("compare_runs", run_ids=ids[::-1]).data["verdicts"])}

    assert {name: row["evidence"] for name, row in told.items()} == {
        "AIME_2025_score_micro = …_avg_of_10": "n=300 by stats.stderr",
        "gpqa_diamond_score_micro = …_avg_of_8": "n=1584 by stats.stderr",
        "ifeval_prompt_level_loose_acc": "n=541 by stats.stderr",
        "mmlu-pro_pass_at_1_symbolic_correct": "n=12032 by num_entries",
        "omniscience_pass_at_1_avg-of-4_omni_accuracy": "n=2400 by num_entries x 4 repeats",
    }
    assert {row["verdict"] for row in told.values()} == {"WITHIN NOISE"}
    assert {name: (row["p"], row["stderr"]) for name, row in told.items()} == {
        name: (row["p"], row["stderr"]) for name, row in swapped.items()
    }


def test_training_runs_without_repeats_have_one_sentence_and_no_rows_of_verdicts(store, ask):
    seeded = store.seeded

    answer = ask(store.uri, "compare_runs", run_ids=[seeded.training_base, seeded.training_spike])

    assert "verdicts" not in answer.data
    assert sum("No verdicts: nothing recorded tells" in note for note in answer.data["notes"]) == 1


# --- unequal


def test_what_makes_sides_unequal_is_said_first_and_once(export):
    params = {"config.evaluation.nemo_evaluator_config.config.params.temperature": "0"}
    a = {**scored(0.5, temperature=0.0, extra={"judge": {"model_id": "j1"}}), "params": params}
    b = {
        **scored(0.7, temperature=0.6, extra={"judge": {"model_id": "j2"}}),
        "params": dict.fromkeys(params, "0.6"),
    }

    answer = export((1, "A", a), (2, "B", b))

    assert next(iter(answer.data)) == "unequal"
    assert answer.data["unequal"]["rows"] == [["judge.model_id", "j1", "j2"], ["temperature", 0, 0.6]]
    assert "differences" not in answer.data
    row = only(answer)
    assert (row["verdict"], row["evidence"]) == (
        "CANNOT TELL",
        "another judge: judge.model_id; n=500 by stats.count",
    )


def test_a_setting_that_a_third_side_does_not_record_is_not_recorded(export):
    runs = [(n, side, scored(0.5, **params)) for n, (side, params) in enumerate(
        [("A", {"top_p": 0.9}), ("B", {"top_p": 1.0}), ("C", {})], 1
    )]  # fmt: skip

    answer = export(*runs, ids=("A", "B", "C"))

    assert answer.data["unequal"]["rows"] == [["top_p", 0.9, 1, "not recorded"]]


# --- gates


@pytest.mark.parametrize(
    ("tolerance", "gate"),
    [("1pp", "FAIL"), ("30pp", "PASS"), ("60%", "PASS"), ("0.2", "INDETERMINATE"), (0.2, "INDETERMINATE")],
)
def test_a_gate_stands_beside_each_verdict_and_over_all(tolerance, gate, export):
    answer = export((1, "A", scored(0.7)), (2, "B", scored(0.5)), tolerance=tolerance)

    assert only(answer)["gate"] == gate
    assert answer.data["gate"].startswith(f"{gate} at tolerance ")


def test_without_errors_a_gate_is_of_the_observed_value_only(empty_store, ask):
    runs = [RawRun(run_id(n), metrics={"val/loss": value}) for n, value in ((1, 1.0), (2, 1.2))]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(2)], tolerance="5%")

    assert only(answer)["gate"] == "FAIL on the observed value only"


def test_a_gate_does_not_pass_where_a_task_was_not_judged(export):
    runs = [(1, "A", scored(0.5)), (2, "B", scored(0.7)), (3, "A", scored(0.5, "gpqa"))]

    answer = export(*runs, tolerance="1pp")

    assert answer.data["gate"] == "INDETERMINATE at tolerance 1pp (1 of 1 scores pass; not judged, tasks: 'gpqa')"


def test_a_gate_is_of_the_metrics_that_were_named(export):
    runs = [(1, "A", scored(0.5)), (2, "B", scored(0.7)), (3, "A", scored(0.5, "gpqa"))]

    answer = export(*runs, tolerance="1pp", metrics=["ifeval*"])

    assert answer.data["gate"] == "PASS at tolerance 1pp (1 of 1 scores pass)"


def test_a_score_that_is_no_number_passes_no_gate(export):
    broken = {**scored(0.7), "metrics": {"ifeval_acc": float("nan")}}

    answer = export((1, "A", scored(0.7)), (2, "B", broken), tolerance="1pp")

    assert (only(answer)["gate"], only(answer)["evidence"]) == ("INDETERMINATE", "no number on B")


def test_a_task_of_many_scores_without_a_headline_says_how_to_get_a_verdict(export):
    metrics = {f"ifeval_{letter}_acc": 0.5 for letter in "abcdefg"}

    answer = export((1, "A", {"metrics": metrics}), (2, "B", {"metrics": metrics}))

    named = ", ".join(f"'{name}'" for name in list(metrics)[:6])
    told = (
        f"No verdict on 'ifeval': nothing proves which of its 7 scores is its headline ({named} and 1 more); "
        "those named in metrics get one, or why there is none."
    )
    assert told in answer.data["notes"]


def test_runs_of_unlike_tasks_have_no_verdict(export):
    a, b = ({**scored(value, task), "metrics": {"acc": value}} for value, task in ((0.5, "ifeval"), (0.9, "gpqa")))

    answer = export((1, "A", a), (2, "B", b), ids=("A", "B"), metrics=["acc"])

    assert answer.data["unequal"]["rows"][0] == ["task", "ifeval", "gpqa"]
    assert "verdicts" not in answer.data or only(answer)["verdict"] == "CANNOT TELL"


def test_a_tolerance_of_another_form_is_refused_in_one_sentence(store, ask, snapshot_error):
    seeded = store.seeded

    snapshot_error(ask(store.uri, "compare_runs", run_ids=[seeded.baseline, seeded.candidate], tolerance="a point"))


# --- repeats as one side


def trained(number, accuracy, name=None, **params):
    named = name or f"run-{number}"
    return RawRun(
        run_id(number), name=named, tags={"mlflow.runName": named}, metrics={"accuracy": accuracy}, params=params
    )


def pooled(empty_store, ask, *runs, ids, **arguments):
    return ask(filled(empty_store, list(runs)), "compare_runs", run_ids=list(ids), **arguments)


def test_repeats_are_one_side_of_their_mean_with_its_error(empty_store, ask):
    runs = [trained(n, 0.5 + n / 100, seed=str(n)) for n in (1, 2, 3)] + [trained(n, 0.7 + n / 100) for n in (4, 5, 6)]

    answer = pooled(empty_store, ask, *runs, ids=["run-1+run-2+run-3", "run-4 + run-5 + run-6"])

    row = only(answer)
    assert (row["A"], row["B"], row["verdict"], row["stderr"]) == (0.52, 0.75, "IMPROVED", 0.00816)
    assert row["evidence"] == "3 repeats, sd 0.01"
    assert "3 repeats on a side: the intervals hold, but teams often ask for 8." in answer.data["notes"]
    assert "unequal" not in answer.data  # seeds are what repeats differ in
    assert rows_of(answer.data["sides"])[0]["runs"] == 3


def test_a_run_whose_name_has_a_plus_is_that_run(empty_store, ask):
    runs = [trained(1, 0.5, "a"), trained(2, 0.6, "b"), trained(3, 0.7, "a+b")]

    answer = pooled(empty_store, ask, *runs, ids=["a", "a+b"])

    assert [row["run_id"] for row in rows_of(answer.data["sides"])] == [run_id(1), run_id(3)]


def test_runs_of_other_configurations_are_no_repeats(empty_store, ask):
    runs = [
        trained(1, 0.5, lr="0.1"),
        trained(2, 0.51, lr="0.2"),
        trained(3, 0.7, lr="0.1"),
        trained(4, 0.71, lr="0.1"),
    ]

    answer = pooled(empty_store, ask, *runs, ids=["run-1+run-2", "run-3+run-4"])

    assert answer.data["unequal"]["rows"] == [["within A: params.lr", "0.1 (run-1), 0.2 (run-2)", None]]
    assert only(answer)["evidence"].startswith("the runs pooled as A differ in params.lr; ")
    assert only(answer)["verdict"] == "CANNOT TELL"


def test_copies_of_one_job_are_one_repeat(export):
    other_copy = {**scored(0.5), "start_time": 1_800_000_000_000}

    answer = export(
        (1, "A", scored(0.5)), (11, "A", other_copy), (2, "B", scored(0.6)), (3, "C", scored(0.62)), ids=("A+A", "B+C")
    )

    sides = rows_of(answer.data["sides"])
    assert [side["runs"] for side in sides] == [1, 2]
    assert only(answer)["evidence"] == "A n=500 by stats.count; B 2 repeats, sd 0.014"


def test_two_runs_that_are_copies_count_once_and_it_is_said(empty_store, tmp_path, ask):
    runs = [evaluated(tmp_path, n, **scored(0.5)) for n in (1, 11)]
    runs += [evaluated(tmp_path, 2, invocation=OTHERS["B"], **scored(0.6))]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[f"{run_id(1)}+{run_id(11)}", run_id(2)])

    told = "A: of 2 pooled only 1 count: the others are copies of the same jobs."
    assert told in answer.data["notes"]
    assert only(answer)["evidence"] == "n=500 by stats.count"


def test_evaluations_with_other_settings_are_no_repeats(export):
    runs = [(1, "A", scored(0.5)), (2, "B", scored(0.5, limit_samples=10)), (3, "C", scored(0.6))]

    answer = export(*runs, ids=("A+B", "C"))

    assert answer.data["unequal"]["rows"][0] == [
        "within A: sample limit (do not compare)",
        "none recorded (eval-a1a1a1a1a1a1a1a1-ifeval), 10 (eval-b2b2b2b2b2b2b2b2-ifeval)",
        None,
    ]
    assert only(answer)["verdict"] == "CANNOT TELL"


def test_runs_of_unlike_tasks_are_not_pooled(export, snapshot_error):
    runs = [(1, "A", scored(0.5)), (2, "B", scored(0.5, "gpqa")), (3, "C", scored(0.6)), (4, "C", scored(0.6, "gpqa"))]

    snapshot_error(export(*runs, ids=("A+B", "C")))


def test_a_run_on_both_sides_is_refused(empty_store, ask, snapshot_error):
    runs = [trained(n, n / 10) for n in (1, 2, 3)]

    snapshot_error(pooled(empty_store, ask, *runs, ids=["run-1+run-2", "run-2+run-3"]))


def test_two_exports_of_one_job_have_no_verdict_beside_a_third_side(empty_store, tmp_path, ask):
    runs = [evaluated(tmp_path, 1, **scored(0.5)), evaluated(tmp_path, 11, **scored(0.9))]
    runs += [evaluated(tmp_path, 2, invocation=OTHERS["B"], **scored(0.7))]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), run_id(11), run_id(2)])

    rows = {row["side"]: row for row in rows_of(answer.data["verdicts"])}
    assert (rows["B"]["verdict"], rows["C"]["verdict"]) == ("CANNOT TELL", "IMPROVED")
    assert rows["B"]["evidence"].startswith("copies of one job; ")


def test_a_repeat_that_is_no_number_leaves_no_mean(empty_store, ask):
    runs = [trained(1, 0.5), trained(2, float("nan")), trained(3, 0.6)]

    answer = pooled(empty_store, ask, *runs, ids=["run-1+run-2", "run-3"])

    assert "A: 'accuracy' is no number in 1 of 2 repeats: no mean is shown." in answer.data["notes"]
    assert rows_of(answer.data["metrics"])[0]["A"] == "NaN"


# --- beside the scores


def test_longer_and_cut_off_answers_are_told_where_they_moved(export):
    quiet, loud = {STATISTICS: responses(500, 900.0, 2)}, {STATISTICS: responses(500, 1500.0, 45)}
    runs = [(1, "A", scored(0.5, files=quiet)), (2, "B", scored(0.5, files=loud))]
    runs += [(3, "A", scored(0.5, "gpqa", files=quiet)), (4, "B", scored(0.5, "gpqa", files=quiet))]

    answer = export(*runs)

    assert rows_of(answer.data["verbosity"]) == [
        {"task": "ifeval", "tokens A": 900, "tokens B": 1500, "cut off A": "2/500", "cut off B": "45/500"}
    ]


@pytest.mark.parametrize(
    ("adapter", "evidence"),
    [
        ({"use_caching": True, "caching_dir": "/cache/x"}, "(caching_dir=/cache/x, use_caching=true is recorded)"),
        ({"use_caching": False}, "though none is recorded"),
    ],
)
def test_equal_scores_hint_at_a_replayed_cache_with_what_is_recorded_of_one(adapter, evidence, export):
    def side():
        recorded = results({"acc": {"value": 0.5, "stats": {}}, "f1": {"value": 0.25, "stats": {}}})
        recorded["target"]["api_endpoint"]["adapter_config"] = adapter
        return {"metrics": {"ifeval_acc": 0.5, "ifeval_f1": 0.25}, "files": {RESULTS: recorded}}

    answer = export((1, "A", side()), (2, "B", side()))

    (told,) = [note for note in answer.data["notes"] if "a response cache may have been replayed" in note]
    assert evidence in told


def test_equal_scores_hint_at_a_replayed_cache_with_the_lines_of_the_log(export):
    log = "INFO request 1\nDEBUG cache: request 2 Returning cached response\nPrefix cache hit rate: 20%\n"
    files = {"logs/client-1.log": log, "logs/server-0-1.log": log}
    side = {"metrics": {"ifeval_acc": 0.5, "ifeval_f1": 0.25}}

    answer = export((1, "A", side), (2, "B", {**side, "files": files}))

    (told,) = [note for note in answer.data["notes"] if "a response cache may have been replayed" in note]
    assert told.endswith("may have been replayed (1 line in B's client-1.log).")


def test_a_run_against_its_own_invocation_hints_at_no_cache(empty_store, tmp_path, ask):
    metrics = {"ifeval_acc": 0.5, "ifeval_f1": 0.25}
    runs = [evaluated(tmp_path, 1, metrics=metrics), evaluated(tmp_path, 2, "gpqa")]

    answer = ask(filled(empty_store, runs), "compare_runs", run_ids=[run_id(1), INVOCATION])

    assert "cache" not in answer.text
    assert {row["evidence"] for row in rows_of(answer.data["verdicts"])} == {"copies of one job"}


def test_where_lower_is_better_it_is_said(export):
    def unsafe(value):
        recorded = results({"unsafe_rate": {"value": value, "stats": {"count": 5_000, "stderr": 0.003}}}, "aegis")
        return {"task": "aegis", "metrics": {"aegis_unsafe_rate": value}, "files": {RESULTS: recorded}}

    answer = export((1, "A", unsafe(0.03)), (2, "B", unsafe(0.09)))

    assert only(answer)["verdict"] == "REGRESSED"
    assert "Lower is better: 'aegis_unsafe_rate'." in answer.data["notes"]
