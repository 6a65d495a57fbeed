"""The fixtures: stores made once and copied, real MLflow servers, and ways to ask and to compare.

    def test_a_run_is_found_by_its_name(sqlite_store, ask, snapshot):
        answer = ask(sqlite_store.uri, "get_run", run_id=sqlite_store.seeded.log_run)
        snapshot("get_run", answer)

What they are made of is in `support/`; bad servers are in `support/servers.py`. Nothing of ours and nothing of
MLflow's is mocked.
"""

from __future__ import annotations

import gc
import itertools
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from anyio.from_thread import start_blocking_portal

from tests.support import curves, genai_stores, model_stores, simulations, stores
from tests.support.artifact_homes import Home
from tests.support.asking import Answer, Ask, AskMany, Conversations
from tests.support.genai_stores import GenaiStore
from tests.support.model_stores import ModelStore
from tests.support.python_forks import forking
from tests.support.servers import forked_mlflow_server
from tests.support.snapshots import Snapshot, SnapshotError, compare_error, compare_whole
from tests.support.stores import Store, artifacts_of, copied, copied_to_be_served, labels_of, make_empty
from tests.support.traces import TraceStore, make_traces

# A developer's own server must not be reached, nor MLflow's makers. Nothing above imports MLflow, which reads
# some of these only once.
for variable in [name for name in os.environ if name.startswith("MLFLOW_")]:
    del os.environ[variable]
os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
# Dozens of processes import MLflow. Where this is set each of them compiles it anew, which takes longer than to run it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Stores are copied and written thousands of times, and nobody needs them after a power cut: in memory, where there is room.
if (memory := Path("/dev/shm")).is_dir() and shutil.disk_usage(memory).free > 6 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))
# A shell ignores interrupts for what it starts in the background, and so would the servers that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# MLflow and what it needs are a million objects that live to the end. Python would look through all of them again and
# again: a fifth of the processor time of many test files.
gc.set_threshold(50_000, 20, 100)

# For a run on save, for every run, and for `scripts/check --all`.
hypothesis.settings.register_profile("every", max_examples=50)
hypothesis.settings.load_profile("every")
hypothesis.settings.register_profile("thorough", max_examples=100)
hypothesis.settings.register_profile(
    "quick",
    max_examples=20,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # of a loaded machine
)

# Tests that need one of these run in the worker that has started it.
SERVERS = {
    "mlflow_server": "seeded server",
    "models_server": "models server",
    "scratch_server": "scratch server",
    "s3": "scratch server",
    "traces_server": "traces server",
    "genai_server": "models server",
}
TWINS = {
    "both_stores": "mlflow_server",
    "both_homes": "scratch_server",
    "both_curves": "scratch_server",
    "both_models": "scratch_server",
    "both_traces": "traces_server",
    "both_model_stores": "models_server",
    "both_genai": "genai_server",
}
FOLDERS = itertools.count()
ALL_AT_ONCE = 4  # workers; each imports MLflow, and two of them have a server


def pytest_configure(config: pytest.Config) -> None:
    simulations.is_thorough = config.getoption("--hypothesis-profile") == "thorough"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers are worth their start for the whole suite, and not for a file or two."""
    files = any(Path(argument.partition("::")[0]).is_file() for argument in config.args)
    # One more than there are processors: some tests wait for processes and time-outs.
    return 0 if files else min(len(os.sched_getaffinity(0)) + 1, ALL_AT_ONCE)


def pytest_make_parametrize_id(val: object) -> str | None:
    """No file's content in a test's name: an archive holds the time at which its worker made it, and workers that name
    their tests differently cannot share them."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_collection_finish() -> None:
    gc.freeze()  # the tests themselves, and what they have imported


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    if nextitem is None:
        gc.collect()  # what nobody closed fails this worker's last test; after it pytest-xdist would not hear of it


def pytest_sessionfinish() -> None:
    gc.freeze()  # pytest would look through everything five times more


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for server in servers_of(item):
            item.add_marker(pytest.mark.xdist_group(SERVERS[server]))
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("xdist_group") is None and shares_with_its_module(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def shares_with_its_module(item: pytest.Item) -> bool:
    """Whether it needs what its module makes for several tests: each worker that has one of them makes it."""
    definitions = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(fixture[-1].scope == "module" for fixture in definitions.values())


def servers_of(item: pytest.Item) -> list[str]:
    names: list[str] = getattr(item, "fixturenames", [])
    params: Mapping[str, object] = item.callspec.params if hasattr(item, "callspec") else {}
    twins = [TWINS[name] for name in names if name in TWINS and params.get(name) == "http"]
    return [*(name for name in names if name in SERVERS), *twins][:1]


# --- stores and servers


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder, as pytest's own fixture makes it. That one lists all folders of all tests before to find the next number."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{name}{next(FOLDERS)}", numbered=False)


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds or leaves an `mlflow.db` or `mlruns` in the folder that pytest was started in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def sqlite_template(
    session_folder: Path, empty_template: str, labels: dict[str, str], conversations: Conversations
) -> Store:
    """The demo's data in a sqlite file. Tests only read from it; those that change it take a copy: `sqlite_store`."""
    store = stores.make_seeded(session_folder / "seeded", empty_template)
    labels |= labels_of(store.seeded)
    conversations.share(store.uri)
    return store


@pytest.fixture
def store(sqlite_template: Store) -> Store:
    """The seeded store, only for reading."""
    return sqlite_template


@pytest.fixture(scope="session")
def mlflow_server(
    sqlite_template: Store,
    session_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    conversations: Conversations,
) -> Iterator[Store]:
    """The same data behind a real `mlflow server`. Tests only read from it."""
    folder, artifacts = tmp_path_factory.mktemp("mlflow_server"), artifacts_of(sqlite_template.uri)
    copied_to_be_served(sqlite_template.uri, artifacts, folder)
    with forked_mlflow_server(session_folder, folder, artifacts=artifacts) as uri:
        conversations.share(uri)
        yield Store(uri, sqlite_template.seeded)


@pytest.fixture(params=["sqlite", "http"])
def both_stores(request: pytest.FixtureRequest) -> Store:
    """The seeded store twice, as a file and behind the real server, which must answer alike. For whole answers,
    and for what goes another way over HTTP."""
    found: Store = request.getfixturevalue("sqlite_template" if request.param == "sqlite" else "mlflow_server")
    return found


@pytest.fixture
def sqlite_store(sqlite_template: Store, tmp_path: Path) -> Store:
    """A test's own copy of the template, free to be changed. Artifacts stay where the template has them."""
    return Store(copied(sqlite_template.uri, tmp_path / "mlflow.db"), sqlite_template.seeded)


@pytest.fixture(scope="session")
def empty_template(session_folder: Path) -> str:
    stores.remember_newest_schema()
    return make_empty(session_folder / "empty")


@pytest.fixture
def empty_store(empty_template: str, tmp_path: Path) -> str:
    """The URI of a sqlite store of this test alone, with MLflow's Default experiment and nothing in it."""
    return copied(empty_template, tmp_path / "empty.db")


@pytest.fixture(scope="session")
def sqlite_home(empty_template: str, tmp_path_factory: pytest.TempPathFactory, conversations: Conversations) -> Home:
    """A sqlite store whose runs a test may make and fill: `sqlite_home.run({"a.txt": "content"})`."""
    folder = tmp_path_factory.mktemp("sqlite_home")
    uri = copied(empty_template, folder / "mlflow.db")
    conversations.share(uri)
    return Home(uri, folder / "artifacts")


@pytest.fixture
def home(sqlite_home: Home) -> Home:
    """A store that a test may fill with runs and their files."""
    return sqlite_home


@pytest.fixture(scope="session")
def curves_file(empty_template: str, session_folder: Path, conversations: Conversations) -> str:
    """A sqlite store of long and odd curves, and of an experiment with several pages of runs. Tests only read from it."""
    uri = curves.make(session_folder / "curves", empty_template)
    conversations.share(uri)
    return uri


@pytest.fixture(scope="session")
def scratch_server(
    curves_file: str,
    empty_template: str,
    session_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    conversations: Conversations,
) -> Iterator[Home]:
    """A real `mlflow server` that tests may write to, with the curves of `curves_file` in experiments of their own."""
    folder = tmp_path_factory.mktemp("scratch_server")
    copied_to_be_served(curves_file, artifacts_of(empty_template), folder)
    with forked_mlflow_server(session_folder, folder) as uri:
        conversations.share(uri)
        yield Home(uri, folder / "artifacts")


@pytest.fixture(scope="session")
def http_home(scratch_server: Home) -> Home:
    """`home` behind a real server."""
    return scratch_server


@pytest.fixture(scope="session")
def curves_server(scratch_server: Home) -> str:
    """`curves_file` behind a real server."""
    return scratch_server.uri


@pytest.fixture(params=["sqlite", "http"])
def both_homes(request: pytest.FixtureRequest) -> Home:
    """A store that a test may fill, as a file and behind a real server, which must answer alike."""
    found: Home = request.getfixturevalue("sqlite_home" if request.param == "sqlite" else "http_home")
    return found


@pytest.fixture(params=["sqlite", "http"])
def both_curves(request: pytest.FixtureRequest) -> str:
    """The long curves as a file and behind a real server, which must answer alike."""
    found: str = request.getfixturevalue("curves_file" if request.param == "sqlite" else "curves_server")
    return found


@pytest.fixture(scope="session")
def traces_file(
    session_folder: Path, empty_template: str, labels: dict[str, str], conversations: Conversations
) -> TraceStore:
    """The traces of `tests.support.traces` in a sqlite file. Tests only read from it."""
    made = make_traces(session_folder / "traces", empty_template)
    labels |= {run_id: f"<run:{name}>" for name, run_id in made.runs.items()}
    conversations.share(made.uri)
    return made


@pytest.fixture(scope="session")
def traces_server(
    traces_file: TraceStore,
    session_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    conversations: Conversations,
) -> Iterator[TraceStore]:
    """`traces_file` behind a real server."""
    folder = tmp_path_factory.mktemp("traces_server")
    copied_to_be_served(traces_file.uri, artifacts_of(traces_file.uri), folder)
    with forked_mlflow_server(session_folder, folder) as uri:
        conversations.share(uri)
        yield replace(traces_file, uri=uri)


@pytest.fixture
def traces_copy(traces_file: TraceStore, tmp_path: Path) -> TraceStore:
    """A test's own copy of the traces, free to be changed."""
    return replace(traces_file, uri=copied(traces_file.uri, tmp_path / "traces.db"))


@pytest.fixture(params=["sqlite", "http"])
def both_traces(request: pytest.FixtureRequest) -> TraceStore:
    """The traces as a file and behind a real server, which must answer alike."""
    found: TraceStore = request.getfixturevalue("traces_file" if request.param == "sqlite" else "traces_server")
    return found


@pytest.fixture(scope="session")
def model_store(
    session_folder: Path, empty_template: str, labels: dict[str, str], conversations: Conversations
) -> ModelStore:
    """A sqlite store with logged models, a registry and traces. Tests only read from it."""
    store = model_stores.make(session_folder / "models", empty_template)
    labels |= store.labels
    conversations.share(store.uri)
    return store


@pytest.fixture(scope="session")
def models_server(
    model_store: ModelStore,
    session_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    conversations: Conversations,
) -> Iterator[ModelStore]:
    """The same models behind a real `mlflow server`. Tests only read from it."""
    folder, artifacts = tmp_path_factory.mktemp("models_server"), artifacts_of(model_store.uri)
    copied_to_be_served(model_store.uri, artifacts, folder)
    with forked_mlflow_server(session_folder, folder, artifacts=artifacts) as uri:
        conversations.share(uri)
        yield replace(model_store, uri=uri)


@pytest.fixture(scope="session")
def genai_store(session_folder: Path, empty_template: str, labels: dict[str, str]) -> GenaiStore:
    """A sqlite store with prompts, evaluation datasets and scorers. Tests only read from it."""
    store = genai_stores.make(session_folder / "genai", empty_template)
    labels |= store.labels
    return store


@pytest.fixture(scope="session")
def genai_server(
    genai_store: GenaiStore, session_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GenaiStore]:
    """The same behind a real `mlflow server`. Tests only read from it."""
    folder, artifacts = tmp_path_factory.mktemp("genai_server"), artifacts_of(genai_store.uri)
    copied_to_be_served(genai_store.uri, artifacts, folder)
    with forked_mlflow_server(session_folder, folder, artifacts=artifacts) as uri:
        yield replace(genai_store, uri=uri)


@pytest.fixture(params=["sqlite", "http"])
def both_genai(request: pytest.FixtureRequest) -> GenaiStore:
    """Prompts, datasets and scorers as a file and behind a real server, which must answer alike."""
    found: GenaiStore = request.getfixturevalue("genai_store" if request.param == "sqlite" else "genai_server")
    return found


@pytest.fixture(params=["sqlite", "http"])
def both_model_stores(request: pytest.FixtureRequest) -> ModelStore:
    """The models as a file and behind a real server, which must answer alike."""
    found: ModelStore = request.getfixturevalue("model_store" if request.param == "sqlite" else "models_server")
    return found


# --- processes


@pytest.fixture(scope="session")
def forked_python(session_folder: Path) -> Iterator[str]:
    """What to run instead of `sys.executable` where a process is needed and its start is not the point: it costs 40 ms
    instead of seconds."""
    with forking(session_folder) as executable:
        yield executable


# --- asking


@pytest.fixture(scope="session")
def conversations() -> Iterator[Conversations]:
    with start_blocking_portal() as portal, ExitStack() as open_until_the_end:
        yield Conversations(portal, open_until_the_end)


@pytest.fixture(scope="session")
def ask(conversations: Conversations) -> Ask:
    """`ask(uri, "get_run", run_id=...)` -> Answer. Instead of a URI also Settings, or a server."""
    return conversations.ask


@pytest.fixture(scope="session")
def ask_many(conversations: Conversations) -> AskMany:
    """`with ask_many(uri) as ask: ask("get_run", run_id=...)`: one server and one client for several calls."""
    return conversations.with_server_of


# --- comparing with what was reviewed


@pytest.fixture(scope="session")
def labels() -> dict[str, str]:
    """What a snapshot writes instead of ids that differ from seeding to seeding; the stores add theirs."""
    return {}


@pytest.fixture
def replacements(
    labels: dict[str, str], tmp_path: Path, session_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What a snapshot writes instead of ids and folders of this session."""
    folders = {session_folder: "<tmp>", tmp_path_factory.getbasetemp(): "<tmp>", tmp_path: "<folder>"}
    return {str(folder): label for folder, label in folders.items()} | labels


@pytest.fixture
def snapshot(replacements: dict[str, str]) -> Snapshot:
    """`snapshot("get_run", answer)` compares a whole answer with tests/snapshots/get_run.json, exactly.

    An Answer stands for its data, or its text when it is an error or has none. Ids, ports, folders and times
    of this session are replaced first, and so is what `known` maps. `UPDATE_SNAPSHOTS=1` writes the file.
    """

    def compare(name: str, value: Any, known: Mapping[str, str] | None = None) -> None:
        compare_whole(name, value, replacements | dict(known or {}))

    return compare


@pytest.fixture
def snapshot_error(replacements: dict[str, str], request: pytest.FixtureRequest) -> SnapshotError:
    """`snapshot_error(answer)` asserts that it is an error and compares its sentence with the reviewed one.

    The sentences of a test file are one page in tests/snapshots/errors, each under its test and its call. `case`
    stands there instead of the call: for what was raised or written, and where one call has several sentences.
    """
    test: str = getattr(request.node, "originalname", request.node.name)
    path = request.path.relative_to(Path(__file__).parent)
    file_name = path.with_name(path.stem.removeprefix("test_")).as_posix()

    def compare(error: Answer | BaseException | str, case: object = None) -> None:
        if isinstance(error, Answer):
            assert error.is_error, error.data
        call, sentence = (error.call, error.text) if isinstance(error, Answer) else (str(case), str(error))
        compare_error(file_name, test, call if case is None else str(case), sentence, replacements)

    return compare
