"""The same files in every place where MLflow keeps them: behind a server, in folders, in S3, of runs and of models."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.client.artifacts.source import checked_path
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.artifacts import download_artifacts
from tests.support import raw_store
from tests.support.artifact_homes import Home
from tests.support.servers import (
    answering,
    cut,
    fail,
    faulty_proxy,
    forked_mlflow_server,
    ignore_range,
    missing_as_500,
    refused_uri,
    running_s3_server,
    scripted,
    unknown_route,
)

LOG = "".join(f"line {n}: größer\n" for n in range(1, 30_001))
FILES = {"config.yml": "a: 1\n", "logs/client.log": LOG, "empty.txt": "", "table.csv": "a,b\n1,2\n"}

# What every place must answer alike: (tool, arguments, and what to look at).
QUESTIONS: list[tuple[str, dict, Callable]] = [
    ("list_artifacts", {"recursive": True}, lambda data: [row[0] for row in data["artifacts"]["rows"]]),
    ("list_artifacts", {"path": "logs"}, lambda data: data["artifacts"]["rows"]),
    ("list_artifacts", {"pattern": "*.yml"}, lambda data: (data["artifacts"]["rows"], data["total"])),
    ("get_artifact_content", {"artifact_path": "config.yaml"}, lambda data: (data["path"], data["text"])),
    ("get_artifact_content", {"artifact_path": "client.log", "max_lines": 2}, lambda data: data["text"]),
    ("get_artifact_content", {"artifact_path": "client.log", "tail": 3}, lambda data: data["text"]),
    ("get_artifact_content", {"artifact_path": "client.log", "tail": 10_000}, lambda data: data["text"]),
    ("get_artifact_content", {"artifact_path": "client.log", "start_line": 29_999}, lambda data: data["text"]),
    ("get_artifact_content", {"artifact_path": "client.log", "start_byte": 300_000, "max_lines": 2}, lambda data: data["text"]),
    ("get_artifact_content", {"artifact_path": "config.yml", "tail": 9}, lambda data: data["text"]),
    ("get_artifact_content", {"artifact_path": "empty.txt"}, lambda data: data["notes"]),
    ("get_artifact_content", {"artifact_path": "table.csv"}, lambda data: data["table"]),
    ("search_artifacts", {"pattern": "größer", "last": True, "max_matches": 1}, lambda data: (data["total"], data["matches"]["rows"][0][1:])),
    ("download_artifacts", {}, lambda data: (len(data["files"]["rows"]), data["total"])),
]  # fmt: skip

PROBLEMS = [
    ("get_artifact_content", {"artifact_path": "config.yml", "start_byte": 5}, "The file has only 5 bytes."),
    ("get_artifact_content", {"artifact_path": "client.log", "start_line": 30_001}, "The file has only 30,000 lines."),
    ("get_artifact_content", {"artifact_path": "logs"}, "'logs' is a folder. list_artifacts(run_id, 'logs') shows what it holds."),
    ("get_artifact_content", {"artifact_path": "clint.log"}, "The run has no artifact 'clint.log'. Nearest: 'logs/client.log'."),
    ("list_artifacts", {"path": "log"}, "The run has no folder 'log'. Nearest: 'logs'. list_artifacts(run_id) shows the root."),
]  # fmt: skip


def owner(tool: str, owner_id: str) -> dict:
    return {"run_ids" if tool in ("search_artifacts", "download_artifacts") else "run_id": owner_id}


@pytest.fixture(scope="module")
def expected(sqlite_home, ask_many, tmp_path_factory) -> list:
    """The answers from a plain folder."""
    settings = Settings(tracking_uri=sqlite_home.uri, download_dir=str(tmp_path_factory.mktemp("expected")))
    run_id = sqlite_home.run(FILES)
    with ask_many(settings) as ask:
        return [shown(ask(tool, **owner(tool, run_id), **asked).data) for tool, asked, shown in QUESTIONS]


def assert_all_alike(
    uri: str | Settings, owner_id: str, expected: list, ask_many, questions: int = len(QUESTIONS)
) -> None:
    with ask_many(uri) as ask:
        for (tool, asked, shown), wanted in zip(QUESTIONS[:questions], expected):
            answer = ask(tool, **owner(tool, owner_id), **asked)
            assert not answer.is_error, (tool, asked, answer.text)
            assert shown(answer.data) == wanted, (tool, asked)
        for tool, asked, sentence in PROBLEMS:
            answer = ask(tool, **owner(tool, owner_id), **asked)
            assert answer.is_error, (tool, asked)
            assert answer.text.startswith(sentence), (tool, asked)


def test_a_plain_folder_answers_as_expected(expected):
    assert expected == [
        ["config.yml", "empty.txt", "logs/", "logs/client.log", "table.csv"],
        [["logs/client.log", len(LOG.encode())]],
        ([["config.yml", 5]], "1 file, 5 B that fit"),
        ("config.yml", "a: 1\n"),
        "line 1: größer\nline 2: größer\n",
        "line 29998: größer\nline 29999: größer\nline 30000: größer\n",
        LOG[-len(expected[6]) :],
        "line 29999: größer\nline 30000: größer\n",
        LOG.encode()[300_000:].decode()[: len(expected[8])],
        "a: 1\n",
        ["The file is empty."],
        {"columns": ["a", "b"], "rows": [[1, 2]]},
        (30_000, ["client.log", 30_000, "line 30000: größer"]),
        (4, "4 files, 619 kB"),
    ]
    assert 20_000 < len(expected[6]) < 32_000, "as much as fits into an answer"
    assert len(expected[8].splitlines()) == 2


# --- servers


def test_a_server_that_proxies_its_artifacts(http_home, expected, ask_many):
    assert_all_alike(http_home.uri, http_home.run(FILES), expected, ask_many)


def test_a_server_that_ignores_ranges(http_home, expected, ask_many):
    with faulty_proxy(http_home.uri, ignore_range()) as proxy:
        assert_all_alike(proxy.uri, http_home.run(FILES), expected, ask_many)


def test_a_server_whose_runs_keep_their_files_in_a_folder_of_its_own(http_home, expected, ask_many, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(http_home.uri)
    location = tmp_path / "own disk"
    experiment = client.create_experiment(f"own disk {tmp_path.name}", str(location))
    run_id = client.create_run(experiment).info.run_id
    fill(location / run_id / "artifacts")

    assert_all_alike(http_home.uri, run_id, expected, ask_many)


def test_a_local_store_whose_runs_keep_their_files_in_a_shared_folder(sqlite_home, expected, ask_many, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(sqlite_home.uri)
    location = tmp_path / "shared folder"
    experiment = client.create_experiment(f"shared {tmp_path.name}", location.as_uri())
    run_id = client.create_run(experiment).info.run_id
    fill(location / run_id / "artifacts")

    assert_all_alike(sqlite_home.uri, run_id, expected, ask_many)


def fill(folder: Path) -> None:
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


# --- faults of servers


def read(uri: str | Settings, run_id: str, ask, path: str = "logs/client.log", **asked):
    return ask(uri, "get_artifact_content", run_id=run_id, artifact_path=path, **asked)


@pytest.mark.parametrize("asked", [{}, {"tail": 5}, {"start_line": 20_000}, {"start_byte": 9}], ids=str)
@pytest.mark.parametrize("also", [(), (ignore_range(),)], ids=["ranges", "no ranges"])
def test_a_body_that_is_cut_is_an_error_and_never_a_shorter_answer(asked, also, http_home, ask):
    run_id = http_home.run(FILES)

    with faulty_proxy(http_home.uri, cut("/get-artifact", after=100), *also) as proxy:
        answer = read(proxy.uri, run_id, ask, **asked)

    assert answer.is_error
    assert "cannot be reached" in answer.text or "broke off" in answer.text, answer.text


def test_only_the_end_of_a_log_is_requested_for_its_tail(http_home, ask):
    run_id = http_home.run({"big.log": LOG * 20})

    with faulty_proxy(http_home.uri) as proxy:
        answer = read(proxy.uri, run_id, ask, "big.log", tail=100)
        ranges = [seen.headers.get("Range") for seen in proxy.requests if "/get-artifact" in seen.path]

    assert answer.data["text"] == "".join((LOG * 20).splitlines(keepends=True)[-100:])
    assert sorted(ranges) == ["bytes=-20000", "bytes=0-4095"]


@pytest.mark.parametrize("body", ["", "<html>Range not satisfiable</html>"])
def test_a_refused_range_that_tells_no_size_is_read_without_a_range(body, http_home, ask):
    """As some gateways answer ranges beyond the end."""
    run_id = http_home.run({"a.txt": "a\nb\n"})

    # One request at a time: which of two at once comes first is not for a test to say.
    with faulty_proxy(http_home.uri, fail(416, "/get-artifact", 1, body=body)) as proxy:
        answer = read(proxy.uri, run_id, ask, "a.txt")

    assert not answer.is_error, answer.text
    assert answer.data["text"] == "a\nb\n"
    assert len([seen for seen in proxy.requests if "/get-artifact" in seen.path]) == 2


def test_a_page_that_refuses_every_request_is_no_file(ask):
    with answering(416, "<html>Range not satisfiable</html>", "text/html") as uri:
        answer = read(uri, "0123456789abcdef0123456789abcdef", ask, "a.txt", tail=5)

    assert answer.is_error
    assert answer.text.startswith(f"What answers at {uri} is not an MLflow tracking server (status 416,")


def test_a_login_page_is_not_taken_for_a_file(http_home, ask, snapshot_error):
    run_id = http_home.run(FILES)

    with answering(200, "<html>Please log in</html>", "text/html") as uri:
        answer = read(uri, run_id, ask)

    snapshot_error(answer)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not accept the credentials (401)"), (403, "refuses access"), (500, "returned an internal error (500)"), (503, "is overloaded (503)")],
)  # fmt: skip
def test_a_server_that_refuses_a_file_is_not_a_missing_file(status, words, http_home, ask):
    run_id = http_home.run(FILES)

    with faulty_proxy(http_home.uri, fail(status, "/get-artifact")) as proxy:
        answer = read(proxy.uri, run_id, ask)

    assert answer.is_error
    assert words in answer.text


OLD_SERVER = missing_as_500("get-artifact|mlflow-artifacts")


def test_a_server_that_answers_500_for_what_is_not_there(http_home, expected, ask_many):
    """As MLflow before 3.14: loose paths, missing files and missing folders are answered as by a newer one."""
    with faulty_proxy(http_home.uri, OLD_SERVER) as proxy:
        assert_all_alike(proxy.uri, http_home.run(FILES), expected, ask_many)


def test_a_server_whose_static_prefix_has_moved_its_files_away_from_the_api(http_home, expected, ask_many):
    """As `--static-prefix` of older servers does: they still proxy the files of runs below the API."""
    with faulty_proxy(http_home.uri, unknown_route("^/get-artifact")) as proxy:
        assert_all_alike(proxy.uri, http_home.run(FILES), expected, ask_many)


def test_a_file_in_a_missing_folder_of_an_old_server_is_missing(http_home, ask):
    with faulty_proxy(http_home.uri, OLD_SERVER) as proxy:
        answer = read(proxy.uri, http_home.run(FILES), ask, "nowhere/at/all.txt")

    assert answer.is_error
    assert answer.text.startswith("The run has no artifact 'nowhere/at/all.txt'.")


def test_loose_names_of_an_old_server_are_compared(http_home, ask):
    runs = [http_home.run({"a/b/config.yml": f"a: {value}\n"}) for value in (1, 2)]

    with faulty_proxy(http_home.uri, OLD_SERVER) as proxy:
        answer = ask(proxy.uri, "diff_artifacts", run_ids=runs, artifact_path="b/config.yaml")

    assert not answer.is_error, answer.text
    assert "1" in answer.text


def test_a_folder_whose_listing_fails_is_missing_where_the_one_above_says_so(http_home, ask):
    run_id = http_home.run(FILES)

    with faulty_proxy(http_home.uri, fail(500, r"artifacts/list.*path=(logs|nowhere)")) as proxy:
        broken = ask(proxy.uri, "list_artifacts", run_id=run_id, path="logs")
        proxy.faults[:] = [fail(500, r"artifacts/list.*path=nowhere")]
        missing = ask(proxy.uri, "list_artifacts", run_id=run_id, path="nowhere/in/it")

    assert "returned an internal error (500)" in broken.text
    assert missing.text.startswith("The run has no folder 'nowhere/in/it'.")


def test_where_files_and_listings_fail_nothing_is_called_missing(http_home, ask):
    run_id = http_home.run(FILES)

    with faulty_proxy(http_home.uri, fail(500, "get-artifact|artifacts/list")) as proxy:
        answer = read(proxy.uri, run_id, ask, "nothing.txt")

    assert answer.is_error
    assert "returned an internal error (500)" in answer.text


def test_a_file_that_vanishes_while_it_is_read_is_missing(both_homes, ask_many):
    run_id = both_homes.run(FILES)

    with ask_many(both_homes.uri) as ask:
        ask("get_artifact_content", run_id=run_id, artifact_path="logs/client.log")
        (both_homes.folder(run_id) / "logs" / "client.log").unlink()
        answer = ask("get_artifact_content", run_id=run_id, artifact_path="logs/client.log", tail=1)

    assert answer.is_error
    assert answer.text.startswith("The run has no artifact 'logs/client.log'.")


def test_a_file_that_grows_is_read_as_it_is_at_each_call(both_homes, ask_many):
    run_id = both_homes.run({"a.log": "first\n"})

    with ask_many(both_homes.uri) as ask:
        before = ask("get_artifact_content", run_id=run_id, artifact_path="a.log", tail=1)
        with (both_homes.folder(run_id) / "a.log").open("a") as file:
            file.write("second\n" * 10_000)
        after = ask("get_artifact_content", run_id=run_id, artifact_path="a.log", tail=1)
        counted = ask("search_artifacts", run_ids=run_id, pattern="second")

    assert (before.data["text"], after.data["text"]) == ("first\n", "second\n")
    assert (after.data["bytes"], counted.data["total"]) == (70_006, 10_000)


# --- names


def test_no_name_leads_out_of_a_run_or_of_the_folder_for_downloads(tmp_path):
    @given(
        st.lists(
            st.sampled_from(["..", ".", "", "a", "~", "C:", "\\", "/", " ", "%2e%2e", "é", "\0", "-"])
            | st.text(max_size=4),
            max_size=6,
        )
    )
    def leads_nowhere(parts):
        for name in ("/".join(parts), "".join(parts)):
            try:
                plain = checked_path(name)
                place = download_artifacts._target(tmp_path, "m-1", name)
            except Problem:
                continue
            assert not plain.startswith("/")
            assert ".." not in plain.split("/")
            assert place.is_relative_to(tmp_path / "m-1")
            assert place != tmp_path / "m-1"

    leads_nowhere()


# --- models


@dataclass(frozen=True)
class Models:
    home: Home
    model_id: str
    source: str


@pytest.fixture(params=["sqlite", "http"], scope="module")
def both_models(request, tmp_path_factory) -> Models:
    """A logged model, version 1 (`@best`) of `shop/classifier` made from it, and version 2 made from a run's folder."""
    from mlflow import MlflowClient

    home = request.getfixturevalue(f"{request.param}_home")
    client = MlflowClient(home.uri)
    run_id = home.run({f"model/{path}": content for path, content in FILES.items()})
    model = client.create_logged_model("0", name="classifier", source_run_id=run_id)
    folder = tmp_path_factory.mktemp("model")
    fill(folder)
    client.log_model_artifacts(model.model_id, str(folder))
    client.create_registered_model("shop-classifier")
    if request.param == "http":
        client.create_model_version("shop-classifier", f"models:/{model.model_id}", model_id=model.model_id)
    else:  # MLflow would look for `models:/m-…` in the store that it takes for the current one
        client.create_model_version("shop-classifier", model.artifact_location)
    client.set_registered_model_alias("shop-classifier", "best", "1")
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    client.create_model_version("shop-classifier", source, run_id)
    return Models(home, model.model_id, source)


@pytest.mark.parametrize(
    "named",
    [
        "{id}",
        "models:/{id}",
        "models:/shop-classifier/1",
        "models:/shop-classifier@best",
        "models:/shop-classifier/2",
        "models:/shop-classifier/latest",
    ],
)
def test_the_files_of_a_model(named, both_models, expected, ask_many):
    # Versions and aliases lead to the same place: the first questions show that.
    questions = 4 if "shop" in named else len(QUESTIONS)
    assert_all_alike(both_models.home.uri, named.format(id=both_models.model_id), expected, ask_many, questions)


def test_the_files_of_a_model_of_an_old_server(http_home, expected, ask_many, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(http_home.uri)
    model_id = client.create_logged_model("0", name="old-classifier").model_id
    fill(tmp_path / "model")
    client.log_model_artifacts(model_id, str(tmp_path / "model"))

    with faulty_proxy(http_home.uri, OLD_SERVER) as proxy:
        assert_all_alike(proxy.uri, model_id, expected, ask_many)


@pytest.mark.parametrize(
    "named",
    [
        "m-" + "0" * 32,
        "models:/shop-classifier/9",
        "models:/shop-classifier@worst",
        "models:/nothing/1",
        "models:/shop-classifier",
    ],
)
def test_an_unknown_model_is_refused_by_name(named, both_models, ask, snapshot_error):
    for tool in ("list_artifacts", "get_artifact_content"):
        more = {"artifact_path": "config.yml"} if tool == "get_artifact_content" else {}
        answer = ask(both_models.home.uri, tool, run_id=named, **more)

        snapshot_error(answer)


def test_model_files_on_the_disk_of_a_server_are_reported_as_unreachable(http_home, ask, tmp_path, snapshot_error):
    from mlflow import MlflowClient

    client = MlflowClient(http_home.uri)
    experiment = client.create_experiment(f"far away {tmp_path.name}", "file:///srv/far/away")
    model = client.create_logged_model(experiment, name="far")

    answer = ask(http_home.uri, "list_artifacts", run_id=model.model_id)

    snapshot_error(answer)


def test_a_server_cannot_make_a_folder_of_this_machine_readable(ask, tmp_path):
    """Whoever may write to a tracking server could name any folder as the place of a model's files."""
    private = tmp_path / "private"
    private.mkdir()
    (private / "diary.txt").write_text("dear diary")
    model_id = f"m-{'0' * 32}"
    times = {"creation_timestamp_ms": 1, "last_updated_timestamp_ms": 1}
    info = {"model_id": model_id, "experiment_id": "0", "name": "x", "artifact_uri": private.as_uri(), **times}
    body = json.dumps({"model": {"info": {**info, "status": "LOGGED_MODEL_READY"}, "data": {}}})

    with answering(200, body, "application/json") as uri:
        answer = ask(uri, "get_artifact_content", run_id=model_id, artifact_path="diary.txt")

    assert answer.is_error
    assert answer.text.startswith(f"These artifacts lie in {private} of the server's own disk")


# --- roots that somebody else has chosen


def run_at(uri: str, root: str) -> str:
    """A run whose artifact root is this, as somebody with the right to write to the database can make it."""
    run_id = uuid.uuid4().hex
    with raw_store.opened(uri) as db:
        raw_store.add_runs(db, [raw_store.RawRun(run_id, artifact_uri=root)])
    return run_id


def test_a_shared_store_cannot_make_a_folder_of_this_machine_readable(sqlite_home, ask, tmp_path):
    private = tmp_path / "private"
    private.mkdir()
    (private / "diary.txt").write_text("dear diary")
    roots = [private.as_uri(), str(private), f"{private.as_uri()}/../private", "file:///etc", "/"]
    answers = [read(sqlite_home.uri, run_at(sqlite_home.uri, root), ask, "diary.txt") for root in roots]
    allowing = Settings(tracking_uri=sqlite_home.uri, artifact_roots=(str(tmp_path),))
    allowed = read(allowing, run_at(sqlite_home.uri, private.as_uri()), ask, "diary.txt")

    for answer in answers:
        assert answer.is_error, answer.data
        assert "is outside the store's artifacts and not read" in answer.text.replace("which ", "")
    assert allowed.data["text"] == "dear diary"


def test_a_link_does_not_lead_out_of_the_allowed_folder(sqlite_home, ask, tmp_path):
    private, allowed = tmp_path / "private", tmp_path / "allowed"
    private.mkdir()
    allowed.mkdir()
    (allowed / "link").symlink_to(private)
    settings = Settings(tracking_uri=sqlite_home.uri, artifact_roots=(str(allowed),))

    answer = ask(settings, "list_artifacts", run_id=run_at(sqlite_home.uri, f"{allowed}/link"))

    assert "outside the store's artifacts" in answer.text


NEVER = ["ftp", "sftp", "hdfs", "dbfs", "http", "https", "viewfs", "mlflow-artifacts", "gopher"]


@pytest.mark.parametrize("scheme", NEVER)
def test_other_hosts_are_contacted_for_no_run(scheme, sqlite_home, ask):
    with listening() as (place, heard):
        settings = Settings(tracking_uri=sqlite_home.uri, artifact_roots=(f"{scheme}://{place}",))
        run_id = run_at(sqlite_home.uri, f"{scheme}://{place}/x")
        answer = ask(settings, "list_artifacts", run_id=run_id)

        assert not heard()
    assert answer.is_error
    assert "which this server never contacts" in answer.text or "behind the MLflow server" in answer.text


@contextmanager
def listening() -> Iterator[tuple[str, Callable[[], bool]]]:
    """A port, and whether somebody has connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)

        def heard() -> bool:
            with suppress(BlockingIOError):
                server.accept()
                return True
            return False

        yield f"127.0.0.1:{server.getsockname()[1]}", heard


@pytest.mark.parametrize("scheme", ["ftp", "s3", "gs", "hdfs", "sftp"])
def test_a_failing_server_does_not_send_this_process_to_another_host(scheme, ask):
    run_id = "0" * 32
    with listening() as (place, heard):
        info = {"run_id": run_id, "experiment_id": "0", "artifact_uri": f"{scheme}://{place}/x", "status": "FINISHED"}

        def answer(handler):
            if "runs/get" in handler.path:
                body = json.dumps({"run": {"info": {**info, "lifecycle_stage": "active"}, "data": {}}})
                handler.reply(200, body.encode(), {"Content-Type": "application/json"})
            else:
                handler.reply(500, b"", {})

        with scripted(answer) as uri:
            found = read(uri, run_id, ask, "config.yml")

        assert not heard()
    assert found.is_error


@pytest.mark.parametrize("root", ["s3://other/team/x", "s3://bucket/teams/x", "s3://bucket/team/../x", "s3:///team/x"])
def test_a_bucket_that_nobody_allows_is_not_read(root, sqlite_home, ask, snapshot_error):
    settings = Settings(tracking_uri=sqlite_home.uri, artifact_roots=("s3://bucket/team",))

    snapshot_error(ask(settings, "list_artifacts", run_id=run_at(sqlite_home.uri, root)), root)


# --- S3


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[str]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as uri:
        yield uri


@pytest.fixture
def bucket(s3, monkeypatch, tmp_path) -> str:
    """`s3://…` of a new bucket that this process may read, with FILES under `runs/artifacts`."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", s3)
    name = f"bucket-{abs(hash(str(tmp_path))) % 10**12}"
    client = boto3.client("s3", endpoint_url=s3)
    client.create_bucket(Bucket=name)
    return f"s3://{name}"


def put(bucket: str, s3: str, prefix: str, files: dict[str, str]) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=s3)
    for path, content in files.items():
        client.put_object(Bucket=bucket.removeprefix("s3://"), Key=f"{prefix}/{path}", Body=content.encode())


def reading(bucket: str, uri: str) -> Settings:
    """The settings of an operator who allows it."""
    return Settings(tracking_uri=uri, artifact_roots=(bucket,))


def run_in(uri: str, location: str, name: str) -> str:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    return str(client.create_run(client.create_experiment(name, location)).info.run_id)


def test_a_run_whose_files_are_in_s3(s3, bucket, sqlite_home, expected, ask_many, tmp_path):
    run_id = run_in(sqlite_home.uri, f"{bucket}/team/a", f"s3 {tmp_path.name}")
    put(bucket, s3, f"team/a/{run_id}/artifacts", FILES)

    assert_all_alike(reading(f"{bucket}/team", sqlite_home.uri), run_id, expected, ask_many)


def test_only_the_shown_part_of_a_file_in_s3_is_requested(s3, bucket, sqlite_home, ask, tmp_path, monkeypatch):
    run_id = run_in(sqlite_home.uri, bucket, f"s3 ranges {tmp_path.name}")
    put(bucket, s3, f"{run_id}/artifacts", {"big.log": LOG * 5})

    with faulty_proxy(s3) as proxy:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", proxy.uri)
        answer = read(reading(bucket, sqlite_home.uri), run_id, ask, "big.log", tail=10)
        ranges = [seen.headers.get("Range") for seen in proxy.requests]

    assert answer.data["text"] == "".join(LOG.splitlines(keepends=True)[-10:])
    assert ranges
    assert sum(bytes_of(each) for each in ranges) < len(LOG.encode()) // 10


def bytes_of(range_header):
    """How many bytes a Range header asks for; a request without one asks for the whole file and fails here."""
    start, _, end = range_header.removeprefix("bytes=").partition("-")
    return int(end) - int(start) + 1 if start else int(end)


def test_a_body_from_s3_that_is_cut_is_an_error(s3, bucket, sqlite_home, ask, tmp_path, monkeypatch):
    run_id = run_in(sqlite_home.uri, bucket, f"s3 cut {tmp_path.name}")
    put(bucket, s3, f"{run_id}/artifacts", {"a.log": LOG})

    with faulty_proxy(s3, cut(r"a\.log", after=1_000)) as proxy:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", proxy.uri)
        cut_read = read(reading(bucket, sqlite_home.uri), run_id, ask, "a.log")
        cut_search = ask(
            reading(bucket, sqlite_home.uri), "search_artifacts", run_ids=run_id, pattern="line", glob="a.log"
        )

    for answer in (cut_read, cut_search):
        assert answer.is_error
        assert "broke off after" in answer.text or "could not be read" in answer.text


def test_a_bucket_that_cannot_be_read_is_reported(s3, bucket, sqlite_home, ask, tmp_path, monkeypatch):
    missing = run_in(sqlite_home.uri, "s3://no-such-bucket/a", f"s3 missing {tmp_path.name}")
    down = run_in(sqlite_home.uri, bucket, f"s3 down {tmp_path.name}")

    listed = ask(reading("s3://no-such-bucket", sqlite_home.uri), "list_artifacts", run_id=missing)
    assert listed.text.startswith("The bucket 'no-such-bucket' could not be read: ")
    assert listed.text.endswith(
        "The specified bucket does not exist. "
        "Check the AWS credentials and MLFLOW_S3_ENDPOINT_URL in the host's env block."
    )
    with refused_uri() as uri:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", uri)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        answer = read(reading(bucket, sqlite_home.uri), down, ask)
    assert answer.is_error
    assert answer.text.startswith(
        f"The bucket '{bucket.removeprefix('s3://')}' could not be read: Could not connect to"
    )


def test_a_bucket_that_only_this_machine_may_read_is_read_past_the_server(
    s3, bucket, expected, ask_many, session_folder, tmp_path
):
    no_access = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true", "MLFLOW_S3_ENDPOINT_URL": s3, "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_CONFIG_FILE": "/nowhere"}  # fmt: skip

    with forked_mlflow_server(session_folder, tmp_path / "server", environment=no_access) as uri:
        run_id = run_in(uri, f"{bucket}/b", "s3 behind")
        put(bucket, s3, f"b/{run_id}/artifacts", FILES)

        assert_all_alike(reading(bucket, uri), run_id, expected, ask_many)


@pytest.mark.parametrize(
    "window", [{}, {"tail": 7}, {"start_line": 500, "max_lines": 9}], ids=["head", "tail", "middle"]
)
def test_a_server_that_ignores_ranges_gives_the_same(window, mlflow_server, ask):
    asked = {
        "run_id": mlflow_server.seeded.log_run,
        "artifact_path": f"{mlflow_server.seeded.log_path}/client-481516.log",
        **window,
    }
    with faulty_proxy(mlflow_server.uri, ignore_range()) as proxy:
        without = ask(proxy.uri, "get_artifact_content", **asked)

    assert without.data == ask(mlflow_server.uri, "get_artifact_content", **asked).data
