"""Two runs of one key: what MLflow cannot keep from happening is found and told."""

from __future__ import annotations

import threading

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.asking import data_of, problem_of
from tests.support.servers import cut, fail, faulty_proxy

KEY = "mlflow_mcp.key"
LESSER, GREATER = "0" * 32, "f" * 32


def allowing(uri, folder):
    return Settings(tracking_uri=uri, allow_write=("log",), download_dir=str(folder))


def with_a_rival(uri, run_id, key, filled=False):
    """In the moment in which a run of this key is made, the database makes another, as another process would."""
    with raw_store.opened(uri) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(runs)")]
        others = ", ".join(name for name in columns if name != "run_uuid")
        param = f"INSERT INTO params (key, value, run_uuid) VALUES ('a', '1', '{run_id}');" if filled else ""
        db.execute(
            f"""CREATE TRIGGER rival AFTER INSERT ON tags WHEN NEW.key = '{KEY}' AND NEW.run_uuid != '{run_id}'
            BEGIN
              INSERT INTO runs (run_uuid, {others}) SELECT '{run_id}', {others} FROM runs WHERE run_uuid = NEW.run_uuid;
              INSERT INTO tags (key, value, run_uuid) VALUES ('{KEY}', '{key}', '{run_id}'); {param}
            END"""
        )


def runs_of(uri, key):
    return {run.info.run_id for run in MlflowClient(uri).search_runs(["0"], f"tags.`{KEY}` = '{key}'")}


@pytest.mark.parametrize(("rival", "filled"), [(LESSER, False), (GREATER, True)], ids=["lesser id", "something in it"])
def test_a_run_gives_way_to_another_that_was_made_at_the_same_time(empty_store, tmp_path, ask, rival, filled):
    with_a_rival(empty_store, rival, "k", filled)

    text = problem_of(ask(allowing(empty_store, tmp_path), "log_run", experiment_id="0", key="k", params=["b=2"]))

    assert text.startswith("This was not written: run 'k' with the key 'k' begun in experiment 'Default'.")
    assert f"Another call began run {rival} with the key 'k' at the same time." in text
    assert "Call again: it adds what is missing there." in text
    assert runs_of(empty_store, "k") == {rival}

    again = data_of(ask(allowing(empty_store, tmp_path), "log_run", experiment_id="0", key="k", params=["b=2"]))

    assert again["run_id"] == rival
    assert MlflowClient(empty_store).get_run(rival).data.params["b"] == "2"


def test_where_both_stay_the_answer_names_the_other(empty_store, tmp_path, ask):
    with_a_rival(empty_store, GREATER, "k")

    answer = data_of(ask(allowing(empty_store, tmp_path), "log_run", experiment_id="0", key="k"))

    assert runs_of(empty_store, "k") == {answer["run_id"], GREATER}
    assert any(GREATER in note and "at the same time" in note for note in answer["notes"])


def test_a_beginning_that_could_not_be_looked_up_is_not_known_and_completed_by_the_same_call(http_home, tmp_path, ask):
    call = {"experiment_id": "0", "key": "lost and blind", "params": ["a=1"]}
    # The fourth search is the one that looks for the run; a read is tried twice.
    with faulty_proxy(http_home.uri, cut("runs/create$", after=0), fail(503, "runs/search$", 4, 5)) as proxy:
        text = problem_of(ask(allowing(proxy.uri, tmp_path), "log_run", **call))
    begun = runs_of(http_home.uri, "lost and blind")

    assert text.startswith(
        "Whether this was written is not known: run 'lost and blind' with the key 'lost and blind' begun"
    )
    assert text.endswith(
        "Call log_run again with the key 'lost and blind': it looks first, and adds only what is missing."
    )
    assert len(begun) == 1
    completed = data_of(ask(allowing(http_home.uri, tmp_path), "log_run", **call))
    assert {completed["run_id"]} == begun
    assert MlflowClient(http_home.uri).get_run(completed["run_id"]).info.status == "FINISHED"


def test_a_file_that_changes_during_the_call_is_not_sent(http_home, tmp_path, ask):
    """It grows while the run is begun."""
    (tmp_path / "log.txt").write_text("one")
    stop = threading.Event()

    def grow():
        while not stop.is_set():
            with (tmp_path / "log.txt").open("a") as file:
                file.write("more")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        answer = ask(allowing(http_home.uri, tmp_path), "log_run", experiment_id="0", key="grows", files=["log.txt"])
    finally:
        stop.set()
        thread.join()

    assert "The file 'log.txt' changed during this call." in problem_of(answer)
