"""list_artifacts: what there is, wherever it is, and every way to be wrong about it."""

from __future__ import annotations

import os

import pytest

from tests.support.asking import data_of
from tests.support.servers import fail, faulty_proxy

GPQA = "eval-71f3f3199ea5e1f0-gpqa_diamond"
TREE = {
    "config.yml": "a: 1\n",
    "README.MD": "Read me.\n",
    "simple_evals.mmlu-pro/artifacts/results.yml": "results: {}\n",
    "simple_evals.mmlu-pro/logs/client-1.log": "x" * 1_500,
    "simple_evals.mmlu-pro/logs/server-1-0.log": "y" * 2_500_000,
    "model/weights/deep/er/layer.bin": b"\0" * 10,
}

ODD_NAMES = [
    "ünï çödé/日本語.txt",
    "with space/a b.txt",
    "quotes 'one' \"two\".txt",
    ".hidden/.env.txt",
    "100%/%2e%2e.txt",
    "plus+and&hash#.txt",
    "back\\slash.txt",
    "[brackets]{braces}*.txt",
    "-dash.txt",
    "~tilde.txt",
    " blank .txt",
    "n" * 200 + ".txt",
]


def listed(answer) -> list:
    assert not answer.is_error, answer.text
    return [row[0] for row in answer.data["artifacts"]["rows"]]


def test_a_tree_with_its_sizes(both_homes, ask, snapshot):
    run_id = both_homes.run(TREE)

    snapshot("list_artifacts.whole_tree", ask(both_homes.uri, "list_artifacts", run_id=run_id, recursive=True))


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({}, ["README.MD", "config.yml", "model/", "simple_evals.mmlu-pro/"]),
        ({"path": "model"}, ["model/weights/"]),
        ({"path": "model/", "recursive": True}, ["model/weights/", "model/weights/deep/", "model/weights/deep/er/", "model/weights/deep/er/layer.bin"]),
        ({"depth": 2, "path": "model"}, ["model/weights/", "model/weights/deep/"]),
        ({"pattern": "*.log"}, ["simple_evals.mmlu-pro/logs/client-1.log", "simple_evals.mmlu-pro/logs/server-1-0.log"]),
        ({"pattern": "**/results.yml"}, ["simple_evals.mmlu-pro/artifacts/results.yml"]),
        ({"pattern": "**/config.yml"}, ["config.yml"]),
        ({"pattern": "*.yml", "depth": 1}, ["config.yml"]),
        ({"path": "./simple_evals.mmlu-pro/logs"}, ["simple_evals.mmlu-pro/logs/client-1.log", "simple_evals.mmlu-pro/logs/server-1-0.log"]),
        ({"pattern": "**/*.log"}, ["simple_evals.mmlu-pro/logs/client-1.log", "simple_evals.mmlu-pro/logs/server-1-0.log"]),
        ({"pattern": "**/results.y*ml"}, ["simple_evals.mmlu-pro/artifacts/results.yml"]),
        ({"pattern": "results.yml"}, ["simple_evals.mmlu-pro/artifacts/results.yml"]),
        ({"pattern": "simple_evals.*/logs/server-*"}, ["simple_evals.mmlu-pro/logs/server-1-0.log"]),
        ({"pattern": "*.yml", "path": "simple_evals.mmlu-pro"}, ["simple_evals.mmlu-pro/artifacts/results.yml"]),
    ],
)  # fmt: skip
def test_a_part_of_a_tree(asked, paths, home, ask):
    run_id = home.run(TREE)

    assert sorted(listed(ask(home.uri, "list_artifacts", run_id=run_id, **asked))) == sorted(paths)


def test_several_runs_in_one_call(both_homes, ask, snapshot):
    first, second, empty = (
        both_homes.run({"a.txt": "1", "b.txt": "22"}),
        both_homes.run({"a.txt": "333"}),
        both_homes.run(),
    )

    answer = ask(both_homes.uri, "list_artifacts", run_id=[first, second, empty])

    snapshot("list_artifacts.several_runs", answer, {first: "<first>", second: "<second>", empty: "<empty>"})


@pytest.mark.parametrize(
    ("asked", "total"),
    [
        ({}, "1 file, 1 B at the root; 1 folder, not counted inside"),
        ({"path": "a"}, "1 file, 10 B in a/; 1 folder, not counted inside"),
        ({"path": "a/b"}, "1 file, 100 B in a/b/"),
        ({"path": "a", "recursive": True}, "2 files, 110 B in a/ and below, in 1 folder"),
        ({"recursive": True}, "3 files, 111 B in all, in 2 folders"),
        ({"depth": 2}, "2 files, 11 B down to level 2, in 2 folders"),
        ({"pattern": "*.log"}, "2 files, 110 B that fit"),
    ],
)
def test_the_total_says_where_it_was_counted(asked, total, sqlite_home, ask):
    run_id = sqlite_home.run({"x.txt": "x", "a/y.log": "x" * 10, "a/b/z.log": "x" * 100})

    assert ask(sqlite_home.uri, "list_artifacts", run_id=run_id, **asked).data["total"] == total


def test_a_large_tree_comes_in_pages_that_fit_together(both_homes, ask_many):
    run_id = both_homes.run({f"f/{n:03d}.txt": "" for n in range(45)})

    with ask_many(both_homes.uri) as ask:
        pages: list[list[str]] = []
        cursor: dict[str, str] = {}
        while not pages or cursor:
            answer = ask("list_artifacts", run_id=run_id, recursive=True, limit=20, **cursor)
            pages.append(listed(answer))
            assert answer.data["total"] == "45 files, 0 B in all, in 1 folder"
            cursor = {"cursor": answer.data["next_cursor"]} if "next_cursor" in answer.data else {}

    assert [len(page) for page in pages] == [20, 20, 6]
    assert sorted(path for page in pages for path in page) == ["f/", *(f"f/{n:03d}.txt" for n in range(45))]


def test_a_cursor_of_other_arguments_is_refused(sqlite_home, ask_many, snapshot_error):
    run_id = sqlite_home.run({f"{n}.txt": "" for n in range(3)})

    with ask_many(sqlite_home.uri) as ask:
        cursor = ask("list_artifacts", run_id=run_id, limit=1).data["next_cursor"]
        answer = ask("list_artifacts", run_id=run_id, limit=1, pattern="*.txt", cursor=cursor)

    snapshot_error(answer, "another pattern")


def test_a_tree_of_too_many_folders_says_what_was_not_looked_into(sqlite_home, ask):
    run_id = sqlite_home.run({f"{n:03d}/a.txt": "" for n in range(310)})

    answer = ask(sqlite_home.uri, "list_artifacts", run_id=run_id, pattern="*.txt", limit=1_000)

    assert len(listed(answer)) == 299
    assert answer.data["notes"] == ["11 folders more were not looked into; list them by `path`."]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_of_an_odd_name_is_listed_and_read(name, sqlite_home, ask_many):
    run_id = sqlite_home.run({name: f"content of {name}"})

    with ask_many(sqlite_home.uri) as ask:
        assert listed(ask("list_artifacts", run_id=run_id, pattern="*")) == [name]
        answer = ask("get_artifact_content", run_id=run_id, artifact_path=name)

    assert not answer.is_error, answer.text
    assert (answer.data["path"], answer.data["text"]) == (name, f"content of {name}")


# What MLflow's server itself does not serve.
REFUSED_BY_SERVERS = ["100%/%2e%2e.txt", "plus+and&hash#.txt", "back\\slash.txt", " blank .txt"]


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if name not in REFUSED_BY_SERVERS])
def test_a_file_of_an_odd_name_is_listed_and_read_through_a_server(name, http_home, ask_many):
    run_id = http_home.run({name: f"content of {name}"})

    with ask_many(http_home.uri) as ask:
        assert listed(ask("list_artifacts", run_id=run_id, pattern="*")) == [name]
        answer = ask("get_artifact_content", run_id=run_id, artifact_path=name)

    assert not answer.is_error, answer.text
    assert (answer.data["path"], answer.data["text"]) == (name, f"content of {name}")


def test_links_that_lead_out_of_a_store_or_round_in_it_are_not_followed(
    sqlite_home, ask_many, tmp_path, snapshot_error
):
    (tmp_path / "secret.txt").write_text("not an artifact")
    run_id = sqlite_home.run({"inside/a.txt": "1"})
    folder = sqlite_home.folder(run_id)
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "outside").symlink_to(tmp_path)
    (folder / "inside" / "round").symlink_to(folder)
    (folder / "dangling").symlink_to(folder / "nothing")
    (folder / "alias.txt").symlink_to(folder / "inside" / "a.txt")

    with ask_many(sqlite_home.uri) as ask:
        paths = listed(ask("list_artifacts", run_id=run_id, recursive=True))
        read = ask("get_artifact_content", run_id=run_id, artifact_path="out.txt")
        beyond = ask("list_artifacts", run_id=run_id, path="outside")

    assert paths == ["alias.txt", "inside/", "inside/a.txt"]
    for answer in (read, beyond):
        snapshot_error(answer)


PATHS_OUTSIDE = [
    ("../other", "'../other' leads outside the run's artifacts."),
    ("a/../../b", "'a/../../b' leads outside the run's artifacts."),
    ("..\\..\\b", "'..\\..\\b' leads outside the run's artifacts."),
    ("/etc/passwd", "'/etc/passwd' leads outside the run's artifacts."),
    ("~/x", "'~/x' leads outside the run's artifacts."),
    ("C:\\Windows", "'C:\\Windows' leads outside the run's artifacts."),
    ("C:", "'C:' leads outside the run's artifacts."),
    ("https://host/a.txt", "'https://host/a.txt' is a URL; an artifact path is relative to its run."),
    ("file:///etc/passwd", "'file:///etc/passwd' is a URL; an artifact path is relative to its run."),
    ("runs:/abc/a.txt", "'runs:/abc/a.txt' is a URL; an artifact path is relative to its run."),
    ("a\0.txt", "An artifact path cannot hold control characters."),
    ("a\nb.txt", "An artifact path cannot hold control characters."),
]


@pytest.mark.parametrize(("path", "sentence"), PATHS_OUTSIDE)
def test_a_path_that_could_lead_out_is_refused_by_every_tool(path, sentence, sqlite_home, ask_many):
    run_id = sqlite_home.run({"a.txt": "1"})

    with ask_many(sqlite_home.uri) as ask:
        answers = [
            ask("list_artifacts", run_id=run_id, path=path),
            ask("get_artifact_content", run_id=run_id, artifact_path=path),
            ask("diff_artifacts", run_ids=[run_id, sqlite_home.run({"a.txt": "2"})], artifact_path=path),
            ask("download_artifacts", run_ids=run_id, paths=path),
        ]

    for answer in answers:
        assert answer.is_error
        assert answer.text.startswith(sentence), answer.text


def test_percent_encoded_dots_do_not_leave_the_run(both_homes, ask):
    run_id = both_homes.run({"a/b.txt": "1"})

    for path in ("%2e%2e/%2e%2e/mlflow.db", "a/%2e%2e/%2e%2e/x", "..%2f..%2fmlflow.db", "%252e%252e/x"):
        answer = ask(both_homes.uri, "get_artifact_content", run_id=run_id, artifact_path=path)

        assert answer.is_error
        assert "SQLite" not in answer.text
        assert answer.text.startswith(("The run has no artifact", "MLflow does not accept this")), answer.text


def test_a_path_of_thousands_of_characters_is_refused(sqlite_home, ask, snapshot_error):
    answer = ask(sqlite_home.uri, "get_artifact_content", run_id=sqlite_home.run(), artifact_path="n" * 3_000)

    snapshot_error(answer)


def test_a_name_that_no_file_can_have_is_missing(sqlite_home, ask):
    answer = ask(sqlite_home.uri, "get_artifact_content", run_id=sqlite_home.run({"a": ""}), artifact_path="n" * 500)

    assert answer.is_error
    assert answer.text.startswith("The run has no artifact 'nnnn")


@pytest.mark.parametrize("path", [".", "./", " ", "./."])
def test_the_root_is_a_folder(path, both_homes, ask_many, snapshot_error):
    run_id = both_homes.run({"a.txt": "1"})

    with ask_many(both_homes.uri) as ask:
        assert listed(ask("list_artifacts", run_id=run_id, path=path)) == ["a.txt"]
        read = ask("get_artifact_content", run_id=run_id, artifact_path=path)

    snapshot_error(read)


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "config.yml"},
        {"path": "logs"},
        {"path": "modell"},
        {"path": "zzzz"},
        {"depth": 0},
    ],
)
def test_a_path_that_is_no_folder_is_refused(asked, home, ask, snapshot_error):
    run_id = home.run(TREE)

    answer = ask(home.uri, "list_artifacts", run_id=run_id, **asked)

    snapshot_error(answer)


@pytest.mark.parametrize(
    ("files", "asked", "note"),
    [
        ({}, {}, "There are no artifacts."),
        ({}, {"pattern": "*.log"}, "There are no artifacts."),
        (TREE, {"pattern": "*.PARQUET"}, "None of its 6 files fits '*.PARQUET'."),
        (TREE, {"pattern": "README.md"}, "None of its 6 files fits 'README.md'. Nearest: 'README.MD'."),
    ],
)
def test_an_empty_listing_says_why_it_is_empty(files, asked, note, home, ask):
    answer = ask(home.uri, "list_artifacts", run_id=home.run(files), **asked)

    assert listed(answer) == []
    assert answer.data["notes"] == [note]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_reported(sqlite_home, ask):
    run_id = sqlite_home.run({"locked/a.txt": "1"})
    (sqlite_home.folder(run_id) / "locked").chmod(0)

    answer = ask(sqlite_home.uri, "list_artifacts", run_id=run_id, path="locked")

    assert answer.is_error
    assert "Permission denied" in answer.text


def test_the_whole_tree_of_a_run(both_stores, ask, snapshot):
    snapshot("list_artifacts.tree", ask(both_stores.uri, "list_artifacts", run_id=GPQA, recursive=True))


@pytest.mark.parametrize("tool", ["list_artifacts", "get_artifact_content"])
def test_files_of_an_unknown_run_are_not_called_missing_files(tool, both_stores, ask):
    more = {"artifact_path": "config.yml"} if tool == "get_artifact_content" else {}

    answer = ask(both_stores.uri, tool, run_id="0123456789abcdef0123456789abcdef", **more)

    assert answer.is_error
    assert "0123456789abcdef0123456789abcdef" in answer.text
    assert "resolve_id" in answer.text


def test_a_size_that_is_no_number_is_left_out(http_home, ask):
    run_id = http_home.run({"a.txt": "x"})
    body = '{"root_uri": "x", "files": [{"path": "a.txt", "is_dir": false, "file_size": "unknown"}, {"path": "b.txt", "file_size": "7"}]}'

    with faulty_proxy(http_home.uri, fail(200, "artifacts/list", body=body)) as proxy:
        answer = ask(proxy.uri, "list_artifacts", run_id=run_id)

    assert data_of(answer)["artifacts"]["rows"] == [["a.txt", None], ["b.txt", 7]]
