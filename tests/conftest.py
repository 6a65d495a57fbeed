"""The fixtures that several test files use: stores made once and copied, real MLflow servers, and ways to ask and to
compare. What one file alone needs is defined there.

    def test_a_run_is_found_by_its_name(sqlite_store, ask, snapshot):
        answer = ask(sqlite_store.uri, "get_run", run_id=sqlite_store.seeded.log_run)
        snapshot("get_run", answer)

`ask` and `ask_many` speak to `build_server(settings)` through the SDK's own in-memory client. Bad servers are
in `servers.py`. Nothing of ours and nothing of MLflow's is mocked.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.server.mcpserver import MCPServer

from artifact_homes import Home
from servers import running_mlflow_server

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from mlflow_mcp.cli.demo.data import Seeded
    from mlflow_mcp.settings import Settings

# A developer's own server must not be reached, nor MLflow's makers. Nothing above imports MLflow, which reads
# some of these only once.
for variable in [name for name in os.environ if name.startswith("MLFLOW_")]:
    del os.environ[variable]
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

SNAPSHOTS = Path(__file__).parent / "snapshots"
STARTED = time.time()


def pytest_configure(config: pytest.Config) -> None:
    for warning in (
        "ignore:The ``noload`` loader strategy",  # MLflow's own models, under SQLAlchemy 2.1
    ):
        config.addinivalue_line("filterwarnings", warning)


# --- stores and servers


@dataclass(frozen=True)
class Store:
    """A tracking store that `mlflow_mcp.demo.data.seed` filled: its URI, and the ids that it made."""

    uri: str
    seeded: Seeded


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds or leaves an `mlflow.db` or `mlruns` in the folder that pytest was started in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, labels: dict[str, str]) -> Iterator[Store]:
    """A real `mlflow server`, seeded once. Tests only read from it."""
    from mlflow_mcp.cli.demo.data import seed

    with running_mlflow_server(tmp_path_factory.mktemp("mlflow_server")) as uri:
        seeded = seed(uri, log_megabytes=1)
        labels |= labels_of(seeded)
        yield Store(uri, seeded)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, labels: dict[str, str]) -> Store:
    """The same data in a sqlite file, seeded once. Tests take a copy: `sqlite_store`."""
    from mlflow_mcp.cli.demo.data import seed

    folder = tmp_path_factory.mktemp("sqlite_template")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    seeded = seed(uri, str(folder / "artifacts"), log_megabytes=0.1)
    date_experiments(uri)
    labels |= labels_of(seeded)
    return Store(uri, seeded)


@pytest.fixture
def sqlite_store(sqlite_template: Store, tmp_path: Path) -> Store:
    """A test's own copy of the template, free to be changed. Artifacts stay where the template has them."""
    return Store(copied(sqlite_template.uri, tmp_path / "mlflow.db"), sqlite_template.seeded)


@pytest.fixture(scope="session")
def sqlite_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A sqlite store whose runs a test may make and fill: `sqlite_home.run({"a.txt": "content"})`."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("sqlite_home")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    SqlAlchemyStore(uri, str(folder / "artifacts"))
    return Home(uri)


@pytest.fixture(scope="session")
def http_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The same behind a real server."""
    folder = tmp_path_factory.mktemp("http_home")
    with running_mlflow_server(folder) as uri:
        yield Home(uri, folder / "artifacts")


@pytest.fixture(params=["sqlite", "http"])
def home(request: pytest.FixtureRequest) -> Home:
    """A store that a test may fill, as a file and behind a real server; both must answer alike."""
    found: Home = request.getfixturevalue(f"{request.param}_home")
    return found


@pytest.fixture(params=["sqlite", "http"])
def store(request: pytest.FixtureRequest) -> Store:
    """The seeded store twice: as a file and behind the real server. Only for reading; both must answer alike."""
    found: Store = request.getfixturevalue("sqlite_template" if request.param == "sqlite" else "mlflow_server")
    return found


@pytest.fixture(scope="session")
def _empty_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("empty_template")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    SqlAlchemyStore(uri, str(folder / "artifacts"))
    date_experiments(uri)
    return uri


@pytest.fixture
def empty_store(_empty_template: str, tmp_path: Path) -> str:
    """The URI of a sqlite store of this test alone, with MLflow's Default experiment and nothing in it."""
    return copied(_empty_template, tmp_path / "empty.db")


def date_experiments(uri: str) -> None:
    """Give the experiments fixed times, a day apart. MLflow's API cannot, and whether two were made in the same
    second would decide which columns an answer has."""
    day, first = 86_400_000, 1_788_220_800_000  # 2026-09-01
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(
            "UPDATE experiments SET creation_time = ?1 + experiment_id * ?2,"
            " last_update_time = ?1 + experiment_id * ?2 + 3600000",
            (first, day),
        )


def copied(uri: str, target: Path) -> str:
    # Sqlite's own backup: the template may still be open, with pages that are not in its main file yet.
    with (
        closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return f"sqlite:///{target}"


# --- asking


@dataclass(frozen=True)
class Answer:
    """What the host gets: `data` is structuredContent, `text` all text blocks, `result` the whole of it."""

    data: Any
    text: str
    is_error: bool
    result: CallToolResult

    @classmethod
    def of(cls, result: CallToolResult) -> Answer:
        text = "\n".join(block.text for block in result.content if block.type == "text")
        return cls(result.structured_content, text, bool(result.is_error), result)


class Ask(Protocol):
    def __call__(self, target: str | Settings | MCPServer, tool: str, /, **arguments: Any) -> Answer: ...


class AskOn(Protocol):
    def __call__(self, tool: str, /, **arguments: Any) -> Answer: ...


class AskMany(Protocol):
    def __call__(self, target: str | Settings | MCPServer, /, **options: Any) -> AbstractContextManager[AskOn]: ...


@pytest.fixture(scope="session")
def ask(ask_many: AskMany) -> Ask:
    """`ask(uri, "get_run", run_id=...)` -> Answer. Instead of a URI also Settings, or a server."""

    def ask_once(target: str | Settings | MCPServer, tool: str, /, **arguments: Any) -> Answer:
        with ask_many(target) as ask_on:
            return ask_on(tool, **arguments)

    return ask_once


@pytest.fixture(scope="session")
def ask_many() -> AskMany:
    """`with ask_many(uri) as ask: ask("get_run", run_id=...)`: one server and one client for several calls.

    The calls may come from several threads at once. `options` go to the SDK's Client: `mode="legacy"` speaks
    the initialize handshake that today's hosts speak.
    """

    @contextmanager
    def conversation(target: str | Settings | MCPServer, /, **options: Any) -> Iterator[AskOn]:
        client = Client(server_of(target), raise_exceptions=options.get("mode") != "legacy", **options)

        async def call(tool: str, arguments: dict[str, Any]) -> Answer:
            with anyio.fail_after(120):  # a hanging call fails its test, not the suite
                return Answer.of(await client.call_tool(tool, arguments))

        with start_blocking_portal() as portal, portal.wrap_async_context_manager(client):
            yield lambda tool, /, **arguments: portal.call(call, tool, arguments)

    return conversation


def server_of(target: str | Settings | MCPServer) -> MCPServer:
    if isinstance(target, MCPServer):
        return target
    from mlflow_mcp.server.app import build_server
    from mlflow_mcp.settings import Settings

    return build_server(Settings(tracking_uri=target) if isinstance(target, str) else target)


# --- comparing with what was reviewed


class Snapshot(Protocol):
    def __call__(self, name: str, value: Any, known: Mapping[str, str] | None = None) -> None: ...


@pytest.fixture(scope="session")
def labels() -> dict[str, str]:
    """What a snapshot writes instead of ids that differ from seeding to seeding; the stores add theirs."""
    return {}


@pytest.fixture
def snapshot(labels: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """`snapshot("get_run", answer)` compares a whole answer with tests/snapshots/get_run.json, exactly.

    An Answer stands for its data, or its text when it is an error or has none. Ids, ports, folders and times
    of this session are replaced first, and so is what `known` maps. `UPDATE_SNAPSHOTS=1` writes the file.
    """

    def compare(name: str, value: Any, known: Mapping[str, str] | None = None) -> None:
        if isinstance(value, Answer):
            value = value.text if value.is_error or value.data is None else value.data
        folders = {str(tmp_path_factory.getbasetemp()): "<tmp>"}
        written = value if isinstance(value, str) else pretty(value)
        got = stable(written, folders | labels | dict(known or {})) + "\n"
        file = SNAPSHOTS / f"{name}.{'txt' if isinstance(value, str) else 'json'}"
        if os.environ.get("UPDATE_SNAPSHOTS") == "1":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(got, encoding="utf-8")
        elif not file.exists():
            advice = f"No snapshot {file.name}. UPDATE_SNAPSHOTS=1 makes it: read it then."
            pytest.fail(f"{advice}\n{got}", pytrace=False)
        assert got == file.read_text(encoding="utf-8"), "UPDATE_SNAPSHOTS=1 accepts the new text"

    return compare


def labels_of(seeded: Seeded) -> dict[str, str]:
    long_ids = {id_: f"<experiment:{name}>" for name, id_ in seeded.experiments.items() if len(id_) > 6}
    return long_ids | {id_: f"<run:{name}>" for name, id_ in seeded.runs.items()}


def stable(text: str, known: Mapping[str, str]) -> str:
    """The text with everything replaced that differs from one session to the next."""
    for id_ in sorted(known, key=len, reverse=True):
        text = text.replace(id_, known[id_])
    numbers: dict[str, str] = {}
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", numbered("id", numbers), text)
    text = re.sub(r"(?<!\d)\d{18}(?!\d)", numbered("experiment", numbers), text)
    text = re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:<port>", text)
    text = re.sub(r'("next_cursor": )"[^"]+"', r'\1"<cursor>"', text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", if_of_this_session, text)
    return re.sub(r"(?<!\d)\d{13}(?!\d)", if_of_this_session, text)


def numbered(kind: str, numbers: dict[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda found: numbers.setdefault(found[0], f"<{kind}:{len(numbers) + 1}>")


def if_of_this_session(found: re.Match[str]) -> str:
    """Seeded times are fixed and part of what is compared; those that a clock gave are not."""
    if found[0].isdigit():
        when = int(found[0]) / 1000
    else:
        parsed = datetime.fromisoformat(found[0].replace("Z", "").replace("+00:00", ""))
        when = parsed.replace(tzinfo=timezone.utc).timestamp()
    return "<now>" if STARTED - 5 <= when <= time.time() + 60 else found[0]


def pretty(value: Any, indent: str = "") -> str:
    """JSON for readers: what fits on a line stays on one, and a table's row does in any case."""
    flat = json.dumps(value, ensure_ascii=False)
    is_row = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    if is_row or not isinstance(value, dict | list) or len(indent) + len(flat) <= 110:
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        lines = [f"{pretty(name)}: {pretty(item, deeper)}" for name, item in value.items()]
    else:
        lines = [pretty(item, deeper) for item in value]
    inside = ",\n".join(deeper + line for line in lines)
    opening, closing_ = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inside}\n{indent}{closing_}"
