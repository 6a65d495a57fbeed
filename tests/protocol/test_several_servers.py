"""Several MLflow servers in one mlflow-mcp: a call goes to the server that its ids name, and its answer says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mlflow import MlflowClient

from mlflow_mcp.server.app import build_server
from mlflow_mcp.server.call.chosen import IDS, IDS_OF_TOOL, SPANNING
from mlflow_mcp.settings import Settings
from tests.protocol.test_contract import TOOLS
from tests.support.asking import Ask, data_of, problem_of, rows_of
from tests.support.servers import refused_uri, stalling_server
from tests.support.stores import copied

INVOCATION = "71f3f3199ea5e1f0"


@pytest.fixture(scope="module")
def dev_uri(sqlite_template, tmp_path_factory):
    """A copy of the seeded store with one run that only it has; and one whose id both have."""
    uri = copied(sqlite_template.uri, tmp_path_factory.mktemp("dev") / "dev.db")
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("only-dev"), run_name="only on dev: a name", tags={"a": "b"})
    client.log_metric(run.info.run_id, "acc", 0.5)
    client.set_terminated(run.info.run_id)
    return uri


@pytest.fixture(scope="module")
def only_dev(dev_uri):
    client = MlflowClient(dev_uri)
    experiment = client.get_experiment_by_name("only-dev")
    return client.search_runs([experiment.experiment_id])[0].info.run_id


@pytest.fixture
def settings(sqlite_template, dev_uri, tmp_path):
    return Settings(
        servers=f"prod={sqlite_template.uri},dev={dev_uri}", download_dir=str(tmp_path / "files"), audit_file=None
    )


@pytest.fixture
def ask(ask_many, settings) -> Iterator[Ask]:
    with ask_many(settings) as asked:
        yield asked


# --- one server a call


def test_an_id_without_a_name_is_of_the_default_server(ask, only_dev):
    assert "server" not in data_of(ask("get_invocation", invocation_id="71f3f3"))
    assert f"'{only_dev}'" in problem_of(ask("get_run", run_id=only_dev))


def test_the_name_before_an_id_picks_the_server_and_stands_in_the_answer(ask, only_dev):
    answer = data_of(ask("get_run", run_id=f"dev:{only_dev[:8]}"))

    assert list(answer)[:2] == ["server", "run_id"]
    assert (answer["server"], answer["run_id"]) == ("dev", f"dev:{only_dev}")
    assert answer["name"] == "only on dev: a name"
    assert answer["tags"] == {"a": "b"}


def test_the_ids_of_an_answer_are_those_of_the_next_call(ask):
    answer = data_of(ask("get_invocation", invocation_id="dev:71f3f3"))
    rows = rows_of(answer["tasks"])

    assert answer["invocation_id"] == f"dev:{INVOCATION}"
    assert all(row["run_id"].startswith("dev:") for row in rows)
    assert data_of(ask("get_run", run_id=rows[0]["run_id"]))["run_id"] == rows[0]["run_id"]
    assert data_of(ask("get_run", run_id=rows[0]["job_id"]))["run_id"] == rows[0]["run_id"]
    assert data_of(ask("list_artifacts", run_id=rows[0]["run_id"]))["server"] == "dev"
    assert data_of(ask("get_artifact_content", run_id=rows[0]["run_id"], artifact_path="config.yml"))


def test_a_parents_next_call_asks_the_parents_server(ask):
    parent = data_of(ask("get_run", run_id="dev:lr-batch-optimizer-grid"))
    assert f"'dev:{parent['run_id'].removeprefix('dev:')}'" in parent["children"]["next"]
    query = f"tags.`mlflow.parentRunId` = '{parent['run_id']}'"

    found = data_of(ask("query_runs", query=query))

    assert found["server"] == "dev"
    assert len(rows_of(found["runs"])) == parent["children"]["count"]


def test_a_servers_name_alone_means_all_that_it_has(ask):
    assert data_of(ask("query_runs", experiment_id="dev:", query="tags.a = 'b'"))["server"] == "dev"
    assert data_of(ask("query_runs", experiment_id=["dev:"], query="tags.a = 'b'"))["server"] == "dev"
    found = rows_of(data_of(ask("search_experiments", name="dev:"))["experiments"])
    assert "only-dev" in [row["name"] for row in found]
    assert all(row["experiment_id"].startswith("dev:") for row in found)
    one = rows_of(data_of(ask("search_experiments", name="dev:only"))["experiments"])
    assert [row["name"] for row in one] == ["only-dev"]


def test_names_with_a_colon_are_names(ask, only_dev):
    assert data_of(ask("get_run", run_id="dev:only on dev: a name"))["run_id"] == f"dev:{only_dev}"
    assert "'only on dev: a name'" in problem_of(ask("get_run", run_id="only on dev: a name"))


def test_what_people_logged_is_left_as_it_is(ask, dev_uri):
    client = MlflowClient(dev_uri)
    digest = "0123456789abcdef0123456789abcdef"
    run = client.create_run("0", run_name="digests", tags={"run_id": digest, "notes": f"see {digest}"})
    client.log_param(run.info.run_id, "model_id", digest)
    client.log_text(run.info.run_id, f"run_id: {digest}\nmodel='x'\n", "a.yaml")

    answer = data_of(ask("get_run", run_id=f"dev:{run.info.run_id}"))
    content = ask("get_artifact_content", run_id=f"dev:{run.info.run_id}", artifact_path="a.yaml").text

    assert answer["params"] == {"model_id": digest}
    assert answer["tags"] == {"run_id": digest, "notes": f"see {digest}"}
    assert f"dev:{digest}" not in content


def test_servers_that_do_not_go_together_are_refused(ask, only_dev, snapshot_error):
    snapshot_error(ask("get_metric_history", run_ids=["x", f"dev:{only_dev}"], metrics=["acc"]))
    snapshot_error(ask("get_invocation", invocation_id="71f3f3", experiment_id="dev:only-dev"))


def test_what_is_not_on_one_server_may_be_on_another(ask, snapshot_error):
    snapshot_error(ask("get_run", run_id="nothing-at-all"))
    snapshot_error(ask("get_run", run_id="dev:nothing-at-all"))
    snapshot_error(ask("get_run", run_id="deb:nothing-at-all"))
    snapshot_error(ask("query_runs", experiment_id="dev:no-such-experiment"))


def test_resources_and_completion_take_the_name_too(settings, only_dev):
    async def read() -> tuple[str, list[str], list[str]]:
        async with Client(build_server(settings)) as client:
            run = await client.read_resource(f"mlflow://runs/dev:{only_dev}")
            reference = {"type": "ref/resource", "uri": "mlflow://experiments/{experiment_id}"}
            named = await client.complete(reference, {"name": "experiment_id", "value": "dev:only"})
            plain = await client.complete(reference, {"name": "experiment_id", "value": "only"})
            return run.contents[0].text, named.completion.values, plain.completion.values

    text, named, plain = anyio.run(read)

    assert f'"run_id":"dev:{only_dev}"' in text
    assert named == ["dev:only-dev"]
    assert plain == ["dev:only-dev"]


def test_the_name_of_a_server_is_no_id(ask):
    for tool, arguments in (
        ("get_run", {"run_id": "dev:"}),
        ("get_metric_history", {"run_ids": ["dev:"], "metrics": ["acc"]}),
        ("check_run", {"run_ids": ["dev:"]}),
        ("describe_experiment", {"experiment_id": "dev:"}),
    ):
        assert "names a server, and nothing on it" in problem_of(ask(tool, **arguments))
    assert data_of(ask("check_run", run_ids=["dev:running"]))["server"] == "dev"


# --- several servers a call


def test_the_state_of_every_server_is_told(ask):
    found = data_of(ask("get_server_info"))

    assert [(each["name"], each["state"]) for each in found["servers"]] == [("prod", "answers"), ("dev", "answers")]
    assert found["servers"][0]["default"] is True
    assert found["servers"][1]["experiments"] == found["experiments"] + 1
    assert data_of(ask("get_server_info"))["tracking_uri"] == found["servers"][0]["tracking_uri"]


def test_an_id_is_looked_for_on_all_servers(ask, only_dev):
    both = data_of(ask("resolve_id", id="71f3f3"))
    one = data_of(ask("resolve_id", id=only_dev[:10]))
    named = data_of(ask("resolve_id", id=f"dev:{only_dev[:10]}"))

    assert [each["id"] for each in both["found"]] == [INVOCATION, f"dev:{INVOCATION}"]
    assert both["found"][1]["next"] == f"get_invocation(invocation_id='dev:{INVOCATION}')"
    assert both["notes"] == ["Found on prod (1 thing), dev (1 thing, ids begin with 'dev:')."]
    assert [each["id"] for each in one["found"]] == [f"dev:{only_dev}"]
    assert one["notes"] == ["Found on dev (1 thing, ids begin with 'dev:'). Not on prod."]
    assert [each["id"] for each in named["found"]] == [f"dev:{only_dev}"]


def test_nothing_found_on_any_server_names_them(ask, snapshot_error):
    snapshot_error(ask("resolve_id", id="ffffffffffffffff"))


def test_runs_of_two_servers_are_compared(ask, only_dev):
    across = data_of(ask("compare_runs", run_ids=["0c94be", "dev:71f3f3"]))
    alone = data_of(ask("compare_runs", run_ids=["0c94be", "71f3f3"]))

    assert across["verdicts"] == alone["verdicts"]
    assert [row["experiment"] for row in rows_of(across["sides"])] == ["ben/qwen2.5-7b", "dev:ana/llama-3.1-8b"]


def test_the_same_job_on_two_servers_is_told_to_be_one(ask):
    found = data_of(ask("compare_runs", run_ids=[f"{INVOCATION}.0", f"dev:{INVOCATION}.0"]))

    assert "copies of one job" in str(found["notes"])


def test_pooled_repeats_may_be_of_both_servers(ask):
    trials = [f"dev:trial-0{n}" for n in (1, 2)]
    found = data_of(ask("compare_runs", run_ids=["+".join(trials), "trial-03"]))

    assert len(rows_of(found["sides"])) == 2


def test_files_of_two_servers_are_compared(ask):
    found = data_of(
        ask("diff_artifacts", run_ids=[f"{INVOCATION}.0", f"dev:{INVOCATION}.0"], artifact_path="config.yml")
    )

    assert found["identical"] is True
    assert "(dev:" in found["sides"]["B"]


def test_runs_of_two_servers_are_exported_with_their_server(ask, settings, only_dev):
    data_of(ask("export_runs", run_ids=[f"{INVOCATION}.0", f"dev:{only_dev}"], path="both.csv"))
    lines = (Path(settings.download_dir) / "both.csv").read_text().splitlines()

    assert lines[2].startswith(f"dev:{only_dev},only on dev: a name,dev:")
    assert ",dev:only-dev," in lines[2]


def test_runs_like_one_of_another_server_are_found(ask):
    job = f"{INVOCATION}.0"
    here = data_of(ask("find_similar_runs", run_id=job))
    there = data_of(ask("find_similar_runs", run_id=job, experiment_id="dev:"))

    assert all(row["run_id"].startswith("dev:") for row in rows_of(there["runs"]))
    # There the run itself and its copies are runs like it; here they are left out.
    assert len(rows_of(there["runs"])) >= len(rows_of(here["runs"]))


def test_samples_without_files_are_told_for_both_sides(ask):
    told = problem_of(ask("compare_samples", run_ids=[f"{INVOCATION}.0", f"dev:{INVOCATION}.0"]))

    assert told.startswith("No scores of single samples were found")


# --- servers that do not answer


@pytest.mark.slow
@pytest.mark.parametrize("broken", [refused_uri, stalling_server])
def test_a_dead_server_is_not_searched_and_the_others_are(broken, store, ask_many):
    with broken() as uri:
        settings = Settings(servers=f"prod={store.uri},dead={uri}", probe_timeout=1)
        with ask_many(settings) as ask:
            found = data_of(ask("resolve_id", id="71f3f3"))
            nothing = problem_of(ask("resolve_id", id="ffffffffffffffff"))
            states = data_of(ask("get_server_info"))["servers"]
            named = problem_of(ask("get_run", run_id="dead:71f3f3"))

    assert [each["id"] for each in found["found"]] == [INVOCATION]
    assert found["notes"][0].startswith(f"Not searched: dead. The MLflow server at {uri} ")
    assert nothing.startswith("Whether 'ffffffffffffffff' exists is not known. On prod: none. Not searched: dead.")
    assert states[0]["state"] == "answers"
    assert states[1]["state"].startswith("not usable: The MLflow server at")
    assert named.startswith(f"On server dead: The MLflow server at {uri} ")
    assert "MLFLOW_TRACKING_URI" not in named + nothing + str(states)


@pytest.mark.slow
def test_a_dead_default_server_does_not_hide_the_others(store, ask_many):
    with stalling_server() as uri:
        settings = Settings(servers=f"dead={uri},good={store.uri}", probe_timeout=1)
        with ask_many(settings) as ask:
            found = data_of(ask("resolve_id", id="71f3f3"))
            info = problem_of(ask("get_server_info"))
            compared = problem_of(ask("compare_runs", run_ids=["71f3f3", "good:71f3f3"]))

    assert [each["id"] for each in found["found"]] == [f"good:{INVOCATION}"]
    assert info.startswith("dead, the default server: The MLflow server at")
    assert info.endswith("Of the others, good: answers")
    assert "accepts connections but does not answer" in compared


# --- the definitions


def test_every_argument_that_takes_an_id_is_known_as_one():
    """A new argument of such a name would otherwise take no server's name."""
    for name, tool in TOOLS.items():
        ids = {
            each for each in tool.input_schema["properties"] if each in ("id", "ids") or each.endswith(("_id", "_ids"))
        }
        assert ids <= IDS | set(IDS_OF_TOOL.get(name, ())), name
    assert TOOLS.keys() >= SPANNING


def test_without_named_servers_nothing_is_said_of_them(store):
    alone = build_server(Settings(tracking_uri=store.uri))
    one = build_server(Settings(servers=f"prod={store.uri}"))

    assert alone.instructions == one.instructions
    assert "servers" not in (alone.instructions or "")
    assert anyio.run(alone.list_tools) == anyio.run(one.list_tools)


def test_several_servers_change_the_instructions_and_no_argument(settings, store):
    alone, several = build_server(Settings(tracking_uri=store.uri)), build_server(settings)
    before = {tool.name: (tool.description, tool.input_schema) for tool in anyio.run(alone.list_tools)}
    after = {tool.name: (tool.description, tool.input_schema) for tool in anyio.run(several.list_tools)}

    assert before == after
    assert "There are 2 MLflow servers: prod (the default) and dev." in (several.instructions or "")
    assert len(several.instructions or "") < 2_048


# --- names that begin with the name of another server


def test_a_name_that_begins_with_another_servers_name_is_found_on_the_default_one(
    sqlite_store, dev_uri, only_dev, ask_many
):
    client = MlflowClient(sqlite_store.uri)
    run = client.create_run("0", run_name="dev:named")
    client.log_metric(run.info.run_id, "acc", 0.25)
    client.set_terminated(run.info.run_id)
    with ask_many(Settings(servers=f"prod={sqlite_store.uri},dev={dev_uri}")) as ask:
        alone = data_of(ask("get_run", run_id="prod:dev:named"))
        across = data_of(ask("compare_runs", run_ids=["prod:dev:named", f"dev:{only_dev}"]))
        of_one = problem_of(ask("compare_runs", run_ids=["prod:dev:named", f"prod:{run.info.run_id}"]))
        elsewhere = problem_of(ask("compare_runs", run_ids=["dev:named", "prod:dev:named"]))

    assert alone["run_id"] == run.info.run_id
    assert [row["run_id"] for row in rows_of(across["sides"])] == [run.info.run_id, f"dev:{only_dev}"]
    assert of_one.startswith(f"'dev:named' and '{run.info.run_id}' are the same.")
    assert elsewhere.startswith("No run, active or deleted, has the id, name or job id 'named'.")
