"""Every command that is printed or configured starts the code that the user has, never a package of the same name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.test_docs import repository_files

pytestmark = pytest.mark.slow  # processes of their own

ROOT = Path(__file__).parents[2]
PRINT = """
import json, mlflow_mcp.installation as installation
print(json.dumps([installation.start_command(), installation.how_to_add("plots")]))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "my clone"
    folder.mkdir()
    return folder


def environment(folder: Path, *, by_uv: bool) -> Path:
    """A virtual environment as the standard library makes it, with the mark that uv leaves in those it makes."""
    venv.create(folder, symlinks=True)
    if by_uv:
        with (folder / "pyvenv.cfg").open("a") as file:
            file.write("uv = 0.9.1\n")
    return folder


def asked(
    folder: Path, origin: dict[str, object] | None, *, script: bool = False, path: str = ""
) -> tuple[list[str], str]:
    """What a package in this environment says of itself, whose installer recorded `origin` as PEP 610 has it."""
    (site_packages,) = folder.glob("lib/python*/site-packages")
    metadata = site_packages / "mlflow_mcp-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(distribution("mlflow-mcp").read_text("METADATA") or "")
    (site_packages / "source.pth").write_text(str(ROOT / "src"))
    if origin is not None:
        (metadata / "direct_url.json").write_text(json.dumps(origin))
    if script:
        (folder / "bin" / "mlflow-mcp").touch()
    printed = subprocess.run(
        [folder / "bin" / "python", "-c", PRINT],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    command, sentence = json.loads(printed)
    return command, sentence


@pytest.mark.parametrize("kind", [{}, {"editable": True}])
def test_a_checkout_is_started_through_uvx(kind, clone, tmp_path):
    """Also when uvx runs a copy of it out of its cache."""
    command, sentence = asked(
        environment(tmp_path / "archive-v0" / "x", by_uv=True), {"url": clone.as_uri(), "dir_info": kind}
    )

    assert command == ["uvx", "--from", str(clone), "mlflow-mcp"]
    assert sentence == (
        f"Start the server as `uvx --from '{clone}[plots]' mlflow-mcp` "
        f'(args: ["--from", "{clone}[plots]", "mlflow-mcp"] in the host\'s configuration).'
    )


def test_a_checkout_is_started_through_a_uvx_that_is_on_the_path(clone, tmp_path):
    uvx = tmp_path / "bin" / "uvx"
    uvx.parent.mkdir()
    uvx.write_text("#!/bin/sh\n")
    uvx.chmod(0o755)
    command, _ = asked(
        environment(tmp_path / "env", by_uv=False), {"url": clone.as_uri(), "dir_info": {}}, path=str(uvx.parent)
    )

    assert command == ["uvx", "--from", str(clone), "mlflow-mcp"]


def test_a_checkout_without_uv_is_started_by_its_script(clone, tmp_path):
    env = environment(tmp_path / "env", by_uv=False)
    command, sentence = asked(env, {"url": clone.as_uri(), "dir_info": {"editable": True}}, script=True)

    assert command == [str(env / "bin" / "mlflow-mcp")]
    assert sentence == (
        f"Install it with `{env}/bin/python -m pip install -e '{clone}[plots]'` and restart the server."
    )


@pytest.mark.parametrize("by_uv", [True, False])
@pytest.mark.parametrize("origin", [None, {"url": "file:///nowhere/mlflow_mcp.whl", "archive_info": {}}])
def test_a_package_in_an_environment_is_started_by_its_script(by_uv, origin, tmp_path):
    """What an extra brings is named itself: asking an index for `mlflow-mcp[plots]` could bring the other program."""
    env = environment(tmp_path / "env", by_uv=by_uv)
    command, sentence = asked(env, origin, script=True)

    installer = "uv pip install --python {}" if by_uv else "{} -m pip install"
    assert command == [str(env / "bin" / "mlflow-mcp")]
    assert sentence == (
        f"Install it with `{installer.format(env / 'bin' / 'python')} 'matplotlib>=3.8'` and restart the server."
    )


def test_a_checkout_that_is_gone_is_not_named(clone, tmp_path):
    clone.rmdir()
    env = environment(tmp_path / "env", by_uv=True)

    assert asked(env, {"url": clone.as_uri(), "dir_info": {}})[0] == [str(env / "bin" / "python"), "-m", "mlflow_mcp"]


def test_a_git_address_is_started_from_there(tmp_path):
    url = "https://git.example.com/you/mlflow-mcp"
    origin = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}
    command, sentence = asked(environment(tmp_path / "env", by_uv=True), origin)

    assert command == ["uvx", "--from", f"git+{url}", "mlflow-mcp"]
    assert sentence.startswith(f"Start the server as `uvx --from 'mlflow-mcp[plots] @ git+{url}' mlflow-mcp` ")


def test_a_wheel_that_uvx_runs_is_started_from_its_file(tmp_path):
    wheel = tmp_path / "mlflow_mcp.whl"
    wheel.touch()
    origin = {"url": wheel.as_uri(), "archive_info": {}}
    command, _ = asked(environment(tmp_path / "archive-v0" / "x", by_uv=True), origin)

    assert command == ["uvx", "--from", str(wheel), "mlflow-mcp"]


def test_extras_in_use_are_kept_when_one_is_added(clone, tmp_path):
    env = environment(tmp_path / "env", by_uv=True)
    (site_packages,) = env.glob("lib/python*/site-packages")
    pyarrow = site_packages / "pyarrow-20.0.0.dist-info"
    pyarrow.mkdir()
    (pyarrow / "METADATA").write_text("Metadata-Version: 2.1\nName: pyarrow\nVersion: 20.0.0\n")

    assert f"`uvx --from '{clone}[parquet,plots]' mlflow-mcp`" in asked(env, {"url": clone.as_uri(), "dir_info": {}})[1]


def test_what_mlflows_client_brings_is_not_taken_for_an_extra_in_use(clone, tmp_path):
    env = environment(tmp_path / "env", by_uv=True)
    (site_packages,) = env.glob("lib/python*/site-packages")
    for name, more in {"mlflow_skinny": "Requires-Dist: databricks-sdk<1\n", "databricks_sdk": ""}.items():
        folder = site_packages / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}")

    assert f"`uvx --from '{clone}[plots]' mlflow-mcp`" in asked(env, {"url": clone.as_uri(), "dir_info": {}})[1]


def test_this_process_names_its_own_checkout_or_script():
    from mlflow_mcp.installation import start_command

    command = start_command()
    assert command in (("uvx", "--from", str(ROOT), "mlflow-mcp"), *by_path())


def by_path() -> list[tuple[str, ...]]:
    return [(str(Path(sys.executable).parent / "mlflow-mcp"),), (sys.executable, "-m", "mlflow_mcp")]


# --- no other place


WITHOUT_A_SOURCE = re.compile(
    r"""uvx\s+['"]?mlflow-mcp                      # uvx mlflow-mcp
      | uvx["'`],?\s*["']?args["']?\s*:\s*\[\s*["']mlflow-mcp   # "command": "uvx", "args": ["mlflow-mcp"]
      | (?:pipx?|uv\ tool|uv\ pip)\ (?:install|run)\s+['"]?mlflow-mcp""",
    re.X,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("uvx mlflow-mcp doctor", True),
        ("`uvx 'mlflow-mcp[plots]'`", True),
        ('"command": "uvx",\n  "args": ["mlflow-mcp"]', True),
        ("pip install mlflow-mcp", True),
        ("uv tool install 'mlflow-mcp[s3]'", True),
        ("uvx --from . mlflow-mcp demo", False),
        ('"command": "uvx",\n  "args": ["--from", "/path", "mlflow-mcp"]', False),
    ],
)
def test_the_search_finds_what_it_looks_for(text, found):
    assert bool(WITHOUT_A_SOURCE.search(text)) == found


def test_no_other_place_starts_a_package_by_its_name_alone():
    places = (
        "src",
        "docs",
        "examples",
        ".claude",
        ".claude-plugin",
        "deploy",
        "gemini-extension.json",
        "README.md",
        ".mcp.json",
        "CONTRIBUTING.md",
        "AGENTS.md",
    )
    found = [
        f"{file.relative_to(ROOT)}: {hit[0]}"
        for file in repository_files()
        if file.relative_to(ROOT).parts[0] in places
        for hit in WITHOUT_A_SOURCE.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_only_one_module_knows_a_command():
    sources = [file for file in (ROOT / "src").rglob("*.py") if re.search(r"\buvx\b", file.read_text(encoding="utf-8"))]
    assert [file.name for file in sources] == ["installation.py"]
