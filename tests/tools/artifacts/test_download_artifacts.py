"""download_artifacts: whole files below one folder, resumed, never half, never elsewhere."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, server_of
from tests.support.servers import answering, cut, faulty_proxy, scripted, stall

FILES = {
    "config.yml": "a: 1\n",
    "task/logs/client-1.log": "log\n" * 1_000,
    "task/artifacts/results.yml": "results: {}\n",
    "model/weights.bin": bytes(range(256)) * 4_000,
}


def states(answer) -> dict[str, str]:
    table = data_of(answer)["files"]
    common = table.get("common", {})
    rows = [common | dict(zip(table["columns"], row)) for row in table["rows"]]
    return {row["path"].partition("/")[2]: row["state"] for row in rows}


def on_disk(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def downloads(tmp_path):
    """Where the servers of these tests may write: `mlflow-mcp-files` in the folder they are started in."""
    return tmp_path / "mlflow-mcp-files"


def test_a_whole_tree(both_homes, ask, downloads, snapshot):
    run_id = both_homes.run(FILES)

    answer = ask(both_homes.uri, "download_artifacts", run_ids=run_id)

    snapshot("download_artifacts.tree", answer, {str(downloads): "<downloads>"})
    expected = {path: content.encode() if isinstance(content, str) else content for path, content in FILES.items()}
    assert on_disk(downloads / run_id) == expected


@pytest.mark.parametrize(
    ("paths", "files"),
    [
        ("config.yaml", ["config.yml"]),
        ("results.yml", ["task/artifacts/results.yml"]),
        ("task", ["task/logs/client-1.log", "task/artifacts/results.yml"]),
        ("task/logs/", ["task/logs/client-1.log"]),
        ("**/*.log", ["task/logs/client-1.log"]),
        (["*.yml", "config.yml"], ["config.yml", "task/artifacts/results.yml"]),
    ],
)
def test_a_part_of_a_tree(paths, files, home, ask, downloads):
    run_id = home.run(FILES)

    assert states(ask(home.uri, "download_artifacts", run_ids=run_id, paths=paths)) == dict.fromkeys(
        files, "downloaded"
    )
    assert sorted(on_disk(downloads / run_id)) == sorted(files)


def test_several_runs_have_folders_of_their_own(both_homes, ask, downloads):
    first, second = both_homes.run({"a.txt": "first"}), both_homes.run({"a.txt": "second"})

    data_of(ask(both_homes.uri, "download_artifacts", run_ids=[first, second]))

    assert on_disk(downloads) == {f"{first}/a.txt": b"first", f"{second}/a.txt": b"second"}


def test_files_that_are_there_are_kept_and_replaced_only_when_the_call_says_so(both_homes, ask_many, downloads):
    run_id = both_homes.run({"same.txt": "12345", "edited.txt": "12345", "other.txt": "12345", "empty.txt": ""})
    (downloads / run_id).mkdir(parents=True)
    (downloads / run_id / "same.txt").write_text("12345")
    (downloads / run_id / "edited.txt").write_text("54321")
    (downloads / run_id / "other.txt").write_text("a longer one")

    with ask_many(both_homes.uri) as ask:
        first = ask("download_artifacts", run_ids=run_id)
        kept = on_disk(downloads / run_id)
        again = ask("download_artifacts", run_ids=run_id, overwrite=True)

    assert states(first) == {
        "same.txt": "present",
        "edited.txt": "differs",
        "other.txt": "differs",
        "empty.txt": "downloaded",
    }
    assert first.data["notes"] == [
        "2 files here differ from the run's, changed here or there, and were kept: overwrite=true replaces them."
    ]
    assert kept == {"same.txt": b"12345", "edited.txt": b"54321", "other.txt": b"a longer one", "empty.txt": b""}
    assert [states(again)[name] for name in ("same.txt", "edited.txt", "other.txt")] == [
        "present",
        "downloaded",
        "downloaded",
    ]
    assert on_disk(downloads / run_id) == {
        name: content.encode()
        for name, content in {"same.txt": "12345", "edited.txt": "12345", "other.txt": "12345", "empty.txt": ""}.items()
    }


def test_a_part_of_another_version_is_not_gone_on_with(both_homes, ask, downloads):
    run_id = both_homes.run({"a.txt": "AAAAAAAAAA"})
    (downloads / run_id).mkdir(parents=True)
    leave_a_part(downloads / run_id, "a.txt", b"BBBBB", 10)

    assert states(ask(both_homes.uri, "download_artifacts", run_ids=run_id)) == {"a.txt": "downloaded"}
    assert on_disk(downloads / run_id) == {"a.txt": b"AAAAAAAAAA"}


def test_nothing_is_written_through_a_link_that_lies_where_a_part_would(home, ask, downloads, tmp_path):
    """In a repository of somebody else's, in which the server was started."""
    run_id = home.run({"a.txt": "AAAAAAAAAA"})
    (tmp_path / "bashrc").write_text("AAAA")
    (downloads / run_id).mkdir(parents=True)
    planted = [".a.txt.10.0123456789abcdef.part", ".a.txt.part", ".a.txt.d5afbb57.part"]
    for name in planted:
        (downloads / run_id / name).symlink_to(tmp_path / "bashrc")
    (downloads / run_id / "a.txt").symlink_to(downloads / run_id / "nowhere")

    answer = ask(home.uri, "download_artifacts", run_ids=run_id)

    assert (tmp_path / "bashrc").read_text() == "AAAA"
    assert not answer.is_error


def test_odd_names_are_skipped_and_told(ask, downloads):
    names = ["good.txt", "line\nbreak.txt", "n" * 300, "../evil.txt", "a/../../b", "nul\0.txt", "x" * 2_000]
    run_id = "0" * 32

    def answer(handler):
        if "artifacts/list" in handler.path:
            files = [{"path": name, "is_dir": False, "file_size": 4} for name in names]
            handler.reply(200, json.dumps({"files": files}).encode(), {"Content-Type": "application/json"})
        else:
            handler.reply(200, b"good", {"Content-Type": "text/plain"})

    with scripted(answer) as uri:
        found = ask(uri, "download_artifacts", run_ids=run_id)

    assert states(found) == {"good.txt": "downloaded"}
    assert found.data["notes"][0].startswith("6 files skipped: ")


def test_a_file_that_grows_while_it_is_fetched_stops_nothing(ask, downloads):
    def answer(handler):
        if "artifacts/list" in handler.path:
            files = [{"path": name, "is_dir": False, "file_size": 4} for name in ("a.log", "b.txt")]
            handler.reply(200, json.dumps({"files": files}).encode(), {"Content-Type": "application/json"})
        else:
            handler.reply(200, b"grown" * 2_000 if "a.log" in handler.path else b"good", {"Content-Type": "text/plain"})

    with scripted(answer) as uri:
        found = ask(uri, "download_artifacts", run_ids="0" * 32)

    assert states(found) == {"b.txt": "downloaded"}
    assert found.data["notes"] == ["1 file skipped: 'a.log' came with 10 kB instead of 4 B: it is being written."]
    assert on_disk(downloads / ("0" * 32)) == {"b.txt": b"good"}


@pytest.mark.parametrize("fault", ["shorter", "missing"])
def test_a_file_that_shrinks_or_vanishes_while_it_is_fetched_stops_nothing(fault, ask, downloads):
    def answer(handler):
        if "artifacts/list" in handler.path:
            files = [{"path": name, "is_dir": False, "file_size": 4} for name in ("a.log", "b.txt")]
            handler.reply(200, json.dumps({"files": files}).encode(), {"Content-Type": "application/json"})
        elif "b.txt" not in handler.path and ("a.log" not in handler.path or fault == "missing"):
            body = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}).encode()
            handler.reply(404, body, {"Content-Type": "application/json"})
        else:
            handler.reply(200, b"go" if "a.log" in handler.path else b"good", {"Content-Type": "text/plain"})

    with scripted(answer) as uri:
        found = ask(uri, "download_artifacts", run_ids="0" * 32)

    assert states(found) == {"b.txt": "downloaded"}
    assert found.data["notes"][0].startswith("1 file skipped: ")
    parts = [content for name, content in on_disk(downloads / ("0" * 32)).items() if name != "b.txt"]
    assert parts == ([b"go"] if fault == "shorter" else [])  # kept for the next call, under another name


def test_what_is_no_file_is_not_downloaded(sqlite_home, ask, downloads):
    """Reading a pipe would wait without end."""
    run_id = sqlite_home.run({"a.txt": "a", "A.txt": "A"})
    os.mkfifo(sqlite_home.folder(run_id) / "pipe")

    found = ask(sqlite_home.uri, "download_artifacts", run_ids=run_id)

    assert states(found) == {"A.txt": "downloaded", "a.txt": "downloaded"}
    assert on_disk(downloads / run_id) == {"A.txt": b"A", "a.txt": b"a"}


def test_a_file_where_a_folder_must_be_stops_nothing_else(home, ask, downloads):
    """As in an object store that holds both `task` and `task/…`."""
    run_id = home.run(FILES)
    (downloads / run_id).mkdir(parents=True)
    (downloads / run_id / "task").write_text("mine")

    found = ask(home.uri, "download_artifacts", run_ids=run_id)

    assert states(found) == {"config.yml": "downloaded", "model/weights.bin": "downloaded"}
    assert "needs a folder where" in found.data["notes"][0]
    assert (downloads / run_id / "task").read_text() == "mine"


def test_a_full_disk_is_told_and_nothing_is_left_half_written(sqlite_home, ask, downloads):
    """A limit of the system on the size of files stands for the end of the disk."""
    run_id = sqlite_home.run({"a.bin": b"a" * 400_000, "b.txt": "small"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        full = ask(sqlite_home.uri, "download_artifacts", run_ids=run_id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    left = on_disk(downloads / run_id)
    again = ask(sqlite_home.uri, "download_artifacts", run_ids=run_id)

    assert states(full) == {"b.txt": "downloaded"}
    assert full.data["notes"][0].startswith("1 file skipped: 'a.bin' could not be written (File too large). Free space")
    assert left == {"b.txt": b"small"}
    assert states(again) == {"a.bin": "downloaded", "b.txt": "present"}
    assert on_disk(downloads / run_id) == {"a.bin": b"a" * 400_000, "b.txt": b"small"}


def test_a_part_that_another_call_is_writing_is_left_to_it(home, ask, downloads):
    run_id = home.run({"a.bin": b"a" * 50_000})
    (downloads / run_id).mkdir(parents=True)
    part = downloads / run_id / f".a.bin.50000.{'0' * 16}.part"
    part.write_bytes(b"a" * 20_000)
    with part.open("ab") as other_call:
        fcntl.flock(other_call.fileno(), fcntl.LOCK_EX)
        beside = ask(home.uri, "download_artifacts", run_ids=run_id)

    assert states(beside) == {"a.bin": "downloaded"}
    assert on_disk(downloads / run_id) == {"a.bin": b"a" * 50_000, part.name: b"a" * 20_000}


@pytest.mark.slow
def test_two_downloads_of_one_run_at_once_both_leave_it_whole(home, ask_many, downloads):
    content = bytes(range(256)) * 40_000
    run_id = home.run({f"{number}.bin": content for number in range(4)})
    with ask_many(home.uri) as first, ask_many(home.uri) as second, ThreadPoolExecutor(2) as threads:
        both = [threads.submit(each, "download_artifacts", run_ids=run_id) for each in (first, second)]
        found = [each.result() for each in both]

    assert on_disk(downloads / run_id) == {f"{number}.bin": content for number in range(4)}
    assert {state for each in found for state in states(each).values()} <= {"downloaded", "present"}


def test_an_interrupted_download_is_resumed_where_it_ended(http_home, ask_many, downloads):
    run_id = http_home.run({"weights.bin": FILES["model/weights.bin"]})
    whole = FILES["model/weights.bin"]

    with faulty_proxy(http_home.uri, cut("/get-artifact", 1, after=600_000)) as proxy, ask_many(proxy.uri) as ask:
        broken = ask("download_artifacts", run_ids=run_id)
        left = on_disk(downloads / run_id)
        resumed = ask("download_artifacts", run_ids=run_id)
        asked = [seen.headers.get("Range") for seen in proxy.requests if "/get-artifact" in seen.path]

    assert problem_of(broken)
    ((part, content),) = left.items()
    assert part.endswith(".part")
    assert content == whole[: len(content)]
    assert 0 < len(content) <= 600_000
    assert states(resumed) == {"weights.bin": "resumed"}
    # Before it goes on, what is there is compared.
    assert asked[0] is None
    assert f"bytes={len(content)}-" in asked
    assert on_disk(downloads / run_id) == {"weights.bin": whole}


def test_a_partial_file_is_gone_on_with_where_it_fits(both_homes, ask_many, downloads):
    run_id = both_homes.run({"a.txt": "123456789"})

    with ask_many(both_homes.uri) as ask:
        data_of(ask("download_artifacts", run_ids=run_id))
        for content, state in ((b"x" * 50, "downloaded"), (b"1234", "resumed"), (b"123456789", "resumed")):
            (downloads / run_id / "a.txt").unlink()
            leave_a_part(downloads / run_id, "a.txt", content, 9)
            assert states(ask("download_artifacts", run_ids=run_id)) == {"a.txt": state}

    assert on_disk(downloads / run_id)["a.txt"] == b"123456789"


def leave_a_part(folder, name, content, size):
    """As if the download of the file of `size` had ended after these bytes."""
    from mlflow_mcp.client.artifacts.store import ArtifactEntry
    from mlflow_mcp.tools.artifacts.download_file import FileDownload

    FileDownload(None, ArtifactEntry(name, False, size), folder / name).new_part().write_bytes(content)


def test_an_artifact_named_like_a_partial_file_is_kept(home, ask_many, downloads):
    run_id = home.run({"a.txt": "123456789", "a.txt.part": "not it", ".a.txt.part": "nor this"})

    with ask_many(home.uri) as ask:
        data_of(ask("download_artifacts", run_ids=run_id))
        (downloads / run_id / "a.txt").unlink()
        data_of(ask("download_artifacts", run_ids=run_id))

    assert on_disk(downloads / run_id) == {"a.txt": b"123456789", "a.txt.part": b"not it", ".a.txt.part": b"nor this"}


def test_a_file_gets_its_name_when_it_is_complete(http_home, ask, downloads):
    run_id = http_home.run({"a.bin": b"x" * 1_000_000})

    with faulty_proxy(http_home.uri, stall("/get-artifact", after=500_000)) as proxy:
        answer = ask(Settings(tracking_uri=proxy.uri, timeout=3), "download_artifacts", run_ids=run_id)

    assert problem_of(answer).startswith("download_artifacts did not finish within 3 s.")
    assert [name.endswith(".part") for name in on_disk(downloads / run_id)] == [True]


@pytest.mark.parametrize(
    "name", ["../evil.txt", "../../evil.txt", "/tmp/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"]
)
def test_a_server_cannot_write_elsewhere_by_its_files_names(name, ask, downloads, tmp_path):
    told = json.dumps({"files": [{"path": name, "is_dir": False, "file_size": 4}]})
    run_id = "0123456789abcdef0123456789abcdef"

    with answering(200, told) as uri, faulty_proxy(uri) as proxy:
        answer = ask(proxy.uri, "download_artifacts", run_ids=run_id)

    assert problem_of(answer)
    assert on_disk(tmp_path) == {}
    assert not Path("/tmp/evil.txt").exists()


def test_a_link_in_the_download_folder_is_not_followed_out_of_it(home, ask, downloads, tmp_path, snapshot_error):
    run_id = home.run({"sub/a.txt": "1"})
    (downloads / run_id).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (downloads / run_id / "sub").symlink_to(tmp_path / "elsewhere")

    snapshot_error(ask(home.uri, "download_artifacts", run_ids=run_id))
    assert on_disk(tmp_path / "elsewhere") == {}


def test_a_folder_with_the_name_of_a_download_is_reported(home, ask, downloads, snapshot_error):
    run_id = home.run({"a.txt": "1"})
    (downloads / run_id / "a.txt").mkdir(parents=True)

    snapshot_error(ask(home.uri, "download_artifacts", run_ids=run_id))


def test_free_space_is_checked_before_a_download(sqlite_home, ask, downloads):
    run_id = sqlite_home.run({"small.txt": "1"})
    with (sqlite_home.folder(run_id) / "huge.bin").open("wb") as file:
        file.truncate(min(shutil.disk_usage("/").total * 10, 2**43))  # sparse: it takes no room

    told = problem_of(ask(sqlite_home.uri, "download_artifacts", run_ids=run_id))

    assert re.fullmatch(
        r"[\d.]+ TB do not fit: .* has [\d.]+ .B free, of which 100 MB are left alone\. "
        r"Name fewer paths, or ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR to another disk\.",
        told,
    )
    assert not downloads.exists()


def test_a_large_download_reports_its_progress(both_homes, tmp_path):
    from anyio.from_thread import start_blocking_portal
    from mcp import Client

    run_id = both_homes.run({"a.bin": b"x" * 9_000_000, "b.txt": "1"})
    told = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async def download():
        async with Client(server_of(both_homes.uri)) as client:
            return await client.call_tool("download_artifacts", {"run_ids": run_id}, progress_callback=note)

    with start_blocking_portal() as portal:
        assert not portal.call(download).is_error

    assert told[-1][2] == "downloaded 9 MB of 9 MB, file 2 of 2"
    assert [done for done, *_ in told] == sorted(done for done, *_ in told)


def test_the_first_hundred_files_are_listed_and_the_rest_counted(sqlite_home, ask, downloads):
    run_id = sqlite_home.run({f"{n:03d}.txt": "x" for n in range(150)})

    answer = ask(sqlite_home.uri, "download_artifacts", run_ids=run_id)

    assert len(states(answer)) == 100
    assert len(on_disk(downloads / run_id)) == 150
    assert (data_of(answer)["total"], data_of(answer)["notes"]) == (
        "150 files, 150 B",
        ["50 more files: 50 downloaded."],
    )


def test_when_time_is_up_the_answer_says_what_is_missing(http_home, ask, downloads):
    files = {f"{n:04d}.txt": "x" for n in range(1_500)}
    run_id = http_home.run(files)

    answer = ask(Settings(tracking_uri=http_home.uri, timeout=2), "download_artifacts", run_ids=run_id)

    if not answer.is_error:  # on a machine that listed them in time
        notes = " ".join(answer.data["notes"])
        unfinished = re.search(r"Time limit reached: ([\d,]+) files? incomplete\. Call again to resume\.", notes)
        missing = 1_500 - len(on_disk(downloads / run_id))
        assert (int(unfinished[1].replace(",", "")) if unfinished else 0) == missing


@pytest.mark.parametrize(
    ("case", "files", "paths"),
    [
        ("no files", {}, None),
        ("a missing file", {"a.txt": ""}, "b.txt"),
        ("a glob without files", {"a.txt": ""}, "*.log"),
        ("two files that fit", {"x/a.txt": "", "y/a.txt": ""}, "a.txt/"),
        ("too many files", {f"{n}.txt": "" for n in range(2_001)}, None),
    ],
)
def test_an_impossible_download_is_refused(case, files, paths, home, ask, snapshot_error):
    answer = ask(home.uri, "download_artifacts", run_ids=home.run(files), **({"paths": paths} if paths else {}))

    snapshot_error(answer, case)


def test_a_download_folder_that_cannot_be_made_is_reported(home, ask, tmp_path):
    (tmp_path / "file").write_text("")

    settings = Settings(tracking_uri=home.uri, download_dir=str(tmp_path / "file" / "below"))
    told = problem_of(ask(settings, "download_artifacts", run_ids=home.run({"a.txt": "1"})))

    assert told.endswith("Ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR to a writable folder.")
