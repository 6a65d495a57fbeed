"""What is there to be copied works: the examples run, configurations start the server, the skill names real tools."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from mlflow_mcp import __version__
from mlflow_mcp.cli.setup import json_text, toml_text
from mlflow_mcp.cli.setup.examples import EXAMPLES, example_files
from mlflow_mcp.cli.setup.hosts import HOSTS
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import CATALOG
from tests.support.servers import server_environment

pytestmark = pytest.mark.slow  # processes of their own

ROOT = Path(__file__).parent.parent
CONFIGS = sorted(file for file in (ROOT / "examples" / "configs").iterdir() if file.suffix in (".json", ".toml"))
SKILL = ROOT / ".claude" / "skills" / "mlflow" / "SKILL.md"


def run_example(python: str, name: str, *arguments: str, uri: str = "") -> subprocess.CompletedProcess[str]:
    command = [python, str(ROOT / "examples" / name), *arguments]
    environment = server_environment() | ({"MLFLOW_TRACKING_URI": uri} if uri else {})
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_every_example_is_tested_here():
    assert {each.name for each in (ROOT / "examples").glob("*.py")} == {"seed_store.py", "client_session.py"}


def test_seed_store_fills_a_store(ask, tmp_path, forked_python):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ended = run_example(forked_python, "seed_store.py", uri)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("Ask for invocation 71f3f3199ea5e1f0, or compare it with 0c94be2d86a1f753.\n")
    assert not ask(uri, "get_invocation", invocation_id="71f3f3199ea5e1f0").is_error


def test_client_session_prints_what_the_tools_answer(sqlite_template, forked_python):
    ended = run_example(forked_python, "client_session.py", uri=sqlite_template.uri)
    assert ended.returncode == 0, ended.stderr
    assert "Tools: get_server_info, " in ended.stdout
    assert "ifeval {'ifeval_inst_level_strict_acc': 0.859519" in ended.stdout
    assert ended.stdout.endswith("4 runs evaluated qwen\nexecution: ...\n")


def test_client_session_ends_with_the_sentence_of_an_error(tmp_path, forked_python):
    ended = run_example(forked_python, "client_session.py", uri=f"sqlite:///{tmp_path / 'absent.db'}")
    assert ended.returncode == 1
    assert f"The database {tmp_path / 'absent.db'} does not exist." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_a_client_configuration_starts_a_clone(file):
    form = json_text if file.suffix == ".json" else toml_text
    (servers,) = form.data(file.read_text(encoding="utf-8")).values()
    entry = servers["mlflow"]
    assert [entry["command"], *entry["args"]] == ["uvx", "--from", "/path/to/mlflow-mcp", "mlflow-mcp"]
    assert variables_are_known(entry["env"])


def test_the_configurations_are_what_setup_prints():
    assert {file.name: file.read_text(encoding="utf-8") for file in CONFIGS} == example_files()
    assert sorted(EXAMPLES.values()) == sorted(HOSTS)


def test_every_client_has_its_configuration_and_a_line_where_it_goes():
    listed = re.findall(r"^\| `([\w.]+)` \|", (ROOT / "examples" / "configs" / "README.md").read_text(), re.M)
    assert sorted(listed) == [file.name for file in CONFIGS]


def test_every_host_that_setup_knows_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([\w-]+)` \| .* \| .* \|$", readme, re.M)
    first = listed.index(next(iter(HOSTS)))
    assert listed[first : first + len(HOSTS)] == list(HOSTS)


def test_this_checkout_offers_its_own_server_to_claude_code():
    entry = json.loads((ROOT / ".mcp.json").read_text())["mcpServers"]["mlflow"]
    assert [entry["command"], *entry["args"]] == ["uv", "run", "mlflow-mcp"]
    assert variables_are_known(entry["env"])


def test_the_plugin_brings_the_server_and_the_skill_of_this_version():
    plugin = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())
    assert plugin["version"] == __version__
    entry = plugin["mcpServers"]["mlflow"]
    assert [entry["command"], *entry["args"]] == ["uvx", "--from", "${CLAUDE_PLUGIN_ROOT}", "mlflow-mcp"]
    assert variables_are_known(plugin["mcpServers"]["mlflow"]["env"])
    assert [ROOT / each for each in plugin["skills"]] == [SKILL.parent.parent]


def test_the_marketplace_lists_the_plugin_in_this_folder():
    (plugin,) = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text())["plugins"]
    assert plugin["name"] == json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())["name"]
    assert plugin["source"] == "./"


def test_the_skill_is_one_that_claude_code_loads():
    _, front, body = SKILL.read_text().split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["name"] == SKILL.parent.name
    assert 40 < len(told["description"]) < 1024
    assert len(body) < 4_200  # an agent reads all of it, each time


def test_the_skill_names_only_tools_that_exist():
    tools = {entry.name for entry in CATALOG}
    verbs = "|".join({name.partition("_")[0] for name in tools} | {"compare", "aggregate", "export", "diff", "plot"})
    named = set(re.findall(rf"`((?:{verbs})_\w+)", SKILL.read_text()))
    assert len(named) > 5
    arguments = {name for entry in CATALOG for name in inspect.signature(entry.function).parameters}
    assert named <= tools | arguments


def variables_are_known(env: dict[str, str]) -> bool:
    return set(env) <= {str(field.alias) for field in Settings.model_fields.values()}
