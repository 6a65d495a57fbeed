"""find_similar_runs: duplicates and near runs among thousands, by what their params tell."""

from __future__ import annotations

import random

import pytest

from mlflow_mcp.answers.budget import content_of
from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.runs.find_similar_runs import find_similar_runs
from tests.recorded.store import catalogue, local_store
from tests.support import raw_store
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import forked_mlflow_server
from tests.support.stores import artifacts_of, copied, copied_to_be_served, filled

PARAMS = {
    "model": "nova",
    "optimizer": "adam",
    "lr": "0.00001",
    "batch_size": "32",
    "dropout": "0.1",
    "use_amp": "True",
    "warmup": "500",
    "layers": "24",
}
NOISE = {"seed": "1", "output_dir": "/scratch/a", "start_time": "2026-01-01", "run_uuid": "abc12345"}


def rows(answer):
    return rows_of(data_of(answer)["runs"])


@pytest.fixture
def similar(empty_store, ask):
    """The answer for run 1 of these runs, the params of each; `given` are further arguments."""

    def answered(*runs, **given):
        made = [RawRun(run_id(at), name=f"run{at}", params=params) for at, params in enumerate(runs, 1)]
        return ask(filled(empty_store, made), "find_similar_runs", **{"run_id": run_id(1), **given})

    return answered


def test_a_duplicate_is_the_same_however_its_values_are_written(similar):
    written = {**PARAMS, "lr": "1e-5", "use_amp": "true", "batch_size": "32.0", "weight_decay": "None"}
    answer = similar(
        {**PARAMS, **NOISE}, {**written, "seed": "2", "output_dir": "/scratch/b"}, {**PARAMS, "lr": "2e-5"}
    )

    same, near = rows(answer)
    assert (same["run_id"], same["match"], same["distance"]) == (run_id(2), "same params (8 compared)", 0)
    assert same["ignored_but_differ"] == "seed, output_dir"
    assert (near["match"], near["differs"]) == ("7 of 8 equal", {"lr": ["1e-05", "2e-05"]})
    assert (
        data_of(answer)["summary"] == f"2 of 3 runs compared with 8 params of run {run_id(1)}: 1 has the same params."
    )


def test_a_key_that_only_the_other_run_has_counts(similar):
    answer = similar(PARAMS, {**PARAMS, "lora_rank": "8"})

    (near,) = rows(answer)
    assert near["match"] == "8 of 9 equal"
    assert near["differs"] == {"lora_rank": [None, "8"]}


@pytest.mark.parametrize(
    "left_out",
    [
        {"seed": "2"}, {"data_seed": "2"}, {"random_state": "2"}, {"output_dir": "b"}, {"logDir": "b"}, {"timestamp": "5"},
        {"hostname": "b"}, {"args.run_id": "b"}, {"created": "2026-02-03 10:11:12"}, {"data_path": "/mnt/b"}, {"hash": "9f8e7d6c"},
        {"PYTHONHASHSEED": "2"}, {"judge.api_key": "b"}, {"tracking.url": "https://b"}, {"data": "s3://b/c"}, {"model_path": "/mnt/b/nova-8b"},
    ],
    ids=str,
)  # fmt: skip
def test_what_names_a_place_a_seed_a_time_or_an_id_is_left_out(left_out, similar):
    other = {name: value.replace("b", "a").replace("2", "1") for name, value in left_out.items()}
    if "model_path" in left_out:
        other = {"model_path": "/other/nova-8b"}  # the same model in another place

    (row,) = rows(similar({**PARAMS, **left_out}, {**PARAMS, **other}))

    assert row["match"].startswith("same params (")


@pytest.mark.parametrize(
    "compared",
    [{"drop_path": "0.2"}, {"lora_rank": "8"}, {"num_files": "8"}, {"model_path": "/mnt/a/nova-70b"}, {"dataset": "acme/v2"},
     {"max_time": "60"}, {"profile": "b"}, {"model_id": "nova-70b"},
     {"dataset_version": "20260801"}, {"model.path": "/mnt/a/nova-70b"}, {"betas": "[0.8, 0.9]"}],
    ids=str,
)  # fmt: skip
def test_a_setting_whose_name_only_sounds_so_is_compared(compared, similar):
    other = {
        name: value.replace("8", "4").replace("2", "1").replace("70", "7").replace("60", "50").replace("b", "c")
        for name, value in compared.items()
    }

    (row,) = rows(similar({**PARAMS, **compared}, {**PARAMS, **other}))

    assert row["match"] == "8 of 9 equal"
    assert list(row["differs"]) == list(compared)


def test_ignore_adds_names_and_an_empty_list_ignores_nothing(similar, empty_store, ask):
    runs = [{**PARAMS, "seed": "1"}, {**PARAMS, "seed": "2", "lr": "0.1"}]
    answer = similar(*runs, ignore=["l*"])

    assert rows(answer)[0]["match"] == "same params (6 compared)"
    assert data_of(answer)["ignored"].endswith(": layers, lr, seed. ignore=[] compares them.")
    (row,) = rows(ask(empty_store, "find_similar_runs", run_id=run_id(1), ignore=[]))
    assert (row["match"], set(row["differs"])) == ("7 of 9 equal", {"seed", "lr"})


def test_more_duplicates_than_are_compared_are_counted_as_at_least(similar, empty_store, ask):
    answer = similar(*[PARAMS] * 70, limit=1)

    assert data_of(answer)["summary"].endswith(": at least 60 have the same params.")
    assert "9 more runs as near by the keys of this run; only 60 were compared by all keys." in answer.data["notes"]
    given = ask(empty_store, "find_similar_runs", params={"lr": "1e-5", "layers": 24}, limit=1)
    assert data_of(given)["summary"] == "70 of 70 runs compared with 2 params given: 70 have the same params."


def test_a_near_number_is_nearer_than_a_far_one(similar):
    answer = similar(
        {**PARAMS, "lr": "0.01"}, {**PARAMS, "lr": "1"}, {**PARAMS, "lr": "0.012"}, {**PARAMS, "lr": "-0.01"}
    )

    assert rows(answer)[0]["run_id"] == run_id(3)


def test_a_rare_value_tells_more_than_a_common_one(similar):
    """All but two runs have layers=24: sharing the rare 7 layers tells more than sharing the common optimizer."""
    reference = {"optimizer": "adam", "layers": "7", "lr": "0.1"}
    shares_rare = {"optimizer": "sgd", "layers": "7", "lr": "0.1"}
    shares_common = {"optimizer": "adam", "layers": "24", "lr": "0.1"}
    others = [{"optimizer": "adam" if at % 2 else "sgd", "layers": "24", "lr": "0.1"} for at in range(20)]
    answer = similar(reference, shares_rare, shares_common, *others)

    assert rows(answer)[0]["run_id"] == run_id(2)


def test_runs_with_little_in_common_are_not_called_similar(similar):
    answer = similar(PARAMS, {"model": "nova", "x": "1"}, {})

    assert rows(answer) == []
    assert data_of(answer)["summary"].endswith("none has the same params; nothing is near.")
    assert (
        "2 runs with fewer than half of the 8 params that are compared: too little in common, left out."
        in answer.data["notes"]
    )


def test_params_that_are_given_are_looked_for(similar, empty_store, ask):
    runs = [{**PARAMS, "seed": str(at), "lr": str(at / 100)} for at in range(1, 5)]
    answer = similar(*runs, run_id=None, params={"lr": 0.02, "use_amp": True, "params.seed": 2})

    assert (rows(answer)[0]["run_id"], rows(answer)[0]["match"]) == (run_id(2), "same params (3 compared)")
    listed = ask(empty_store, "find_similar_runs", params=["lr=2e-2", "use_amp=true", "seed=2", "decay=None"])
    assert rows(listed) == rows(answer)
    assert listed.data["notes"] == ["Given without a value, and not compared: 'decay'."]


def test_a_name_that_no_run_has_gets_the_nearest(similar, empty_store, ask, snapshot_error):
    answer = similar(PARAMS, PARAMS, run_id=None, params={"batchsize": 32, "lr": "1e-05"})

    assert answer.data["notes"][0].startswith("No run read has a param 'batchsize'. Nearest: 'batch_size'.")
    snapshot_error(ask(empty_store, "find_similar_runs", params={"batchsize": 32}))


def test_neither_or_both_of_run_and_params_are_refused(store, ask, snapshot_error):
    snapshot_error(ask(store.uri, "find_similar_runs"))
    snapshot_error(ask(store.uri, "find_similar_runs", run_id="a", params={"a": 1}))
    snapshot_error(ask(store.uri, "find_similar_runs", params={}))


def test_a_run_without_params_to_compare_says_so(similar, empty_store, ask, snapshot_error):
    snapshot_error(similar({"seed": "1"}, PARAMS), "only a seed")
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(9), name="bare")])
    snapshot_error(ask(empty_store, "find_similar_runs", run_id=run_id(9)))


def test_the_answer_of_a_sweep_is_reviewed(both_stores, ask, snapshot):
    trial = next(run for name, run in both_stores.seeded.runs.items() if name.startswith("trial-"))

    snapshot("find_similar_runs.sweep", ask(both_stores.uri, "find_similar_runs", run_id=trial, limit=4))


# --- thousands of runs


CHOICES = {
    "model": ["nova", "luna", "sol"], "optimizer": ["adam", "sgd", "lion"], "lr": ["1e-05", "3e-05", "0.0001", "0.0003", "0.001"],
    "batch_size": ["16", "32", "64", "128"], "dropout": ["0", "0.1", "0.2"], "layers": ["12", "24", "36"], "warmup": ["0", "100", "500"],
    "scheduler": ["cosine", "linear"], "weight_decay": ["0", "0.01", "0.1"], "tokenizer": ["bpe", "unigram"],
}  # fmt: skip


def sweep(count: int, seed: int = 7) -> list[RawRun]:
    draw = random.Random(seed)
    return [
        RawRun(
            run_id(at),
            name=f"run{at}",
            start_time=raw_store.STARTED + at,
            params={
                **{name: draw.choice(values) for name, values in CHOICES.items()},
                "seed": str(draw.randrange(10**6)),
                "output_dir": f"/scratch/{at}",
                "git": f"{draw.randrange(16**12):012x}a1",
            },
        )
        for at in range(1, count + 1)
    ]


@pytest.fixture(scope="module")
def thousands(empty_template, tmp_path_factory, conversations):
    """5,000 runs of a sweep; 8 of them have 3 duplicates and 5 runs each that differ in one param, all planted."""
    folder = tmp_path_factory.mktemp("thousands")
    uri = copied(empty_template, folder / "mlflow.db")
    runs, planted, draw, at = sweep(5_000), {}, random.Random(3), 5_000
    for target in draw.sample(runs, 8):
        truth = {"same": set(), "near": set()}
        for kind, count in (("same", 3), ("near", 5)):
            for name in draw.sample(list(CHOICES), count):
                at += 1
                params = {**target.params, "seed": str(at), "output_dir": f"/scratch/{at}", "git": f"{at:08x}c3"}
                if kind == "near":
                    params[name] = next(value for value in CHOICES[name] if value != params[name])
                elif params["lr"] == "1e-05":
                    params["lr"] = "0.00001"
                runs.append(RawRun(run_id(at), name=f"run{at}", start_time=raw_store.STARTED + at, params=params))
                truth[kind].add(run_id(at))
        planted[target.id] = truth
    with raw_store.opened(uri) as db:
        raw_store.add_runs(db, runs)
    conversations.share(uri)
    return uri, runs, planted


def differing(one, other):
    def value(run, name):
        return {"0.00001": "1e-05"}.get(run.params[name], run.params[name])

    return sum(value(one, name) != value(other, name) for name in CHOICES)


@pytest.mark.slow
def test_planted_neighbours_are_found_among_thousands(thousands, ask_many):
    """Every duplicate is found and nothing else is called the same. Of the others shown first nearly all differ in one param,
    the fewest there are; near numbers may outweigh."""
    uri, runs, planted = thousands
    by_id = {run.id: run for run in runs}
    found_near = shown_near = 0
    with ask_many(uri) as ask:
        for target, truth in planted.items():
            truly_same = {run.id for run in runs if run.id != target and not differing(run, by_id[target])}
            answer = rows(ask("find_similar_runs", run_id=target, limit=len(truly_same) + 5))
            same = {row["run_id"] for row in answer if row["match"].startswith("same params (10 ")}
            assert same == truly_same >= truth["same"]
            assert [row["run_id"] in same for row in answer] == sorted(
                (row["run_id"] in same for row in answer), reverse=True
            )
            near = [row["run_id"] for row in answer if row["run_id"] not in same]
            shown_near += len(near)
            found_near += sum(differing(by_id[each], by_id[target]) == 1 for each in near)
    assert shown_near == 40
    assert found_near >= 38, "precision among the five nearest that are no duplicates"


def late_after(uri, runs):
    """A client whose call has a fifth of its time left once so many runs are read."""

    def report(done, total, message):
        if done >= runs and not client.call.is_late:
            client.call.started -= 50

    client = Client(Connection(Settings(tracking_uri=uri)), Call(timeout=60, report=report))
    return client


@pytest.mark.slow
def test_a_call_that_runs_out_of_time_says_of_how_many_runs_it_tells(
    thousands, ask, tmp_path, session_folder, empty_template
):
    uri, _, planted = thousands
    copied_to_be_served(uri, artifacts_of(empty_template), tmp_path)
    target = next(iter(planted))
    with forked_mlflow_server(session_folder, tmp_path) as served:
        whole = data_of(ask(served, "find_similar_runs", run_id=target))
        late = content_of(find_similar_runs(late_after(served, 1_000), run_id=target))

    assert "partial" not in whole
    assert whole["runs"] == data_of(ask(uri, "find_similar_runs", run_id=target))["runs"]
    assert late["partial"] == "compared with 1,000 of 5,064 matching runs: time was up"
    assert next(iter(late)) == "partial"


# --- real exports


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, conversations):
    uri = local_store(tmp_path_factory.mktemp("similar"))
    conversations.share(uri)
    return uri


@pytest.mark.slow
def test_the_nearest_evaluation_is_of_the_same_task_and_model_first(recorded, ask, snapshot):
    candidate, labels = (
        catalogue()["invocations"]["candidate"],
        {run["run_id"]: f"<{run['job_id']}>" for run in catalogue()["runs"]},
    )

    answer = ask(recorded, "find_similar_runs", run_id=f"{candidate['id']}.2")

    found = rows(answer)
    other = [row["match"].endswith("other model") for row in found]
    assert other == sorted(other)
    assert len(answer.text) < 3_300
    assert all(row["differs"]["model"] for row, is_other in zip(found, other) if is_other)
    snapshot(
        "find_similar_runs.evaluation", answer, {**labels, **{run_id[:8]: label for run_id, label in labels.items()}}
    )


@pytest.mark.slow
def test_both_copies_of_a_job_get_the_same_answer_though_one_has_no_params(recorded, ask):
    copies = [
        run["run_id"]
        for run in catalogue()["runs"]
        if run["job_id"] == f"{catalogue()['invocations']['candidate']['id']}.1"
    ]

    found = [rows(ask(recorded, "find_similar_runs", run_id=run_id)) for run_id in copies]

    assert len(copies) == 2
    for one, other in zip(*found):
        assert (one["run_id"], one["match"], one["distance"]) == (other["run_id"], other["match"], other["distance"])
    assert not {row["run_id"] for row in found[0]} & set(copies)


@pytest.mark.slow
def test_tasks_of_an_old_whole_run_are_compared(recorded, ask):
    whole = next(
        run for run in catalogue()["runs"] if run["invocation_id"] == catalogue()["invocations"]["old_whole"]["id"]
    )

    (row,) = rows(ask(recorded, "find_similar_runs", run_id=whole["run_id"]))

    assert row["differs"]["0.name"] == ["lm-evaluation-harness.mmlu_pro", "lm-evaluation-harness.ifeval"]


@pytest.mark.slow
def test_a_model_and_a_task_can_be_given_where_exports_have_no_such_params(recorded, ask):
    found = rows(ask(recorded, "find_similar_runs", params={"model": "nova-30b", "task": "ifeval"}))

    assert found[0]["match"] == "same params (2 compared)"
    assert found[0]["name"] == "eval-b07d51e94c2f8a36-ifeval"
    assert problem_of(ask(recorded, "find_similar_runs", params=["temprature=1"])).startswith("No run read has a param")
