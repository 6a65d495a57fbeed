"""What the documents say is what the code does: tables, commands, links; and nothing private is in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_mcp.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

DEMO = "python3 -m pip install uv && uvx --from . mlflow-mcp demo"
TESTS = "python3 -m pip install uv && uv run pytest"


def repository_files() -> list[Path]:
    """Every file that is or would be committed; without git, those that a source archive holds."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_generated_tables_and_the_tool_reference_are_current():
    command = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr


def test_readme_has_exactly_the_two_commands_each_in_a_block_of_its_own():
    blocks = re.findall(r"^```bash\n(.*?)^```$", README, re.M | re.S)
    commands = [block.rstrip("\n") for block in blocks if "pip install" in block]
    assert commands == [DEMO, TESTS]


def test_ci_takes_its_commands_from_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    found = re.search(r"grep '\^(.+?)' README\.md", script)
    assert found
    assert [line for line in README.splitlines() if line.startswith(found[1])] == [DEMO, TESTS]


@pytest.mark.parametrize("script", [".ci/run", "scripts/check"])
def test_scripts_can_be_executed(script):
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("variable", [field.alias for field in Settings.model_fields.values()])
def test_every_setting_is_in_the_readme(variable):
    assert f"`{variable}`" in README


def test_every_variable_that_an_error_advises_to_set_is_in_the_readme():
    advised = re.findall(
        r"\bMLFLOW_(?:TRACKING|MCP)_[A-Z_]+[A-Z]", (ROOT / "src/mlflow_mcp/errors.py").read_text(encoding="utf-8")
    )
    assert {name for name in advised if name not in README} == set()


def test_json_blocks_in_the_documents_are_json():
    for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for block in re.findall(r"^```json\n(.*?)^```$", file.read_text(encoding="utf-8"), re.M | re.S):
            json.loads(block)


# --- links


def test_every_internal_link_leads_somewhere():
    broken = [
        f"{file.relative_to(ROOT)}: {target}"
        for file in repository_files()
        if file.suffix == ".md"
        for target in links_of(file)
        if not leads_somewhere(file, target)
    ]
    assert broken == []


def links_of(file: Path) -> list[str]:
    text = without_code(file.read_text(encoding="utf-8"))
    return [found for found in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", found)]


def leads_somewhere(file: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    place = (file.parent / path) if path else file
    return place.exists() and (not anchor or anchor in anchors_of(place))


def anchors_of(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_code(file.read_text(encoding="utf-8"), spans=False), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text: str, spans: bool = True) -> str:
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"(?<!\[)`[^`\n]*`(?!\])", "", text) if spans else text


# --- what must not be in any file

# Taken apart, so that this file does not hold what it looks for.
REGISTRIES = [
    "py" + r"pi\.(?:org|python\.org|io)",
    "python" + r"hosted\.org",
    "npm" + r"js\.(?:org|com)",
    "crates" + r"\.io",
    "anaconda" + r"\.(?:org|com)",
    "arti" + r"factory\.|jfrog" + r"\.io",
    "index" + r"-url\s*=",
]
MACHINE_PATHS = [
    r"(?<![\w.])/(?:ro" + r"ot|ho" + r"me/\w+|Us" + r"ers/\w+)/",
    "/op" + r"t/(?:wheels|pypi|conda)",
    "/wo" + r"rk/(?:main|shared)",
    "/tm" + r"p/(?:dev|pytest-of|bash_jobs)",
    r"[A-Z]:\\+Us" + "ers",
]


@pytest.mark.parametrize(
    ("what", "patterns"), [("a package registry", REGISTRIES), ("a path of somebody's machine", MACHINE_PATHS)]
)
def test_no_file_names(what, patterns):
    pattern = re.compile("|".join(f"(?:{each})" for each in patterns))
    found = [
        f"{file.relative_to(ROOT)}:{number}: {hit[0]}"
        for file in repository_files()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (hit := pattern.search(line))
    ]
    assert found == [], f"these name {what}"
