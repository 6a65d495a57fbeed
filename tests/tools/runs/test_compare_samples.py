"""Two runs question by question, on what harnesses, MLflow and the launcher wrote themselves."""

from __future__ import annotations

import json
import random
import warnings
from contextlib import contextmanager

import pytest

from mlflow_mcp.settings import Settings
from tests.recorded.lm_eval.files import BASE, TUNED, file_of, files_of
from tests.support import raw_store, stores
from tests.support.asking import data_of, rows_of
from tests.support.evaluated import evaluated

STRICT = "exact_match,strict-match"
# The rules of tests/recorded/lm_eval/record.py, for 60 questions.
BROKEN = {5, 17, 29, 41}
NO_FORMAT = {n for n in range(60) if n % 10 == 3}
RIGHT = {n for n in range(60) if n % 4}


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def question(n, score, **more):
    return {"id": f"q{n}", "question": f"What is {n} and {n}?", "expected": str(2 * n), "score": score, **more}


@contextmanager
def evaluating(uri):
    """MLflow's own client on this store, as a user's program has it."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id="0")  # MLflow keeps that of another test, in another store
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        mlflow.set_tracking_uri(before)


def judged_run(answers):
    import mlflow
    from mlflow.genai.scorers import scorer

    @scorer
    def is_exact(outputs, expectations):
        return outputs == expectations["expected_response"]

    @scorer
    def length(outputs):
        return float(len(outputs))

    data = [
        {
            "inputs": {"question": f"What is {n} and {n}?"},
            "outputs": answer,
            "expectations": {"expected_response": str(2 * n)},
        }
        for n, answer in enumerate(answers)
    ]
    return mlflow.genai.evaluate(data=data, scorers=[is_exact, length]).run_id


# --- lm-evaluation-harness


@pytest.fixture
def harness(home):
    return home.uri, home.run(file_of(BASE, "sums")), home.run(file_of(TUNED, "sums"))


def test_two_filters_are_two_scores_and_no_repeats(harness, ask, snapshot_error):
    uri, a, b = harness

    snapshot_error(ask(uri, "compare_samples", run_ids=[a, b]))


def test_the_questions_that_broke_are_those_that_the_model_was_made_to_break(harness, ask):
    uri, a, b = harness
    data = data_of(ask(uri, "compare_samples", run_ids=[a, b], metric=STRICT, limit=50))

    lost = RIGHT & (BROKEN | NO_FORMAT)
    assert {int(row["id"]) for row in rows_of(data["samples"])} == lost
    assert data["counts"] == {
        "pairs": 60,
        "regressed": len(lost),
        "fixed": 1,
        "both_right": len(RIGHT - lost),
        "both_wrong": 60 - len(RIGHT) - 1,
    }
    assert data["verdict"].startswith("REGRESSED")
    assert "partial" not in data
    assert data["joined_by"].startswith("doc_id")


def test_the_other_filter_has_another_answer(harness, ask):
    uri, a, b = harness
    data = data_of(ask(uri, "compare_samples", run_ids=[a, b], metric="exact_match,flexible-extract"))

    assert {int(row["id"]) for row in rows_of(data["samples"])} == BROKEN
    assert data["counts"]["fixed"] == 1
    assert data["verdict"].startswith("WITHIN NOISE")


def test_the_whole_answer(harness, ask, snapshot):
    uri, a, b = harness
    answer = ask(uri, "compare_samples", run_ids=[a, b], metric=STRICT)

    assert len(answer.text) < 4_000
    snapshot("compare_samples", answer.data, {a: "<A>", b: "<B>"})


def test_a_row_is_found_whole_by_the_call_that_the_answer_names(harness, ask):
    uri, a, b = harness
    data = data_of(ask(uri, "compare_samples", run_ids=[a, b], metric=STRICT, limit=1))

    (row,) = rows_of(data["samples"])
    assert "One sample whole: get_artifact_content(run_id, artifact_path, start_line=at, max_lines=1)." in data["notes"]
    for side in "AB":
        whole = data_of(ask(uri, "get_artifact_content", **data["sides"][side], start_line=row["at"], max_lines=1))
        assert whole["content"]["doc_id"] == int(row["id"])
        assert whole["content"]["filter"] == "strict-match"


def test_multiple_choice_shows_the_choices_in_words(home, ask):
    a, b = home.run(file_of(BASE, "choices")), home.run(file_of(TUNED, "choices"))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric="acc"))

    for row in rows_of(data["samples"]):
        right = "odd" if int(row["id"]) % 2 else "even"
        assert (row["expected"], row["A"]) == (right, right)
        assert row["B"] == ("even" if right == "odd" else "odd")


def test_several_scores_without_a_headline_are_asked_for(home, ask, snapshot_error):
    a, b = home.run(file_of(BASE, "choices")), home.run(file_of(TUNED, "choices"))

    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, b]))
    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, b], metric="acc_normal"))


def test_files_of_two_tasks_are_two_comparisons(home, ask):
    a, b = home.run(files_of(BASE)), home.run(files_of(TUNED))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric="acc"))
    of_sums = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric=STRICT, artifact_path="sums"))

    assert data["score"].startswith("acc ")
    assert data["counts"]["pairs"] == 60
    assert of_sums["counts"]["pairs"] == 60


def test_the_task_that_both_sides_have_is_compared(home, ask):
    a, b = home.run(file_of(BASE, "sums")), home.run(files_of(TUNED))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric=STRICT))
    either = data_of(ask(home.uri, "compare_samples", run_ids=[b, a], metric="exact_match,flexible-extract"))

    assert data["counts"]["regressed"] == either["counts"]["fixed"] + len(NO_FORMAT & RIGHT)
    assert "samples_sums_" in data["sides"]["B"]["artifact_path"]


def test_subtasks_with_one_score_are_one_comparison_with_a_slice_for_each(home, ask):
    def of(model):
        (text,) = file_of(model, "choices").values()
        rows = [json.loads(line) for line in text.splitlines()]
        folder = f"lm-evaluation-harness.mmlu/artifacts/{model}"
        time = "2026-03-01T08-02-00.123456"
        return {
            f"{folder}/samples_mmlu_law_{time}.jsonl": lines({**row, "doc_id": at} for at, row in enumerate(rows[:30])),
            f"{folder}/samples_mmlu_math_{time}.jsonl": lines(
                {**row, "doc_id": at} for at, row in enumerate(rows[30:])
            ),
        }

    a, b = home.run(of(BASE)), home.run(of(TUNED))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric="acc"))

    assert data["counts"]["pairs"] == 60
    slices = {row["slice"]: row["regressed"] for row in rows_of(data["slices"])}
    assert (slices["task=mmlu_law"], slices["task=mmlu_math"]) == (3, 1)
    assert {row["at"] for row in rows_of(data["samples"])} == {"1:6", "1:18", "1:30", "2:12"}


def test_a_subtask_whose_file_cannot_be_read_is_said_first(home, ask):
    (text,) = file_of(BASE, "choices").values()
    whole = {f"m/samples_{task}_2026-03-01T08-02-00.jsonl": text for task in ("law", "math")}
    a, b = home.run(whole), home.run({**whole, "m/samples_math_2026-03-01T08-02-00.jsonl": "broken\n"})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric="acc"))

    assert data["partial"] == (
        "1 file of B without a sample that can be read: 'm/samples_math_2026-03-01T08-02-00.jsonl'; "
        "60 questions joined; 60 only in A"
    )


def test_of_several_files_of_a_task_the_newest_counts(home, ask):
    (path,), (text,) = zip(*file_of(BASE, "sums").items())
    older = path.replace("2026-03-01", "2026-02-01")
    a, b = home.run({path: text, older: "{}\n"}), home.run(file_of(TUNED, "sums"))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], metric=STRICT))

    assert data["counts"]["pairs"] == 60
    assert "A: 1 older files of the same task were left out: the newest counts." in data["notes"]


# --- joining


def test_swapped_sides_swap_what_broke_and_what_was_fixed(harness, ask):
    uri, a, b = harness
    one = data_of(ask(uri, "compare_samples", run_ids=[a, b], metric=STRICT))
    other = data_of(ask(uri, "compare_samples", run_ids=[b, a], metric=STRICT, show="fixed"))

    assert (one["counts"]["regressed"], one["counts"]["fixed"]) == (
        other["counts"]["fixed"],
        other["counts"]["regressed"],
    )
    assert one["verdict"].replace("REGRESSED", "IMPROVED") == other["verdict"]
    assert [row["id"] for row in rows_of(one["samples"])] == [row["id"] for row in rows_of(other["samples"])]
    assert one["means"]["B-A"] == -other["means"]["B-A"]


def test_the_order_of_rows_does_not_matter(home, ask):
    rows = [question(n, n % 3 > 0) for n in range(40)]
    other = [question(n, n % 3 > 0 and n != 7) for n in range(40)]
    random.Random(3).shuffle(other)
    a, b = home.run({"out.jsonl": lines(rows)}), home.run({"out.jsonl": lines(other)})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert data["counts"]["regressed"] == 1
    assert [row["id"] for row in rows_of(data["samples"])] == ["q7"]
    assert data["joined_by"] == "id, the questions being the same"


def test_ids_that_stand_for_other_questions_are_not_believed(home, ask):
    rows = [question(n, n % 3 > 0) for n in range(40)]
    shifted = [{**question(n + 5, n % 2 > 0), "id": f"q{n}"} for n in range(40)]
    a, b = home.run({"out.jsonl": lines(rows)}), home.run({"out.jsonl": lines(shifted)})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], show="all", limit=3))

    assert data["joined_by"] == "the text of the question, white space apart"
    assert data["counts"]["pairs"] == 35
    assert data["partial"] == "35 questions joined; 5 only in A, 5 only in B"
    assert "id" not in data["samples"]["columns"], "an id of one side alone would mislead"
    assert next(name for name in data if name != "next_cursor") == "partial"


def test_other_prompts_of_the_same_questions_are_joined_by_their_ids_and_it_is_said(home, ask):
    rows = [question(n, n % 3 > 0) for n in range(40)]
    other = [{**question(n, n % 3 > 0), "question": f"Think first. What is {n} and {n}?"} for n in range(40)]
    a, b = home.run({"out.jsonl": lines(rows)}), home.run({"out.jsonl": lines(other)})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert data["joined_by"] == "id; the expected answers are the same, the prompts are not in 40 of 40"


def test_equal_questions_are_paired_in_order_where_both_sides_have_as_many(home, ask):
    def side(scores, extra=0):
        rows = [{"question": f"Q{n // 2}" if n < 4 else f"Q{n}", "score": score} for n, score in enumerate(scores)]
        return lines([*rows, *[{"question": "Q0", "score": 1}] * extra])

    a, b = home.run({"out.jsonl": side([1] * 10)}), home.run({"out.jsonl": side([1] * 3 + [0] + [1] * 6)})
    more = home.run({"out.jsonl": side([1] * 10, extra=1)})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))
    unequal = data_of(ask(home.uri, "compare_samples", run_ids=[a, more], show="all"))

    assert data["joined_by"].endswith("equal ones in the order of their rows")
    assert (data["counts"]["pairs"], data["counts"]["regressed"]) == (10, 1)
    assert unequal["partial"] == "8 questions joined; 5 rows of questions that occur unequally often left out"


def test_rows_without_id_and_question_are_joined_by_their_order_and_it_is_said(home, ask):
    rows = [{"id": None, "score": n % 2, "prediction": "x"} for n in range(12)]
    a = home.run({"out.jsonl": lines([{**row, "idx": at} for at, row in enumerate(rows)])})
    b = home.run({"out.jsonl": lines([{**row, "number": at} for at, row in enumerate(rows)])})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert data["joined_by"] == "the order of the rows alone: neither ids nor questions are in them"


def test_ids_alone_do_not_join_runs_of_different_tasks(tmp_path, empty_store, ask, snapshot_error):
    rows = lines({"doc_id": n, "score": n % 2} for n in range(20))
    runs = [
        evaluated(tmp_path, at, task, files={"artifacts/out.jsonl": rows}, invocation=16 * str(at))
        for at, task in enumerate(("gsm8k", "mmlu"), 1)
    ]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, runs)

    snapshot_error(ask(empty_store, "compare_samples", run_ids=[raw_store.run_id(1), raw_store.run_id(2)]))


# --- copies and invocations


def test_samples_that_differ_between_copies_are_said(tmp_path, empty_store, ask):
    def rows(wrong, more=""):
        return lines(question(n, int(n not in wrong), output=f"{n}{more}") for n in range(20))

    runs = [
        evaluated(tmp_path, 1, files={"artifacts/out.jsonl": rows(())}, invocation="a" * 16),
        evaluated(tmp_path, 11, files={"artifacts/out.jsonl": rows((2,), "x")}, invocation="b" * 16),
        evaluated(tmp_path, 21, files={"artifacts/out.jsonl": rows((3, 4))}, invocation="b" * 16, status="FAILED"),
    ]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, runs)
    data = data_of(ask(empty_store, "compare_samples", run_ids=[f"{'a' * 16}.1", f"{'b' * 16}.1"]))

    assert data["counts"]["regressed"] == 1
    other, read = raw_store.run_id(21), raw_store.run_id(11)
    assert f"B: copy {other} of this job has other samples under the same path; {read} was read." in " ".join(
        data["notes"]
    )


def test_tasks_of_invocations_are_a_family_of_tests(tmp_path, empty_store, ask):
    def side(wrong):
        return lines(question(n, int(n not in wrong)) for n in range(100))

    runs = []
    for base, (letter, broken) in enumerate((("a", ()), ("b", range(8)))):
        for number, task in enumerate(("ifeval", "gsm8k", "mmlu")):
            wrong = {**dict.fromkeys(broken)} if task == "gsm8k" else {50, 51} if letter == "a" else {51, 52}
            files = {"artifacts/out.jsonl": side(wrong)}
            runs.append(evaluated(tmp_path, 10 * base + number, task, files=files, invocation=letter * 16))
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, runs)
    answer = ask(empty_store, "compare_samples", run_ids=["a" * 16, "b" * 16])
    data = data_of(answer)

    tasks = {row["task"]: row for row in rows_of(data["tasks"])}
    assert {task: row["verdict"] for task, row in tasks.items()} == {
        "gsm8k": "REGRESSED",
        "ifeval": "WITHIN NOISE",
        "mmlu": "WITHIN NOISE",
    }
    assert "0.023 after Holm's correction over 3 tasks" in data["verdict"]
    assert tasks["gsm8k"]["p (Holm)"] == 0.023
    assert data["counts"]["regressed"] == 8
    assert len(answer.text) < 4_000
    one = data_of(ask(empty_store, "compare_samples", run_ids=["a" * 16, "b" * 16], artifact_path="mmlu", show="both"))
    assert [row["id"] for row in rows_of(one["samples"])] == ["q52", "q50"]
    assert "tasks" not in one


# --- repeats


def test_a_question_with_repeats_is_one_pair(home, ask):
    def side(wrong):
        return lines(
            {
                "problem_idx": n,
                "repeat": r,
                "prompt": f"P{n}",
                "reward": float(not wrong(n, r)),
                "model_response": f"R{n}.{r}",
            }
            for n in range(30)
            for r in range(4)
        )

    a = home.run({"gsm8k/results.jsonl": side(lambda n, r: n < 5)})
    b = home.run({"gsm8k/results.jsonl": side(lambda n, r: n < 5 or (n < 12 and r) or (n == 20 and r == 3))})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert data["counts"] == {"pairs": 30, "regressed": 7, "fixed": 0, "both_right": 18, "both_wrong": 5}
    assert "30 questions, each the mean of up to 4 repeats" in data["test"]
    assert data["test"].startswith("exact sign-flip test")
    assert any("majority" in note for note in data["notes"])
    assert {row["B"] for row in rows_of(data["samples"])} == {f"R{n}.1" for n in range(5, 12)}


# --- MLflow's own evaluations


@pytest.fixture(scope="module")
def judged(tmp_path_factory, empty_template):
    """Two runs of mlflow.genai.evaluate, with scorers of code, in a store of their own."""
    import mlflow

    uri = stores.copied(empty_template, tmp_path_factory.mktemp("judged") / "mlflow.db")
    with evaluating(uri):
        answers = [f"{2 * n}" for n in range(12)]
        worse = [answer if n not in (2, 3, 5, 7, 8, 9, 11) else "no idea" for n, answer in enumerate(answers)]
        runs = [judged_run(side) for side in (answers, worse)]
        for run_id in runs:  # a file with another score beside the traces
            mlflow.log_table(
                {"question": [f"q{n}" for n in range(8)], "correct": [True] * 8}, "table.json", run_id=run_id
            )
        return uri, *runs


@pytest.mark.slow
def test_traces_that_genai_evaluate_judged_are_joined_by_their_requests(judged, ask):
    uri, a, b = judged
    answer = ask(uri, "compare_samples", run_ids=[a, b], metric="is_exact")

    assert answer.data["counts"] == {"pairs": 12, "regressed": 7, "fixed": 0, "both_right": 5, "both_wrong": 0}
    assert answer.data["verdict"].startswith("REGRESSED")
    assert answer.data["joined_by"] == "the text of the question, white space apart"
    row = next(row for row in rows_of(answer.data["samples"]) if row["input"] == "What is 2 and 2?")
    assert (row["expected"], row["A"], row["B"]) == ("4", "4", "no idea")
    assert data_of(ask(uri, "get_trace", trace_id=row["at_B"]))["trace_id"] == row["at_B"]


@pytest.mark.slow
def test_an_assessment_is_found_although_a_file_has_other_scores(judged, ask):
    uri, a, b = judged
    of_traces = data_of(ask(uri, "compare_samples", run_ids=[a, b], metric="is_exact"))
    of_files = data_of(ask(uri, "compare_samples", run_ids=[a, b]))

    assert of_traces["sides"]["A"] == {"run_id": a, "read": "traces"}
    assert of_files["sides"]["A"] == {"run_id": a, "artifact_path": "table.json"}


@pytest.mark.slow
def test_two_evaluations_of_the_same_traces_keep_their_own_assessments(empty_store, ask):
    import mlflow
    from mlflow.genai.scorers import scorer

    wrong: set[str] = set()

    @scorer
    def fine(outputs):
        return outputs not in wrong

    runs = []
    with evaluating(empty_store):
        answer = mlflow.trace(lambda number: f"a{number}")
        for number in range(8):
            answer(number)
        mlflow.flush_trace_async_logging()
        for later in (set(), {"a2", "a5"}):
            wrong |= later
            runs.append(mlflow.genai.evaluate(data=mlflow.search_traces(return_type="list"), scorers=[fine]).run_id)
    data = data_of(ask(empty_store, "compare_samples", run_ids=runs))

    assert data["counts"] == {"pairs": 8, "regressed": 2, "fixed": 0, "both_right": 6, "both_wrong": 0}
    assert {row["A"] for row in rows_of(data["samples"])} == {"a2", "a5"}


@pytest.mark.slow
def test_several_assessments_are_asked_for_by_their_names(judged, ask, snapshot_error):
    uri, a, b = judged

    snapshot_error(ask(uri, "compare_samples", run_ids=[a, b], artifact_path="traces"))


@pytest.mark.slow
def test_a_score_whose_better_side_nobody_knows_gets_no_verdict(judged, ask):
    uri, a, b = judged
    data = data_of(ask(uri, "compare_samples", run_ids=[a, b], metric="length"))

    assert data["verdict"].startswith("CANNOT TELL which is better: B is higher than A, p=")
    assert set(data["counts"]) == {"pairs", "lower", "higher", "equal"}
    assert "show='regressed' lists what is lower in B, 'fixed' what is higher." in data["notes"]


@pytest.mark.slow
def test_the_table_of_models_evaluate_is_read(tmp_path, empty_store, ask):
    import mlflow
    import pandas as pd
    from mlflow.metrics import MetricValue, make_metric

    metric = make_metric(
        eval_fn=lambda predictions, targets: MetricValue(scores=[float(a == b) for a, b in zip(predictions, targets)]),
        greater_is_better=True,
        name="same",
    )
    runs = []
    with evaluating(empty_store):
        for wrong in ((), (1, 4)):
            frame = pd.DataFrame(
                {
                    "inputs": [f"q{n}" for n in range(10)],
                    "truth": [f"t{n}" for n in range(10)],
                    "pred": [f"t{n}" if n not in wrong else "?" for n in range(10)],
                }
            )
            with mlflow.start_run() as run:
                mlflow.models.evaluate(data=frame, targets="truth", predictions="pred", extra_metrics=[metric])
            runs.append(run.info.run_id)
    data = data_of(ask(empty_store, "compare_samples", run_ids=runs))

    assert data["counts"]["regressed"] == 2
    assert [row["input"] for row in rows_of(data["samples"])] == ["q1", "q4"]
    assert data["score"].startswith("same/score (the only score")


@pytest.mark.slow
def test_tables_of_log_table_are_read(empty_store, ask):
    import mlflow

    runs = []
    with evaluating(empty_store):
        for wrong in ((), (0, 3, 6)):
            with mlflow.start_run() as run:
                table = {
                    "question": [f"q{n}" for n in range(9)],
                    "subject": ["law" if n % 3 else "math" for n in range(9)],
                    "output": ["a"] * 9,
                    "correct": [n not in wrong for n in range(9)],
                }
                mlflow.log_table(table, "answers.json")
            runs.append(run.info.run_id)
    data = data_of(ask(empty_store, "compare_samples", run_ids=runs))

    assert data["score"] == "correct (the only score; higher is better by its name)"
    assert rows_of(data["slices"])[0] | {"p": None} == {
        "slice": "subject=math",
        "pairs": 3,
        "regressed": 3,
        "fixed": 0,
        "A": 1,
        "B": 0,
        "p": None,
    }
    assert {row["subject"] for row in rows_of(data["samples"])} == {"math"}


def inspected(n, wrong):
    """A sample as Inspect's logs in JSON have it: scores are letters in an object of their own."""
    score = {"match": {"value": "I" if n in wrong else "C", "answer": str(n)}}
    return {
        "id": n,
        "epoch": 1,
        "input": f"Q{n}",
        "target": f"T{n}",
        "output": {"completion": f"O{n}"},
        "scores": score,
    }


@pytest.mark.parametrize(
    ("file", "content", "at"),
    [
        ("eval.json", lambda wrong: {"status": "success", "samples": [inspected(n, wrong) for n in range(8)]}, "samples[6]"),
        ("answers.json", lambda wrong: [inspected(n, wrong) for n in range(8)], "[6]"),
        ("scored.json", lambda wrong: {f"q{n}": inspected(n, wrong) for n in range(8)}, "q6"),
        ("results.json", lambda wrong: {"question": [f"Q{n}" for n in range(8)], "passed": [n not in wrong for n in range(8)]},
         "*[6]"),
    ],
    ids=["below a key", "a list", "by id", "columns"],
)  # fmt: skip
def test_json_of_other_forms_is_read_and_its_samples_are_found_by_select(file, content, at, home, ask):
    a, b = home.run({file: json.dumps(content(()))}), home.run({file: json.dumps(content((6,)))})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    (row,) = rows_of(data["samples"])
    assert (row["input"], row["at"]) == ("Q6", at)
    assert "One sample whole: get_artifact_content(run_id, artifact_path, select=at)." in data["notes"]
    whole = ask(home.uri, "get_artifact_content", **data["sides"]["A"], select=row["at"])
    assert "Q6" in whole.text
    assert "Q5" not in whole.text


def test_parquet_is_read(home, ask, tmp_path):
    import pandas as pd

    def side(wrong):
        rows = {"question": [f"Q{n}" for n in range(8)], "correct": [n not in wrong for n in range(8)]}
        pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
        return {"rows.parquet": (tmp_path / "rows.parquet").read_bytes()}

    a, b = home.run(side(())), home.run(side((6,)))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert [row["input"] for row in rows_of(data["samples"])] == ["Q6"]


def test_csv_is_read(home, ask):
    def side(wrong):
        return "id,question,passed\n" + "".join(f"{n},What is {n}?,{n not in wrong}\n" for n in range(8))

    a, b = home.run({"eval_results.csv": side(())}), home.run({"eval_results.csv": side((6,))})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert [row["id"] for row in rows_of(data["samples"])] == ["6"]


# --- bad input


def test_what_cannot_be_compared_is_refused_in_a_sentence(home, ask, snapshot_error):
    rows = [question(n, n % 2) for n in range(10)]
    a, b = home.run({"out.jsonl": lines(rows)}), home.run({"notes.txt": "nothing"})
    other = home.run(
        {"out.jsonl": lines([{**row, "question": f"{row['question']}!", "id": f"r{row['id']}"} for row in rows])}
    )
    two = home.run({"a.jsonl": lines(rows), "b.jsonl": lines(rows)})

    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a]), "one run")
    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, a]), "one run twice")
    snapshot_error(
        ask(home.uri, "compare_samples", run_ids=[a, f"http://mlflow.example.com/#/experiments/0/runs/{a}"]),
        "one run under two names",
    )
    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, b]), "nothing of one side")
    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, b], artifact_path="gone.jsonl"), "no such file")
    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, other]), "other questions")
    snapshot_error(ask(home.uri, "compare_samples", run_ids=[a, two]), "which file")


def test_broken_lines_and_missing_scores_are_counted_first(home, ask):
    rows = [question(n, n % 2) for n in range(20)]
    broken = lines(rows[:10]) + '{"id": "q10", "question": "What\n' + lines(rows[11:])
    without = lines([row if at != 4 else {**row, "score": None} for at, row in enumerate(rows)])
    a, b = home.run({"out.jsonl": broken}), home.run({"out.jsonl": without})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b], show="all", limit=1))

    assert data["partial"] == (
        "18 questions joined; 1 only in A, 1 only in B; 1 line of A cannot be read; 1 row of B without this score"
    )


def test_answers_that_failed_and_have_no_score_forbid_a_verdict(home, ask):
    a = home.run({"out.jsonl": lines(question(n, int(n % 2)) for n in range(60))})
    b = home.run({"out.jsonl": lines(question(n, 1 if n < 45 else None) for n in range(60))})
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert data["verdict"].startswith("IMPROVED"), "23 fixed, 15 without a score"
    c = home.run({"out.jsonl": lines(question(n, 1 if n < 24 else None) for n in range(60))})
    verdict = data_of(ask(home.uri, "compare_samples", run_ids=[a, c]))["verdict"]
    assert verdict == "CANNOT TELL: 36 rows without a score could outweigh the net change of 12 pairs"
    assert data["partial"].endswith("15 rows of B without this score")


def test_shares_and_percent_are_not_compared(home, ask, snapshot_error):
    shares = home.run({"out.jsonl": lines(question(n, n / 40) for n in range(20))})
    percent = home.run({"out.jsonl": lines(question(n, 100 * n / 40) for n in range(20))})
    ratings = [home.run({"out.jsonl": lines(question(n, score) for n in range(20))}) for score in (1, 5)]

    snapshot_error(ask(home.uri, "compare_samples", run_ids=[shares, percent]))
    assert data_of(ask(home.uri, "compare_samples", run_ids=ratings))["verdict"].startswith("IMPROVED")


def test_few_pairs_have_no_verdict(home, ask):
    a = home.run({"out.jsonl": lines([question(n, 1) for n in range(5)])})
    b = home.run({"out.jsonl": lines([question(n, 0) for n in range(5)])})

    verdict = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))["verdict"]
    assert verdict == "CANNOT TELL: of 5 pairs no outcome could be told from chance"


def test_secrets_in_long_outputs_are_masked_before_they_are_cut(home, ask):
    secret = "sk-proj-" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY" * 2
    long = "word " * 400 + secret + " word" * 400
    a = home.run({"out.jsonl": lines([question(n, 1, output=f"{'x' * 20} {secret} {long}") for n in range(8)])})
    b = home.run({"out.jsonl": lines([question(n, int(n > 0), output=long[: 2_000 + len(secret)]) for n in range(8)])})
    answer = ask(home.uri, "compare_samples", run_ids=[a, b])

    assert secret[:14] not in answer.text
    assert secret[-14:] not in answer.text


@pytest.mark.slow
def test_a_large_file_streams(home, ask):
    import tracemalloc

    def side(wrong):
        filler = "long reasoning " * 200
        return lines(question(n, int(n % 3 > 0 and n not in wrong), response=filler + str(n)) for n in range(6_000))

    a, b = home.run({"out.jsonl": side(())}), home.run({"out.jsonl": side(range(100, 130))})
    tracemalloc.start()
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert data["counts"]["regressed"] == 20
    assert home.folder(a).joinpath("out.jsonl").stat().st_size > 18_000_000
    assert peak < 20_000_000


def test_over_http_the_answer_is_the_same(both_homes, ask):
    a, b = both_homes.run(file_of(BASE, "sums")), both_homes.run(file_of(TUNED, "sums"))
    data = data_of(ask(both_homes.uri, "compare_samples", run_ids=[a, b], metric=STRICT, show="fixed"))

    (row,) = rows_of(data["samples"])
    assert (row["id"], row["A"], row["B"], row["at"]) == ("8", "18", "17", 9)


@pytest.mark.parametrize("max_tokens", [1_000, 2_000])
def test_a_small_budget_cuts_rows_and_the_cursor_continues_after_them(max_tokens, harness, ask):
    uri, a, b = harness
    settings, seen, cursor = Settings(tracking_uri=uri, max_tokens=max_tokens), [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = ask(settings, "compare_samples", run_ids=[a, b], metric=STRICT, show="all", limit=60, **more)
        assert len(answer.text) <= 4 * max_tokens
        seen += [int(row["id"]) for row in rows_of(data_of(answer)["samples"])]
        if not (cursor := answer.data.get("next_cursor")):
            break

    assert seen == list(range(60))


def test_ten_rows_of_long_texts_stay_small(home, ask):
    def side(wrong):
        long = "a long text about nothing in particular " * 60
        return lines(
            question(n, int(n not in wrong), subject=f"subject {n % 9}", level=n % 3, response=f"{long} {n}")
            | {"question": f"{n}: {long}", "expected": f"{long} {n}"}
            for n in range(90)
        )

    a, b = home.run({"out.jsonl": side(())}), home.run({"out.jsonl": side(range(40))})
    answer = ask(home.uri, "compare_samples", run_ids=[a, b])

    assert len(rows_of(answer.data["samples"])) == 10
    assert all(row["A"].endswith(f" {row['id'][1:]}") for row in rows_of(answer.data["samples"]))
    assert len(answer.text) < 4_000, len(answer.text)


def test_files_of_several_seeds_are_repeats(home, ask):
    """As nemo-skills names them."""

    def side(wrong):
        return {
            f"eval/output-rs{r}.jsonl": lines(
                {"problem": f"P{n}", "predicted_answer": f"{n}", "symbolic_correct": not wrong(n, r)} for n in range(30)
            )
            for r in range(4)
        }

    a, b = home.run(side(lambda n, r: n < 10)), home.run(side(lambda n, r: n < 10 or (n < 17 and r < 3)))
    data = data_of(ask(home.uri, "compare_samples", run_ids=[a, b]))

    assert data["counts"]["regressed"] == 7
    assert "30 questions, each the mean of up to 4 repeats" in data["test"]
    assert data["verdict"].startswith("REGRESSED")
    assert {row["at"] for row in rows_of(data["samples"])} == {f"1:{n + 1}" for n in range(10, 17)}


def test_a_score_beside_labels_and_predictions_may_be_a_confidence(empty_store, ask):
    import mlflow

    gold = ["pos", "neg"] * 6
    runs = []
    with evaluating(empty_store):
        for wrong, confidence in ((3, 0.6), (5, 0.9)):  # the surer model is wrong more often
            pred = [("neg" if label == "pos" else "pos") if at < wrong else label for at, label in enumerate(gold)]
            table = {"sentence": [f"s{at}" for at in range(12)], "gold": gold, "pred": pred, "score": [confidence] * 12}
            with mlflow.start_run() as run:
                mlflow.log_table(table, "predictions.json")
            runs.append(run.info.run_id)
    data = data_of(ask(empty_store, "compare_samples", run_ids=runs))

    assert data["score"] == "pred = gold (right where the two are equal; not compared, it may be a confidence: 'score')"
    assert (data["counts"]["regressed"], data["counts"]["fixed"]) == (2, 0)
    assert data["verdict"].startswith("WITHIN NOISE")
    assert data_of(ask(empty_store, "compare_samples", run_ids=runs, metric="score"))["counts"]["fixed"] == 12
