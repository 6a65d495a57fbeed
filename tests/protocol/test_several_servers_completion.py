"""Completion and the list of resources with several servers: what is not named is looked for on all, and says where it is."""

from __future__ import annotations

import anyio
import pytest
from mcp import Client
from mcp.types import PromptReference
from mlflow import MlflowClient

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support.servers import refused_uri, stalling_server
from tests.support.stores import copied

ON_BOTH = "71f3f3199ea5e1f0"
ON_DEV = "dede5eed5eed5eed"


@pytest.fixture(scope="module")
def dev(sqlite_template, tmp_path_factory):
    """A copy of the seeded store with one evaluation that only it has; the address, and the id of its run."""
    uri = copied(sqlite_template.uri, tmp_path_factory.mktemp("dev") / "dev.db")
    client = MlflowClient(uri)
    tags = {"invocation_id": ON_DEV, "job_id": f"{ON_DEV}.0", "task_name": "only_dev_task"}
    run = client.create_run(client.create_experiment("only-dev"), run_name="newest on dev", tags=tags)
    client.log_metric(run.info.run_id, "only_dev_score", 0.5)
    return uri, run.info.run_id


@pytest.fixture
def settings(sqlite_template, dev):
    return Settings(servers=f"prod={sqlite_template.uri},dev={dev[0]}")


def completed(settings, *asked):
    """The values for each argument, text and what is given before it."""

    async def ask():
        async with Client(build_server(settings)) as client:
            await client.call_tool("search_experiments", {})  # mlflow is imported by then
            return [
                (
                    await client.complete(
                        PromptReference(name="compare_invocations"), {"name": name, "value": text}, given
                    )
                ).completion.values
                for name, text, given in asked
            ]

    return anyio.run(ask)


def listed(settings):
    async def ask():
        async with Client(build_server(settings)) as client:
            await client.call_tool("search_experiments", {})
            return {each.uri: each.name for each in (await client.list_resources()).resources}

    return anyio.run(ask)


def test_ids_of_all_servers_are_completed_those_of_the_default_one_first(settings):
    both, only, tasks = completed(settings, ("baseline", "71f3", None), ("baseline", "dede", None), ("task", "", None))

    assert both == [ON_BOTH, f"dev:{ON_BOTH}"]
    assert only == [f"dev:{ON_DEV}"]
    assert "only_dev_task" in tasks, "a task is a word of a filter, and has no server's name before it"


def test_what_is_given_already_says_which_server_is_meant(settings):
    here, there, metrics, versions = completed(
        settings,
        ("metric", "only_dev", {"experiment": "sweeps"}),
        ("candidate", "", {"baseline": f"dev:{ON_BOTH}"}),
        ("metric", "only_dev", {"experiment": "dev:only-dev"}),
        ("version", "", {"name": "dev:support-assistant"}),
    )

    assert here == []
    assert there[0] == f"dev:{ON_DEV}"
    assert all(value.startswith("dev:") for value in there)
    assert metrics == ["only_dev_score"]
    assert versions
    assert not any(":" in version for version in versions)


def test_recent_runs_of_all_servers_are_listed(settings, dev):
    names = listed(settings)

    assert names[f"mlflow://runs/dev:{dev[1]}"].startswith("dev:newest on dev (only-dev, ")
    assert "mlflow://experiments/5" in names
    assert "dev:only-dev" in names.values()
    assert sum(uri.startswith("mlflow://runs/") for uri in names) == 20


@pytest.mark.slow
@pytest.mark.parametrize("server", [refused_uri, stalling_server])
def test_a_server_that_does_not_answer_costs_the_others_nothing(server, sqlite_template):
    with server() as uri:
        settings = Settings(servers=f"prod={sqlite_template.uri},gone={uri}", probe_timeout=0.5)
        (found,) = completed(settings, ("baseline", "71f3", None))
        names = listed(settings)

    assert found == [ON_BOTH]
    assert sum(uri.startswith("mlflow://runs/") for uri in names) == 10
    assert not any("gone:" in uri for uri in names)


@pytest.mark.slow
def test_the_default_server_may_be_the_one_that_does_not_answer(sqlite_template):
    with refused_uri() as uri:
        settings = Settings(servers=f"gone={uri},dev={sqlite_template.uri}")
        (found,) = completed(settings, ("baseline", "71f3", None))

    assert found == [f"dev:{ON_BOTH}"]
