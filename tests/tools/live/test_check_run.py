"""check_run: what a run's curves prove, MLflow's status beside what contradicts it, and waiting for the next event."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

import pytest
from mlflow import MlflowClient

from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.errors import Unreachable
from mlflow_mcp.installation import shown
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import iso
from mlflow_mcp.tools.live.check_run import Checks, check_run
from mlflow_mcp.tools.live.judging.verdict import Verdict
from mlflow_mcp.tools.live.reading import looks_at
from mlflow_mcp.tools.live.until import Condition
from mlflow_mcp.tools.live.waiting import Watch
from tests.support import raw_store
from tests.support.asking import data_of, rows_of
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import copied
from tests.support.training import HOUR, Training, every, exponential, logged, losses, shift, training

NAN = math.nan
R = random.Random(1)
NOISE = [R.gauss(0, 1) for _ in range(2_000)]
BEND = [1.0 + 1.6 * math.exp(-at / 6.7) + 0.8 * max(0, at / 40 - 0.4) for at in range(40)]


def ending(curve: list[float], *last: float) -> list[float]:
    return [*curve, *last]


RUNS: dict[str, Training] = {
    "alive": Training("alive", {"train/loss": losses(500)}, params={"max_steps": "1000"}),
    "stuck": Training("stuck", {"train/loss": losses(500)}, gap=40, ago=3 * HOUR, started=12 * HOUR),
    "stuck with a live machine": Training(
        "stuck with a live machine",
        {"loss": losses(300)},
        ago=2 * HOUR,
        points={"system/cpu_utilization_percentage": [(at, 10.0 * (100 - at), 1.0) for at in range(100)]},
    ),
    "nan": Training(
        "nan",
        {
            "train/loss": ending(losses(400), *[NAN] * 16),
            "grad_norm": [1 + 0.1 * NOISE[at] for at in range(380)] + [90 + NOISE[at] for at in range(20)] + [NAN] * 16,
        },
    ),
    "blown up": Training("blown up", {"loss": losses(400) + [9 + 0.1 * NOISE[at] for at in range(60)]}),
    "collapsed": Training("collapsed", {"acc": [*exponential(400, 0.1, 0.9, 5), *exponential(60, 0.1, 0.1, 1)]}),
    "no side": Training("no side", {"foo": losses(400) + [900.0] * 60, "bar": ending(losses(455), *[NAN] * 5)}),
    "overfitting": Training(
        "overfitting",
        {
            "train_loss": exponential(400, 2.5, 0.5, 3),
            "val_loss": every(10, [BEND[at // 10] + 0.01 * NOISE[at // 10] for at in range(400)]),
        },
    ),
    "plateau": Training("plateau", {"loss": exponential(600, 5, 2, 20)}),
    "slow": Training(
        "slow",
        points={
            "loss": [(at, 2.0 * (200 - at) + 1_805, 3 - at / 1_000) for at in range(200)]
            + [(200 + at, 60.0 * (30 - at) - 50, 2.7) for at in range(30)]
        },
    ),
    "slower by its own figures": Training(
        "slower by its own figures",
        {
            "loss": losses(300),
            "samples_per_second": [800 + NOISE[at] for at in range(200)] + [90 + NOISE[at] for at in range(100)],
        },
    ),
    "score without anything to count": Training(
        "score without anything to count", {"loss": losses(300), "iou_class_7": [0.5] * 290 + [NAN] * 10}
    ),
    "spike": Training("spike", {"loss": ending(losses(200), 9.0, 8.5, 9.0, *losses(250)[200:])}),
    "last points far off": Training("last points far off", {"loss": ending(losses(400), 9.0, 9.1, 9.2)}),
    "last point nan": Training(
        "last point nan", {"loss": losses(400), "val_loss": every(50, ending(losses(399), NAN))}
    ),
    "nothing": Training("nothing"),
    "one point": Training("one point", points={"f1": [(0, HOUR, 0.5)], "acc": [(0, HOUR, 0.4)]}),
    "scheduled": Training("scheduled", status="SCHEDULED"),
    "future": Training("future", {"loss": losses(100)}, ago=-5 * HOUR),
    "quiet": Training("quiet", {"loss": losses(100)}, ago=200),
    "finished": Training("finished", {"loss": losses(100)}, status="FINISHED", params={"max_steps": "100"}),
    "finished early": Training("finished early", {"loss": losses(100)}, status="FINISHED", params={"max_steps": "900"}),
    "finished in nan": Training("finished in nan", {"loss": ending(losses(90), *[NAN] * 10)}, status="FINISHED"),
    "failed": Training("failed", {"loss": losses(100)}, status="FAILED"),
    "killed": Training("killed", {"loss": losses(100)}, status="KILLED"),
    "logged after its end": Training(
        "logged after its end", {"loss": losses(50)}, status="FINISHED", ago=HOUR, points={"acc": [(9, 60, 0.5)]}
    ),
    "ended without a word": Training(
        "ended without a word", {"loss": losses(500)}, ago=3 * HOUR, started=6 * HOUR, params={"max_steps": "500"}
    ),
    "resumed": Training(
        "resumed",
        points={
            "loss": [(at, 10.0 * (500 - at) + 5_000, 3 - at / 1_000) for at in range(300)]
            + [(200 + at, 10.0 * (100 - at), 2.8 - at / 1_000) for at in range(100)]
        },
    ),
    "ranks": Training(
        "ranks", points={"loss": [(at // 4, 2.5 * (800 - at), 5 * math.exp(-at / 400)) for at in range(800)]}
    ),
    "without steps": Training(
        "without steps", points={"loss": [(0, 10.0 * (100 - at), 5 * math.exp(-at / 60)) for at in range(100)]}
    ),
    "epochs": Training("epochs", {"loss": losses(12), "val_loss": losses(12, seed=3)}, gap=60, params={"epochs": "50"}),
    "idle": Training(
        "idle",
        {
            "loss": losses(300),
            "system/gpu_0_utilization_percentage": [91.0] * 200 + [0.0] * 100,
            "system/disk_usage_percentage": [97.2] * 300,
        },
    ),
    "long": Training("long", {"loss": ending(losses(8_003), *[NAN] * 300)}, gap=1),
}


@pytest.fixture(scope="module")
def written(empty_template, tmp_path_factory, conversations):
    """A store with all of `RUNS`: its URI, their ids by name, and when it was dated last."""
    uri = copied(empty_template, tmp_path_factory.mktemp("live") / "mlflow.db")
    with training(uri) as add:
        ids = {name: add(run) for name, run in RUNS.items()}
    conversations.share(uri)
    return uri, ids, [now()]


@pytest.fixture
def runs(written):
    """The URI of a store with all of `RUNS`, as if they had been written this moment, and their ids by name."""
    uri, ids, dated = written
    if (later := now() - dated[-1]) > 10_000:
        shift(uri, later)
        dated.append(dated[-1] + later)
    return uri, ids


def now() -> int:
    return round(time.time() * 1_000)


EXPECTED: dict[str, tuple[str, str]] = {
    "alive": ("alive", r"last point \d+(\.\d)? s ago, usual gap 10 s"),
    "stuck": ("stuck", r"MLflow says RUNNING; last point 3 h ago, usual gap 40 s$"),
    "stuck with a live machine": ("stuck", r"last point 2 h ago, usual gap 10 s; system metrics still come \(.* ago\)"),
    "nan": (
        "diverging",
        r"train/loss is NaN since step 400 \(16 points\), 2.\d+ before; first grad_norm rose from [01].* \(until step 379\) to 9\d\.\d+ \|",
    ),
    "blown up": ("diverging", r"loss rose from 2.* \(until step 399\) to 8.9\d+ and stayed|to 9.0\d* and stayed"),
    "collapsed": ("diverging", r"acc fell from 0.8\d* \(until step 399\) to 0.\d* and stayed"),
    "no side": ("alive", r"not a number at its newest point, and no proof of diverging: 'bar'"),
    "overfitting": (
        "overfitting",
        r"val_loss went from 1.1\d* \(best, step 1\d9\) to 1.\d* while train_loss went from 1.\d* to 0.\d*",
    ),
    "plateau": ("plateau", r"loss stays at \d\.\d* since step 400: won -?0.* ± 0.0\d* in its last third"),
    "slow": ("slow", r"1 min per step over the last 20 steps, 2 s before"),
    "slower by its own figures": (
        "slow",
        r"samples_per_second fell from 800.* \(until step 199\) to 90.* and stayed|to 89.* and stayed",
    ),
    "score without anything to count": ("alive", r"no proof of diverging: 'iou_class_7'"),
    "spike": ("alive", r"loss: 1 spike: 9 at step 20[02], about 2.\d* around it"),
    "last points far off": (
        "alive",
        r"loss rose from 2.* \(until step 399\) to 9.1: a spike or a blow-up, too early to tell",
    ),
    "last point nan": ("alive", r"not a number at its newest point, and no proof of diverging: 'val_loss'"),
    "nothing": ("cannot tell", r"MLflow says RUNNING; it has logged no metric, started 4 h ago"),
    "one point": ("cannot tell", r"last point 1 h ago; points at 1 moment only do not show how often it logs"),
    "scheduled": ("cannot tell", r"MLflow says SCHEDULED; it has logged no metric"),
    "future": ("cannot tell", r"its last point is dated (4 h 59 min|5 h) in the future: the clocks differ"),
    "quiet": ("cannot tell", r"MLflow says RUNNING; last point 3 min \d+ s ago, usual gap 10 s"),
    "finished": ("finished", r"ended after 4 h|ended after 3 h 59 min"),
    "finished early": ("finished", r"MLflow says FINISHED, at step 99 of 900 \(param max_steps\)"),
    "finished in nan": ("finished, diverged", r"loss is NaN since step 90 \(10 points\)"),
    "failed": ("failed", r"ended after"),
    "killed": ("killed", r"ended after"),
    "logged after its end": ("finished", r"it logged 59 min after the end that MLflow has"),
    "ended without a word": (
        "cannot tell",
        r"last point 3 h ago, usual gap 10 s; step 499 of 500 \(param max_steps\): it may have ended without saying so",
    ),
    "resumed": ("alive", r"resumed: its steps went back from 299 to 200 at 2"),
    "ranks": ("alive", r"4 points a step: several processes write it; medians are judged"),
    "without steps": ("alive", r"all points are at step 0: ordered by time"),
    "epochs": ("alive", r"usual gap 1 min"),
    "idle": ("alive", r"disk 97.2% full.*GPU 0 at 0% for its last 10 points \(90 s\), 91% before"),
    "long": ("diverging", r"loss is NaN since step 8,003 \(to its last, step 8,302\), 2.\d* before"),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_state_of_a_run_stands_beside_its_proof_in_a_small_answer(name, runs, ask):
    uri, ids = runs

    answer = ask(uri, "check_run", run_ids=[ids[name]])

    (check,) = data_of(answer)["runs"]
    state, proof = EXPECTED[name]
    assert (check["state"], check["status"]) == (state, RUNS[name].status)
    assert re.search(proof, " | ".join(check["evidence"])), check["evidence"]
    assert len(answer.text) < 1_200


def test_an_answer_about_a_run_with_long_names_keeps_its_size_and_its_proof(empty_store, ask):
    curves = {f"{'very/long/name/' * 10}{at}/train/loss": losses(400, seed=at) + [NAN] * 9 for at in range(12)}
    with training(empty_store) as add:
        run_id = add(Training("long names", curves))

    answer = ask(empty_store, "check_run", run_ids=[run_id])

    (check,) = data_of(answer)["runs"]
    assert "is NaN since step 400" in check["evidence"][0]
    assert len(answer.text) < 1_200


def test_of_very_many_metrics_those_left_out_are_counted(empty_store, ask):
    curves = {f"task_{at}/loss": losses(20, seed=at) for at in range(40)} | {
        "task_33/loss": [*losses(20), NAN, NAN, NAN]
    }
    with training(empty_store) as add:
        run_id = add(Training("many", curves))

    data = data_of(ask(empty_store, "check_run", run_ids=[run_id]))

    assert data["runs"][0]["evidence"][0].startswith("task_33/loss is NaN since step 20 (3 points)")
    assert data["notes"] == ["28 more metrics of many not read; get_metric_history reads them."]


def test_progress_and_time_left_name_the_param_they_come_from(runs, ask):
    uri, ids = runs

    alive, epochs, stuck = (
        data_of(ask(uri, "check_run", run_ids=[ids[name]]))["runs"][0] for name in ("alive", "epochs", "stuck")
    )

    assert alive["progress"] == "step 499 of 1000 (49.9%; param max_steps)"
    assert re.fullmatch(r"about 1 h 23 min", alive["left"])
    assert epochs["progress"] == "epoch 11 of 50 (22%; param epochs, if a step is an epoch)"
    assert (stuck["progress"], stuck.get("left")) == ("step 499", None)


def test_a_sampled_curve_does_not_claim_an_exact_best(runs, ask):
    uri, ids = runs

    (check,) = data_of(ask(uri, "check_run", run_ids=[ids["long"]]))["runs"]

    assert re.fullmatch(r"loss NaN, best of a sample 2\.\d+ at step [\d,]+", check["metrics"][0])


def test_all_running_runs_are_a_table_with_the_worst_first(runs, ask):
    uri, _ = runs

    data = data_of(ask(uri, "check_run", run_ids=["running"]))

    rows = rows_of(data["table"])
    running = [name for name, run in RUNS.items() if run.status == "RUNNING"]
    assert sorted(row["run"] for row in rows) == sorted(running)
    assert {row["run"]: row["state"] for row in rows} == {name: EXPECTED[name][0] for name in running}
    assert [row["state"] for row in rows][:4] == ["diverging"] * 4
    assert sum(data["states"].values()) == len(running)
    assert rows[-1]["state"] == "alive"
    assert data["notes"] == [
        "Of each run 3 metrics were read in at most 300 points, no GPUs and no logs. check_run of up to three runs reads more."
    ]


def test_fifty_running_runs_fit_into_an_answer_and_take_few_requests(scratch_server, ask):
    ids = [logged(scratch_server.uri, Training(f"r{at}", {"loss": losses(30, seed=at)})) for at in range(50)]

    with faulty_proxy(scratch_server.uri) as proxy:
        answer = ask(proxy.uri, "check_run", run_ids=ids)

    rows = rows_of(data_of(answer)["table"])
    assert {row["run_id"] for row in rows} == set(ids)
    assert {row["state"] for row in rows} == {"alive"}
    assert len(answer.text) < 8_000 * 4
    assert proxy.count("get-history-bulk-interval") == 1
    for run_id in ids:
        MlflowClient(scratch_server.uri).delete_run(run_id)


def test_no_running_run_is_said_so(empty_store, ask):
    data = data_of(ask(empty_store, "check_run", run_ids=["running"]))

    assert data["event"] == "no run has status RUNNING"


def test_a_run_that_ended_in_nan_has_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    snapshot("check_run.diverged", ask(both_stores.uri, "check_run", run_ids=[both_stores.seeded.training_diverged]))


def test_a_running_run_is_judged_alike_over_http(both_homes, ask):
    run_id = logged(both_homes.uri, RUNS["nan"])

    (check,) = data_of(ask(both_homes.uri, "check_run", run_ids=[run_id]))["runs"]

    assert check["state"] == "diverging"
    assert re.search(EXPECTED["nan"][1], " | ".join(check["evidence"]))


def test_a_parent_that_logs_nothing_is_told_with_its_children(empty_store, ask):
    with training(empty_store) as add:
        parent = add(Training("sweep"))
        for status in ("RUNNING", "FINISHED", "FINISHED"):
            add(Training("trial", {"loss": losses(20)}, status=status, tags={"mlflow.parentRunId": parent}))

    (check,) = data_of(ask(empty_store, "check_run", run_ids=[parent]))["runs"]

    assert check["state"] == "cannot tell"
    assert check["evidence"] == [
        "MLflow says RUNNING; it has logged no metric, started 4 h ago; its 3 child runs: 2 FINISHED, 1 RUNNING"
    ]


# --- logs


def test_the_last_error_lines_of_logs_are_shown_without_secrets(both_homes, ask):
    log = (
        "step 1\n" * 5_000
        + "Traceback (most recent call last):\nRuntimeError: CUDA out of memory\npassword=hunter22hunter22 ERROR\n"
    )
    run_id = both_homes.run(
        {"logs/train.log": log, "notes.txt": "ERROR: not a log", "a.task/logs/client-1.log": "fine\n"}
    )

    (check,) = data_of(ask(both_homes.uri, "check_run", run_ids=[run_id]))["runs"]

    assert check["log"][0] == "logs/train.log (last 16 kB): RuntimeError: CUDA out of memory"
    assert [line.startswith("password=") for line in check["log"]] == [False, True]
    assert "hunter22" not in str(check)


@pytest.mark.slow
def test_a_failed_run_tells_the_first_errors_of_its_log_and_that_its_times_are_others(sqlite_home, ask):
    lines = [f"2026-01-01 0{at // 60}:{at % 60:02}:00 INFO epoch {at} loss 0.4" for at in range(180)]
    lines += ["2026-01-01 03:55:02 ERROR worker 3: ValueError: NaN in feature 'temperature'"]
    lines += [f"2026-01-01 03:55:{at:02} WARNING worker {at % 4} is not responding" for at in range(40)]
    lines += ["Traceback (most recent call last):", "RuntimeError: worker exited; possibly out of shared memory"]
    run_id = sqlite_home.run({"logs/train.log": "\n".join(lines)})
    MlflowClient(sqlite_home.uri).set_terminated(run_id, "FAILED")

    (check,) = data_of(ask(sqlite_home.uri, "check_run", run_ids=[run_id]))["runs"]

    assert check["log"][:2] == [
        "logs/train.log: 2026-01-01 03:55:02 ERROR worker 3: ValueError: NaN in feature 'temperature'",
        "RuntimeError: worker exited; possibly out of shared memory",
    ]
    assert check["log"][2].startswith(
        "its times here, 2026-01-01 00:00:00 to 2026-01-01 03:55:39, are not within the run's, "
    )


def test_logs_that_may_not_be_read_are_named(runs, ask):
    uri, ids = runs

    (check,) = data_of(ask(uri, "check_run", run_ids=[ids["alive"]]))["runs"]

    assert check["log"][0].startswith("logs not read: These artifacts are said to be in /nowhere")


# --- since


def test_since_tells_only_what_is_new(runs, ask):
    uri, ids = runs
    before = iso(now() - 600_000)

    (nan,) = data_of(ask(uri, "check_run", run_ids=[ids["nan"]], since=before))["runs"]
    (alive,) = data_of(ask(uri, "check_run", run_ids=[ids["alive"]], since=before))["runs"]
    (stuck,) = data_of(ask(uri, "check_run", run_ids=[ids["stuck"]], since=before))["runs"]
    (killed,) = data_of(ask(uri, "check_run", run_ids=[ids["killed"]], since=before))["runs"]

    assert nan["news"][0] == "state: alive → diverging"
    assert nan["news"][1].startswith("train/loss is NaN since step 400")
    assert "evidence" not in nan
    assert re.fullmatch(r"(5[789]|60) new points of train/loss", alive["news"][0])
    assert re.fullmatch(r"step 4(39|4\d) → 499", alive["news"][1])
    assert stuck["news"] == ["nothing new"]
    assert killed["news"][:2] == ["MLflow says KILLED now, RUNNING then", "state: alive → killed"]


def test_since_over_all_running_runs_names_those_that_ended_or_changed(runs, ask):
    uri, _ = runs

    data = data_of(ask(uri, "check_run", run_ids=["running"], since=iso(now() - 600_000)))

    told = {check["run"]: check["news"] for check in data["runs"]}
    assert told["failed"][0] == "MLflow says FAILED now, RUNNING then"
    assert told["blown up"][0] == "state: alive → diverging"
    assert {"alive", "stuck", "future"}.isdisjoint(told)
    assert re.fullmatch(r"\d+ of \d+ runs have news beyond new points; \d+ are told\.", data["notes"][0])


# --- waiting: what happens meanwhile is done when the first progress is reported


def waiting(uri: str, meanwhile: Callable[[], object], **arguments: object) -> tuple[Checks, list[str]]:
    """The answer of a call that waits, and the progress that it reported; `meanwhile` happens once it waits."""
    said: list[str] = []

    def report(done: float, total: float | None, message: str) -> None:
        said.append(message)
        if sum(each.startswith("waited ") for each in said) == 1 and message.startswith("waited "):
            meanwhile()

    return check_run(Client(Connection(Settings(tracking_uri=uri)), Call(50, report)), **arguments), said


def ended(uri: str, run_id: str, status: str) -> Callable[[], None]:
    def end() -> None:
        with redirect_stdout(StringIO()):
            MlflowClient(uri).set_terminated(run_id, status)

    return end


@pytest.mark.slow
def test_a_wait_ends_with_the_run(both_homes):
    run_id = logged(both_homes.uri, Training("ends", {"loss": losses(50)}))

    answer, said = waiting(both_homes.uri, ended(both_homes.uri, run_id, "FAILED"), run_ids=[run_id], wait_s=30)

    assert re.fullmatch(r"after [3-9] s: MLflow says FAILED", answer.event)
    assert (answer.runs[0].status, answer.runs[0].state) == ("FAILED", "failed")
    assert "waited 0 of 30 seconds, no event yet" in said
    assert answer.notes is None


@pytest.mark.slow
def test_a_wait_ends_when_its_condition_is_met_even_for_a_moment(both_homes):
    run_id = logged(both_homes.uri, Training("dips", {"val/loss": losses(50)}))
    client = MlflowClient(both_homes.uri)

    def dip() -> None:
        client.log_metric(run_id, "val/loss", 0.29, step=60)

    answer, _ = waiting(both_homes.uri, dip, run_ids=[run_id], wait_s=30, until="val/loss < 0.3")
    assert re.fullmatch(r"after [3-9] s: val/loss = 0.29 at step 60", answer.event)

    def dip_and_rise() -> None:
        client.log_metric(run_id, "val/loss", 0.19, step=70)
        client.log_metric(run_id, "val/loss", 0.5, step=80)

    answer, _ = waiting(both_homes.uri, dip_and_rise, run_ids=[run_id], wait_s=4, until="val/loss < 0.2")
    assert answer.event == "after 4 s: val/loss = 0.19 at step 70, 0.5 now"


@pytest.mark.slow
def test_a_wait_ends_with_a_new_problem_and_not_with_one_that_is_known(sqlite_home):
    run_id = logged(sqlite_home.uri, Training("breaks", {"loss": losses(50)}))
    client = MlflowClient(sqlite_home.uri)

    def break_it() -> None:
        for step in range(50, 54):
            client.log_metric(run_id, "loss", NAN, step=step)

    answer, _ = waiting(sqlite_home.uri, break_it, run_ids=[run_id], wait_s=30)
    assert re.fullmatch(r"after [3-9] s: loss is NaN since step 50 \(4 points\), 2.\d* before", answer.event)
    assert answer.notes[0].startswith(f"check_run(run_ids=['{run_id}'], wait_s=45, since='{answer.as_of}') waits on.")

    again, _ = waiting(sqlite_home.uri, lambda: None, run_ids=[run_id], wait_s=30)
    assert again.event.startswith("already: loss is NaN since step 50")

    later = iso(now())
    known, _ = waiting(sqlite_home.uri, lambda: None, run_ids=[run_id], wait_s=1, since=later)
    assert known.event == "nothing new in 1 s"


@pytest.mark.slow
def test_a_value_that_held_between_two_looks_is_seen_when_curves_are_read_again(sqlite_home):
    """For hours only latest values are asked for, and the curves once a minute: also when problems are ignored."""
    run_id = logged(sqlite_home.uri, Training("dips unseen", {"loss": losses(50)}))
    client, mlflow = Client(Connection(Settings(tracking_uri=sqlite_home.uri))), MlflowClient(sqlite_home.uri)
    look = looks_at(client, [client.runs.get(run_id)], ["loss"])[0]
    watch = Watch.begun([Verdict(look)], Condition.of("loss < 1"))
    watch.ignores_problems = True
    mlflow.log_metric(run_id, "loss", 0.5, step=60, timestamp=now() + 1_000)
    mlflow.log_metric(run_id, "loss", 2.0, step=61, timestamp=now() + 2_000)

    assert watch.events(client) == []
    watch._begun -= 61
    (event,) = watch.events(client)

    assert (event.kind, event.text) == ("met", "loss = 0.5 at step 60, 2 now")


def test_of_hundreds_of_running_runs_the_newest_are_told_and_the_answer_says_so(empty_store, ask):
    with training(empty_store) as add:
        for at in range(130):
            add(Training(f"r{at}", started=HOUR * (200 - at)))

    data = data_of(ask(empty_store, "check_run", run_ids=["running"]))

    assert next(iter(data)) == "partial"
    assert data["partial"] == "the 100 newest of 130 such runs"
    assert "r129" in {row["run"] for row in rows_of(data["table"])}


@pytest.mark.slow
def test_a_run_whose_clock_is_behind_is_not_stuck_when_points_come(sqlite_home):
    """By its dates it has been silent for five hours, and another point comes, dated so too."""
    run_id = logged(sqlite_home.uri, Training("behind", {"loss": losses(50)}, ago=5 * HOUR, started=6 * HOUR))
    client = MlflowClient(sqlite_home.uri)

    def log() -> None:
        client.log_metric(run_id, "loss", 2.0, timestamp=now() - round(1_000 * (5 * HOUR - 20)), step=50)

    answer, _ = waiting(sqlite_home.uri, log, run_ids=[run_id], wait_s=1, since=iso(now()))

    assert answer.event == "nothing new in 1 s"
    assert answer.runs[0].state == "alive"
    assert answer.runs[0].news[0] == "state: stuck → alive"
    assert re.fullmatch(r"points came while waiting, dated .* ago: its clock is behind", answer.runs[0].news[1])


@pytest.mark.slow
def test_a_wait_without_an_event_says_so_and_how_to_wait_on(runs):
    uri, ids = runs

    answer, _ = waiting(uri, lambda: None, run_ids=[ids["alive"]], wait_s=1, until="val/acc > 0.9")

    assert answer.event == "nothing new in 1 s"
    assert answer.notes == [
        f"check_run(run_ids=['{ids['alive']}'], wait_s=45, until='val/acc > 0.9', since='{answer.as_of}') waits on. For hours, as a "
        f"background task with this server's environment: `{shown('wait', ids['alive'], '--until', 'val/acc > 0.9')}`",
        "No point of 'val/acc' yet in 'alive'.",
    ]


@pytest.mark.slow
def test_a_wait_outlives_a_server_that_fails_for_a_moment_and_no_more(scratch_server):
    run_id = logged(scratch_server.uri, Training("through", {"loss": losses(50)}))

    with faulty_proxy(scratch_server.uri) as proxy:
        proxy.faults[:] = [fail(503, "runs/get", 2, 3)]  # the first poll, which MLflow's client tries twice
        answer, _ = waiting(proxy.uri, lambda: None, run_ids=[run_id], wait_s=4)
        assert answer.event == "nothing new in 4 s"

        def go_away() -> None:
            proxy.faults[:] = [fail(503)]

        with pytest.raises(Unreachable, match="overloaded"):
            waiting(proxy.uri, go_away, run_ids=[run_id], wait_s=30)


@pytest.mark.slow
def test_waiting_asks_once_for_each_run_and_look(scratch_server, ask):
    run_id = logged(scratch_server.uri, Training("watched", {"loss": losses(50)}))

    assert data_of(ask(scratch_server.uri, "check_run", run_ids=[run_id], wait_s=5))["event"] == "nothing new in 5 s"
    with faulty_proxy(scratch_server.uri) as proxy:
        seen: list[int] = []
        waiting(proxy.uri, lambda: seen.append(len(proxy.requests)), run_ids=[run_id], wait_s=7)
        after_first_look = [each.path for each in proxy.requests[seen[0] :]]

    polls = [path for path in after_first_look if "runs/get" in path]
    histories = [path for path in after_first_look if "get-history" in path]
    assert len(polls) <= 3 + 3, "3 looks, and the last one with the run's files"
    assert len(histories) == 1


def test_what_is_already_so_does_not_wait(runs, ask):
    uri, ids = runs

    assert (
        data_of(ask(uri, "check_run", run_ids=[ids["alive"]], until="step >= 400", wait_s=45))["event"]
        == "already: step 499"
    )
    assert data_of(ask(uri, "check_run", run_ids=[ids["killed"]], wait_s=45))["event"] == "already: MLflow says KILLED"
    unmet = data_of(ask(uri, "check_run", run_ids=[ids["killed"]], until="loss < 0.1", wait_s=45))["event"]
    assert unmet == "already: MLflow says KILLED, before loss < 0.1"
    assert data_of(ask(uri, "check_run", run_ids=[ids["alive"]], until="end"))["event"] == "end is not met"
    two = data_of(ask(uri, "check_run", run_ids=[ids["alive"], ids["stuck"]], wait_s=45))
    assert two["event"] == "already: stuck: MLflow says RUNNING; last point 3 h ago, usual gap 40 s"


# --- errors


@pytest.mark.parametrize(
    "arguments",
    [
        {"run_ids": ["no-such-run"]}, {"run_ids": []}, {"run_ids": ["alive"], "until": "finished"},
        {"run_ids": ["alive"], "wait_s": 60}, {"run_ids": ["alive"], "since": "yesterday"},
        {"run_ids": ["alive"], "since": "2999-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(arguments, runs, ask, snapshot_error):
    snapshot_error(ask(runs[0], "check_run", **arguments))


def test_more_runs_than_one_call_checks_are_refused(empty_store, ask):
    raw_runs = [raw_store.RawRun(raw_store.run_id(at)) for at in range(101)]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, raw_runs)

    answer = ask(empty_store, "check_run", run_ids=[run.id for run in raw_runs])

    assert answer.is_error
    assert answer.text == "These are 101 runs; one call checks 100. Name fewer."


def test_values_that_were_no_numbers_for_a_while_are_told(empty_store, ask):
    curve = losses(60)
    curve[37] = curve[38] = NAN
    with training(empty_store) as add:
        run_id = add(Training("recovered", {"train_loss": curve}, status="FINISHED"))

    (check,) = data_of(ask(empty_store, "check_run", run_ids=[run_id]))["runs"]

    assert check["state"] == "finished"
    assert "train_loss: 2 values of NaN at steps 37 to 38, numbers again since" in check["evidence"]


def test_the_time_of_the_last_point_stands_beside_its_age(empty_store, ask):
    with training(empty_store) as add:
        gone = add(Training("gone", {"loss": losses(50)}, ago=5 * HOUR))
        alive = add(Training("alive", {"loss": losses(50)}))

    found = {run["run"]: run for run in data_of(ask(empty_store, "check_run", run_ids=[gone, alive]))["runs"]}

    assert found["gone"]["evidence"] == ["MLflow says RUNNING; last point 5 h ago, usual gap 10 s"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["gone"]["last_point"])
    assert "last_point" not in found["alive"]
