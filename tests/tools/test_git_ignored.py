"""Exports and downloads do not turn up in the user's commits: a real repository, asked through git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlflow_mcp.settings import Settings


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    return folder


CALLS = {
    "export_runs": {"path": "sub/runs.csv"},
    "download_artifacts": {"run_ids": ["71f3f3199ea5e1f0.0"], "paths": ["config.yml"]},
}


@pytest.mark.parametrize("tool", CALLS)
def test_a_folder_made_in_a_work_tree_is_ignored(tool, repository, sqlite_template, ask):
    settings = Settings(tracking_uri=sqlite_template.uri, download_dir=str(repository / "results" / "mlflow"))
    answer = ask(settings, tool, **CALLS[tool])

    assert not answer.is_error, answer.text
    assert len([file for file in (repository / "results").rglob("*") if file.is_file()]) == 2
    assert git(repository, "status", "--porcelain", "--untracked-files=all") == ""


def test_a_folder_that_was_there_is_left_as_it_is(repository, sqlite_template, ask):
    (repository / "mine").mkdir()
    ask(
        Settings(tracking_uri=sqlite_template.uri, download_dir=str(repository / "mine")),
        "export_runs",
        path="runs.csv",
    )

    assert git(repository, "status", "--porcelain", "--untracked-files=all") == "?? mine/runs.csv\n"


def test_outside_of_a_work_tree_nothing_is_added(tmp_path, sqlite_template, ask):
    ask(
        Settings(tracking_uri=sqlite_template.uri, download_dir=str(tmp_path / "files")), "export_runs", path="runs.csv"
    )

    assert [file.name for file in (tmp_path / "files").iterdir()] == ["runs.csv"]


def test_a_linked_work_tree_is_one_too(repository, tmp_path, sqlite_template, ask):
    """There `.git` is a file."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    git(repository, *identity, "commit", "--quiet", "--allow-empty", "--message", "first")
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    settings = Settings(tracking_uri=sqlite_template.uri, download_dir=str(tmp_path / "linked" / "files"))
    ask(settings, "export_runs", path="runs.csv")

    assert git(tmp_path / "linked", "status", "--porcelain", "--untracked-files=all") == ""
