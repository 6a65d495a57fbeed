"""Mode `shared`: tokens that the operator made, JWTs of an issuer, and limits of each caller."""

from __future__ import annotations

import json
import logging
import time

import anyio
import httpx2
import jwt
import pytest
from pydantic import SecretStr

from mlflow_mcp.server.auth import keys
from mlflow_mcp.server.auth.tokens import Tokens
from mlflow_mcp.settings import Settings, SettingsError
from tests.support.http_serving import asked, connected, posted, serving
from tests.support.issuer import AUDIENCE, issuing
from tests.support.servers import faulty_proxy, stall

pytestmark = pytest.mark.slow
ANA, BEN = "ana-0123456789abcdef", "ben-0123456789abcdef"
BOTH = SecretStr(f"ana={ANA}, ben={BEN}")


def status(address, token=None):
    return posted(address, **({"Authorization": f"Bearer {token}"} if token else {})).status_code


# --- tokens


def test_a_token_lets_in_and_nothing_else_does(empty_store, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(empty_store, auth="shared", tokens=BOTH) as (address, _):
        answers = [posted(address, Authorization=f"Bearer {token}") for token in (ANA, BEN, ANA[:-1], f"{ANA}x", "ana")]
        others = [status(address), posted(address, Authorization=f"Basic {ANA}").status_code]
        called = asked(address, "get_server_info", f"Bearer {ANA}")
        probes = [httpx2.get(f"{address}/{name}") for name in ("health", "ready", "metrics")]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401, 401]
    assert others == [401, 401]
    assert not called.is_error
    assert [probe.status_code for probe in probes] == [200, 200, 200]
    shown = "".join([caplog.text, called.model_dump_json(), *(each.text for each in (*answers, *probes))])
    assert ANA not in shown
    assert BEN not in shown


def test_a_token_in_an_address_lets_nobody_in_and_is_not_kept(empty_store, caplog):
    """It would stand in the logs of every proxy on the way."""
    caplog.set_level(logging.DEBUG)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    with serving(empty_store, auth="shared", tokens=BOTH) as (address, _):
        answers = [
            httpx2.post(f"{address}/{path}", json=call, headers={"Accept": "application/json, text/event-stream"})
            for path in (f"mcp?access_token={ANA}", f"mcp?token={ANA}", f"mcp/{ANA}", f"?authorization=Bearer%20{ANA}")
        ]
        figures = httpx2.get(f"{address}/metrics").text

    assert [answer.status_code for answer in answers] == [401, 401, 404, 404]
    ours = "".join(each.getMessage() for each in caplog.records if not each.name.startswith("http"))
    assert ANA not in "".join([ours, figures, *(answer.text for answer in answers)])


def test_tokens_of_a_file_are_read_again_when_it_changes(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"# of the team\nana={ANA}\n")
    tokens = Tokens(Settings(tokens_file=str(file)))
    assert tokens.caller(ANA).name == "ana"
    file.write_text(f"ana=another-{ANA}\nben={BEN}\n")
    assert tokens.caller(ANA) is None
    assert tokens.caller(BEN).name == "ben"
    file.write_text("ben=short\n")
    assert tokens.caller(BEN) is None
    file.unlink()
    assert tokens.caller(BEN) is None
    file.write_text(f"ana={ANA}\n")
    assert tokens.caller(ANA).name == "ana"


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        ("ana=short", "MLFLOW_MCP_TOKENS: the token of 'ana' has 5 characters; 16 or more are needed."),
        (ANA, "MLFLOW_MCP_TOKENS: entry 1 is not name=token."),
    ],
)
def test_a_token_that_cannot_be_used_is_not_shown(tokens, sentence):
    with pytest.raises(SettingsError) as told:
        Tokens(Settings(tokens=SecretStr(tokens)))
    assert str(told.value) == sentence
    with pytest.raises(SettingsError, match="No such file"):
        Tokens(Settings(tokens_file="/nowhere/at/all"))


def test_a_secret_setting_that_cannot_be_used_is_not_shown():
    with pytest.raises(SettingsError) as told:
        Settings.from_environment({"MLFLOW_MCP_STATE_KEY": "a-short-secret"})
    assert "a-short-secret" not in str(told.value)
    assert "MLFLOW_MCP_STATE_KEY" in str(told.value)
    assert ANA not in repr(Settings(tokens=SecretStr(f"ana={ANA}")))


# --- JWTs


@pytest.fixture(scope="module")
def issuer():
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def with_jwts(issuer, empty_store, monkeypatch):
    issuer.is_down = False
    monkeypatch.setattr(keys, "_PAUSE", 0.0)
    with serving(
        empty_store, auth="shared", tokens=BOTH, jwt_issuer=issuer.url, public_url=AUDIENCE, calls_per_minute=0
    ) as (address, _):
        yield address


def test_a_jwt_of_the_issuer_lets_in(with_jwts, issuer):
    called = asked(with_jwts, "get_server_info", f"Bearer {issuer.token()}")

    assert not called.is_error
    assert [status(with_jwts, issuer.token(aud=["other", AUDIENCE])), status(with_jwts, ANA)] == [200, 200]


def test_a_jwt_that_does_not_hold_does_not(with_jwts, issuer):
    now, foreign = int(time.time()), issuer.__class__(url=issuer.url)
    foreign.make_key("one")
    wrong = {
        "another audience": issuer.token(aud="https://other.example.com"),
        "no audience": issuer.token(aud=None),
        "another issuer": issuer.token(iss="https://other.example.com"),
        "expired": issuer.token(exp=now - 60),
        "never expires": issuer.token(exp=None),
        "not yet valid": issuer.token(nbf=now + 600),
        "nobody": issuer.token(sub=None),
        "alg none": jwt.encode({"iss": issuer.url, "aud": AUDIENCE, "sub": "ana", "exp": now + 300}, None, "none"),
        "signed with a secret": issuer.token(alg="HS256", key="a secret of more than thirty-two bytes"),
        "another key": foreign.token(),
        "an unknown key": issuer.token("three", key=issuer.keys["one"]),
        "changed": issuer.token()[:-6] + "AAAAAA",
        "no JWT": "abc.def.ghi",
        "too long": issuer.token(more="x" * 20_000),
    }
    assert {name: status(with_jwts, token) for name, token in wrong.items()} == dict.fromkeys(wrong, 401)


def test_a_new_key_of_the_issuer_is_fetched_and_an_old_one_forgotten(with_jwts, issuer):
    assert status(with_jwts, issuer.token()) == 200
    fetched = len(issuer.asked)
    assert status(with_jwts, issuer.token()) == 200
    assert len(issuer.asked) == fetched
    issuer.make_key("two", "ES256")
    issuer.published.remove("one")
    try:
        assert status(with_jwts, issuer.token("two", alg="ES256")) == 200
        assert status(with_jwts, issuer.token("one")) == 401
    finally:
        issuer.published.append("one")


def test_nobody_is_let_in_while_the_issuer_is_down(with_jwts, issuer):
    issuer.is_down = True
    answer = posted(with_jwts, Authorization=f"Bearer {issuer.token()}")
    own = status(with_jwts, ANA)
    issuer.is_down = False
    again = status(with_jwts, issuer.token())

    assert answer.status_code == 503
    assert "issuer of the tokens cannot be reached" in answer.json()["error_description"]
    assert (own, again) == (200, 200)


def test_clients_learn_where_tokens_come_from(with_jwts, issuer):
    refused = posted(with_jwts)
    metadata = httpx2.get(f"{with_jwts}/.well-known/oauth-protected-resource/mcp").json()

    assert (
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'
        in refused.headers["WWW-Authenticate"]
    )
    assert metadata["resource"] == AUDIENCE
    assert [url.rstrip("/") for url in metadata["authorization_servers"]] == [issuer.url]


def test_keys_without_tls_are_not_believed():
    with pytest.raises(SettingsError, match="https://"):
        keys.IssuerKeys("http://issuer.example.com", None)
    with pytest.raises(SettingsError, match="MLFLOW_MCP_JWT_KEYS_URL"):
        keys.IssuerKeys("https://issuer.example.com", "http://issuer.example.com/keys")


# --- limits


def test_one_caller_has_so_many_requests_in_a_minute(empty_store):
    with serving(empty_store, auth="shared", tokens=BOTH, calls_per_minute=3) as (address, _):
        answers = [posted(address, Authorization=f"Bearer {ANA}") for _ in range(5)]
        other = status(address, BEN)
        text = httpx2.get(f"{address}/metrics").text

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
    assert "More than 3 requests in a minute" in json.loads(answers[-1].text)["error"]["message"]
    assert other == 200
    assert 'mlflow_mcp_http_responses_total{status="429"} 2' in text.splitlines()


def test_a_slow_caller_does_not_slow_another(mlflow_server):
    """Eight calls of one caller hang in MLflow, a ninth waits; the other one is answered meanwhile."""
    with (
        faulty_proxy(mlflow_server.uri, stall("/runs/search")) as proxy,
        serving(proxy.uri, auth="shared", tokens=BOTH, timeout=20.0, calls_at_once=8) as (address, server),
    ):
        _ = server.parts.connections.own.mlflow
        took = []

        def turns() -> list[tuple[int, int]]:
            """Of each caller, how many of his calls run and wait."""
            found = [pace.running.statistics() for pace in server.parts.limits._paces.values()]
            return [(each.borrowed_tokens, each.tasks_waiting) for each in found]

        async def story():
            async with (
                connected(address, f"Bearer {ANA}") as ana,
                connected(address, f"Bearer {BEN}") as ben,
                anyio.create_task_group() as tasks,
            ):
                for _ in range(9):
                    tasks.start_soon(ana.call_tool, "query_runs", {})
                with anyio.fail_after(15):
                    while (8, 1) not in turns() or proxy.count("/runs/search") < 8:
                        await anyio.sleep(0.01)
                before = time.monotonic()
                answer = await ben.call_tool("search_experiments", {})
                took.append(time.monotonic() - before)
                still = turns()
                tasks.cancel_scope.cancel()
            return answer, still

        answer, still = anyio.run(story)
    assert not answer.is_error
    assert took[0] < 15  # not after the calls of the other have ended
    assert (8, 1) in still  # the slow caller's: eight run, the ninth waits


def test_one_caller_cannot_take_all_connections(mlflow_server):
    with (
        faulty_proxy(mlflow_server.uri, stall("/runs/search")) as proxy,
        serving(proxy.uri, auth="shared", tokens=BOTH, timeout=2.0, calls_at_once=1) as (address, server),
    ):
        _ = server.parts.connections.own.mlflow
        statuses = []
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_runs", "arguments": {}}}

        async def post(client):
            statuses.append((await client.post(f"{address}/mcp", json=call)).status_code)

        async def story():
            headers = {"Authorization": f"Bearer {ANA}", "Accept": "application/json, text/event-stream"}
            async with httpx2.AsyncClient(headers=headers, timeout=60) as client, anyio.create_task_group() as tasks:
                for _ in range(12):
                    tasks.start_soon(post, client)
                while statuses.count(429) < 4:
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()

        anyio.run(story)
    assert statuses.count(429) == 4


# --- confirmations of writes, asked by one instance and answered to another


def test_a_confirmation_is_accepted_by_another_instance_with_the_same_key_only(sqlite_store, tmp_path):
    audit = tmp_path / "audit"
    options = {"auth": "shared", "tokens": BOTH, "allow_write": ("delete",), "audit_file": str(audit)}
    shared = options | {"state_key": SecretStr("the same secret of all the instances")}
    uri, run, refused = sqlite_store.uri, sqlite_store.seeded.log_run, "Invalid or expired requestState"
    with (
        serving(uri, **shared) as (one, _),
        serving(uri, **shared) as (other, _),
        serving(uri, **options) as (third, _),
    ):
        asked_by_one = deletion(one, run, ANA)
        assert asked_by_one["result"]["resultType"] == "input_required", asked_by_one
        state = asked_by_one["result"]["requestState"]
        by_another_caller = deletion(other, run, BEN, state)
        without_the_key = deletion(third, run, ANA, state)
        assert not audit.read_text()
        answered = deletion(other, run, ANA, state)

    assert [each["error"]["message"] for each in (by_another_caller, without_the_key)] == [refused, refused]
    assert not answered["result"].get("isError"), answered
    assert {json.loads(line)["caller"] for line in audit.read_text().splitlines()} == {"ana"}


def deletion(address, run, token, state=None):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    params = {"name": "delete", "arguments": {"targets": [run]}, "_meta": meta}
    if state:
        params |= {"requestState": state, "inputResponses": {"confirm": {"action": "accept", "content": {}}}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "delete"}
    return posted(address, message, Authorization=f"Bearer {token}", **headers).json()


def test_the_file_of_tokens_may_be_replaced_by_a_link(tmp_path):
    """As Kubernetes does with secrets."""
    first, second, link = tmp_path / "1", tmp_path / "2", tmp_path / "tokens"
    first.write_text(f"ana={ANA}\n")
    second.write_text(f"ben={BEN}-longer\n")
    link.symlink_to(first)
    tokens = Tokens(Settings(tokens_file=str(link)))
    assert tokens.caller(ANA)
    (tmp_path / "new").symlink_to(second)
    (tmp_path / "new").replace(link)

    assert tokens.caller(ANA) is None
    assert tokens.caller(f"{BEN}-longer").name == "ben"
