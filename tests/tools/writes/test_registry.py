"""Versions and aliases, after the user was asked: in both protocol eras."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from mcp import Client
from mcp_types import ElicitResult
from mlflow import MlflowClient

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.servers import cut, fail, faulty_proxy, forked_mlflow_server
from tests.support.stores import artifacts_of, copied, copied_to_be_served

ERAS = ["legacy", "auto"]


def allowing(uri, **others):
    return Settings(tracking_uri=uri, allow_write=("registry",), **others)


@pytest.fixture
def models(model_store, tmp_path):
    return replace(model_store, uri=copied(model_store.uri, tmp_path / "models.db"))


@pytest.fixture(scope="module")
def served(model_store, session_folder, tmp_path_factory):
    """The models behind a server that these tests may write to."""
    folder, artifacts = tmp_path_factory.mktemp("own_server"), artifacts_of(model_store.uri)
    copied_to_be_served(model_store.uri, artifacts, folder)
    with forked_mlflow_server(session_folder, folder, artifacts=artifacts) as uri:
        yield replace(model_store, uri=uri)


def user(action, asked=None, meanwhile=None):
    """A person who answers every question so; `meanwhile` happens before the first answer."""

    async def answer(_, params):
        if asked is not None:
            asked.append(params.message)
        if meanwhile is not None and len(asked or ()) == 1:
            await anyio.to_thread.run_sync(meanwhile)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    return {"elicitation_callback": answer}


def aliases(uri, name="intent"):
    return {alias: str(version) for alias, version in MlflowClient(uri).get_registered_model(name).aliases.items()}


@pytest.mark.parametrize("mode", ERAS)
def test_an_alias_moves_after_the_user_agreed(models, ask_many, mode):
    asked = []
    with ask_many(allowing(models.uri), mode=mode, **user("accept", asked)) as ask_on:
        answer = ask_on("set_model_alias", name="intent", alias="champion", version=3)

    assert len(asked) == 1
    assert asked[0].startswith("Move the alias @champion of model 'intent' from version 1 to version 3, on sqlite:")
    assert aliases(models.uri)["champion"] == "3"
    row = rows_of(data_of(answer)["changes"])[-1]
    assert (row["before"], row["after"]) == ("1", "3")
    assert answer.data["undo"] == 'set_model_alias(name="intent", alias="champion", version="1")'
    assert " via " in MlflowClient(models.uri).get_registered_model("intent").tags["mlflow_mcp.by"]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(("action", "said"), [("decline", "declined"), ("cancel", "closed the question")])
def test_without_consent_nothing_is_changed(models, ask_many, mode, action, said):
    before = MlflowClient(models.uri).get_registered_model("intent")
    with ask_many(allowing(models.uri), mode=mode, **user(action)) as ask_on:
        moved = ask_on("set_model_alias", name="intent", alias="champion", version=3)
        made = ask_on("register_model", model=models.models["ckpt-100"], name="new-model", alias="a")

    for answer in (moved, made):
        assert problem_of(answer).startswith(f"The user was asked and {said}. Nothing was changed.")
    after = MlflowClient(models.uri).get_registered_model("intent")
    assert (after.aliases, after.tags) == (before.aliases, before.tags)
    assert "new-model" not in [model.name for model in MlflowClient(models.uri).search_registered_models()]


@pytest.mark.parametrize("mode", ERAS)
def test_a_host_that_cannot_ask_is_refused_unless_the_operator_allowed_it(models, ask_many, mode):
    with ask_many(allowing(models.uri), mode=mode) as ask_on:
        refused = ask_on("set_model_alias", name="intent", alias="champion", version=3)
        dry = ask_on("set_model_alias", name="intent", alias="champion", version=3, dry_run=True)

    assert "this host cannot ask for it. Nothing was changed." in problem_of(refused)
    assert data_of(dry)["outcome"].startswith("dry run")
    assert aliases(models.uri)["champion"] == "1"
    with ask_many(allowing(models.uri, write_without_asking=True), mode=mode) as ask_on:
        data_of(ask_on("set_model_alias", name="intent", alias="champion", version=3))
    assert aliases(models.uri)["champion"] == "3"


def test_a_host_that_can_ask_asks_whatever_the_operator_allowed(models, ask_many):
    with ask_many(allowing(models.uri, write_without_asking=True), **user("decline")) as ask_on:
        problem_of(ask_on("set_model_alias", name="intent", alias="champion", version=3))

    assert aliases(models.uri)["champion"] == "1"


@pytest.mark.parametrize("mode", ERAS)
def test_what_changed_while_the_user_was_asked_is_not_overwritten(models, ask_many, mode):
    asked = []

    def move():
        MlflowClient(models.uri).set_registered_model_alias("intent", "champion", "2")

    with ask_many(allowing(models.uri), mode=mode, **user("accept", asked, move)) as ask_on:
        answer = ask_on("set_model_alias", name="intent", alias="champion", version=3)

    if mode == "legacy":
        assert "changed while they were asked. Nothing was written." in problem_of(answer)
        assert aliases(models.uri)["champion"] == "2"
    else:  # the question is asked again, as it is now
        assert [" from version 1 to " in asked[0], " from version 2 to " in asked[1]] == [True, True]
        assert data_of(answer)["undo"] == 'set_model_alias(name="intent", alias="champion", version="2")'


@pytest.mark.slow
def test_a_person_may_take_longer_than_a_call(models, ask_many):
    asked = []

    def think():
        anyio.run(anyio.sleep, 1.5)

    settings = allowing(models.uri, timeout=1.0)
    with ask_many(settings, mode="legacy", **user("accept", asked, think)) as ask_on:
        ask_on("set_model_alias", name="intent", alias="champion", version=1)  # imports and reads
        answer = ask_on("set_model_alias", name="intent", alias="champion", version=3)

    assert data_of(answer)["outcome"] == "written"


def test_an_answer_of_the_hosts_own_making_is_refused(models):
    """Nobody was asked: the state is not one that this server sealed."""

    async def forge():
        async with Client(build_server(allowing(models.uri)), **user("accept")) as client:
            return await client.session.call_tool(
                "set_model_alias",
                {"name": "intent", "alias": "champion", "version": "3"},
                input_responses={"confirm": ElicitResult(action="accept", content={})},
                allow_input_required=True,
            )

    result = anyio.run(forge)

    assert result.result_type == "input_required"
    assert aliases(models.uri)["champion"] == "1"


def test_an_alias_is_removed_and_the_same_again_asks_nobody(models, ask_many):
    asked = []
    with ask_many(allowing(models.uri), **user("accept", asked)) as ask_on:
        gone = ask_on("set_model_alias", name="intent", alias="challenger")
        same = ask_on("set_model_alias", name="intent", alias="champion", version="1")

    assert aliases(models.uri) == {"champion": "1"}
    assert data_of(gone)["undo"] == 'set_model_alias(name="intent", alias="challenger", version="2")'
    assert data_of(same)["outcome"].startswith("unchanged")
    assert len(asked) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "intend", "alias": "champion", "version": "1"},
        {"name": "intent", "alias": "champion", "version": "99"},
        {"name": "intent", "alias": "v3", "version": "1"},
        {"name": "intent", "alias": "a b!", "version": "1"},
        {"name": "models:/intent/2", "alias": "x", "version": "1"},
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(models, ask_many, snapshot_error, arguments):
    asked = []
    with ask_many(allowing(models.uri), **user("accept", asked)) as ask_on:
        snapshot_error(ask_on("set_model_alias", **arguments))

    assert not asked


# --- versions


@pytest.mark.parametrize("mode", ERAS)
def test_a_model_is_registered_once_with_its_alias(models, ask_many, mode):
    model_id, asked = models.models["ckpt-300"], []
    with ask_many(allowing(models.uri), mode=mode, **user("accept", asked)) as ask_on:
        first = ask_on("register_model", model=model_id, name="ranker", alias="champion", note="Best F1 so far.")
        again = ask_on("register_model", model=model_id, name="ranker", alias="champion")

    assert data_of(first)["target"] == "version 1 of model 'ranker'"
    assert data_of(again)["outcome"].startswith("unchanged")
    (version,) = MlflowClient(models.uri).search_model_versions("name = 'ranker'")
    assert model_id in version.source
    assert "Best F1 so far." in version.description
    assert " via " in version.tags["mlflow_mcp.by"]
    assert aliases(models.uri, "ranker") == {"champion": "1"}
    assert len(asked) == 1
    assert asked[0].startswith(
        f"Register {model_id} as a new version of the new registered model 'ranker'. "
        "Set the new alias @champion of model 'ranker' to the new version, on "
    )


def test_what_is_no_whole_model_is_refused(models, ask_many, snapshot_error):
    with ask_many(allowing(models.uri), **user("accept")) as ask_on:
        snapshot_error(ask_on("register_model", model=models.models["broken"], name="x"), "broken")
        snapshot_error(ask_on("register_model", model="intent", name="x"))
        snapshot_error(ask_on("register_model", model=models.models["large"], name="a/b"), "name")


@pytest.mark.slow
def test_a_version_whose_answer_was_lost_is_looked_up_and_not_doubled(served, ask_many):
    with (
        faulty_proxy(served.uri, cut("model-versions/create", after=0)) as proxy,
        ask_many(allowing(proxy.uri), **user("accept")) as ask_on,
    ):
        answer = ask_on("register_model", model=served.models["ckpt-100"], name="lost")

        assert proxy.count("model-versions/create") == 1
    assert any("was lost" in note for note in data_of(answer)["notes"])
    assert len(MlflowClient(served.uri).search_model_versions("name = 'lost'")) == 1


@pytest.mark.slow
def test_a_server_that_refuses_the_alias_leaves_a_whole_version_and_says_so(served, ask_many):
    with (
        faulty_proxy(served.uri, fail(403, "registered-models/alias$")) as proxy,
        ask_many(allowing(proxy.uri), **user("accept")) as ask_on,
    ):
        text = problem_of(ask_on("register_model", model=served.models["ckpt-100"], name="half", alias="a"))

    assert "This was not written: alias @a of model 'half'." in text
    assert "Written before that: registered model 'half'; version of model 'half' made of m-" in text
