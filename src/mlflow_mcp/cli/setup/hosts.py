"""The hosts that `setup` knows: where each keeps its servers, in which form, and how a value is taken from the environment."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from mlflow_mcp.cli.setup import json_text, toml_text
from mlflow_mcp.cli.setup.failure import NOT_DONE, SetupFailure
from mlflow_mcp.cli.setup.json_parts import COMMENT, TRAILING_COMMA


@dataclass(frozen=True)
class Machine:
    """What the places of configurations depend on. `system` is sys.platform; `folder` is the project's."""

    environ: Mapping[str, str]
    folder: Path
    system: str = sys.platform

    @property
    def home(self) -> Path:
        variable = "USERPROFILE" if self.system == "win32" else "HOME"
        home = self.environ.get(variable, "")
        if not home:
            raise SetupFailure(
                f"{variable} is not set, so it is not known where hosts keep their settings. "
                "Set it, or write into a project's folder with --scope project.",
                NOT_DONE,
            )
        return Path(home)

    def place(self, variable: str, *below_home: str) -> Path:
        """The folder that a variable names, or else the usual one."""
        named = self.environ.get(variable, "")
        return Path(named) if named else self.home.joinpath(*below_home)

    @property
    def applications(self) -> Path:
        """Where applications with windows keep their settings."""
        if self.system == "win32":
            return self.place("APPDATA", "AppData", "Roaming")
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        return self.place("XDG_CONFIG_HOME", ".config")

    def command(self, name: str) -> str | None:
        return shutil.which(name, path=self.environ.get("PATH", ""))


@dataclass(frozen=True)
class Host:
    """`reference` takes a variable from the environment that the host runs in; None where the host cannot."""

    name: str
    title: str
    file: Callable[[Machine], Path]  # for all projects of the user
    source: str  # the documentation that this entry was written from
    after: str  # what makes the host read it
    project_file: str | None = None  # below a project's folder
    in_project: str = ""  # what a project's file needs besides
    commands: tuple[str, ...] = ()
    folders: Callable[[Machine], tuple[Path, ...]] = lambda machine: ()
    keys: tuple[str, ...] = ("mcpServers",)
    form: ModuleType = json_text
    refused: tuple[str, ...] = ()  # what the host does not read although others do
    always: Mapping[str, str] = field(default_factory=dict)  # what an entry has besides
    reference: str | None = None
    variable: str = r"\$\{"  # how such a reference begins, also where none is meant
    names_variables: bool = False  # a list `env_vars` of names in place of references
    is_desktop: bool = True  # started without a shell's PATH

    def traces(self, machine: Machine) -> list[str]:
        """What shows that the host is installed here: its command, or a folder of its own."""
        found = [path for name in self.commands if (path := machine.command(name))]
        return found + [str(folder) for folder in self.folders(machine) if folder.exists()]

    def place(self, machine: Machine, scope: str) -> Path:
        if scope == "user":
            return self.file(machine)
        if self.project_file is None:
            raise SetupFailure(f"{self.title} has no configuration per project: leave out --scope project.", NOT_DONE)
        return machine.folder / self.project_file


def _claude_desktop(machine: Machine) -> Path:
    """On Windows the packaged application (MSIX) reads another folder: github.com/anthropics/claude-code issue 26073."""
    if machine.system == "win32":
        packages = machine.place("LOCALAPPDATA", "AppData", "Local") / "Packages"
        packaged = sorted(packages.glob("Claude_*/LocalCache/Roaming/Claude"))
        if packaged:
            return packaged[0] / "claude_desktop_config.json"
    return machine.applications / "Claude" / "claude_desktop_config.json"


def _claude_code(machine: Machine) -> Path:
    return machine.place("CLAUDE_CONFIG_DIR") / ".claude.json"


def _zed(machine: Machine) -> Path:
    if machine.system == "win32":
        return machine.applications / "Zed" / "settings.json"
    return machine.place("XDG_CONFIG_HOME", ".config") / "zed" / "settings.json"


HOSTS = {
    host.name: host
    for host in (
        Host(
            "claude-code",
            "Claude Code",
            _claude_code,
            "code.claude.com/docs/en/mcp: scopes, ${VAR} in .mcp.json",
            "Start a new session of Claude Code; /mcp shows the server.",
            project_file=".mcp.json",
            in_project="Claude Code asks each user once whether to start what a project's file names.",
            commands=("claude",),
            folders=lambda machine: (_claude_code(machine), machine.place("CLAUDE_CONFIG_DIR", ".claude")),
            refused=(COMMENT, TRAILING_COMMA),
            always={"type": "stdio"},
            reference="${{{}:-}}",  # a variable that is not set would otherwise arrive as "${NAME}": seen with 2.1
            is_desktop=False,
        ),
        Host(
            "claude-desktop",
            "Claude Desktop",
            _claude_desktop,
            "modelcontextprotocol.io/docs/develop/connect-local-servers",
            "Quit Claude Desktop and start it again.",
            folders=lambda machine: (_claude_desktop(machine).parent,),
            refused=(COMMENT, TRAILING_COMMA),
        ),
        Host(
            "cursor",
            "Cursor",
            lambda machine: machine.home / ".cursor" / "mcp.json",
            "cursor.com/docs/context/mcp: mcp.json, ${env:NAME}",
            "Cursor reads it at once; Settings, MCP shows the server.",
            project_file=".cursor/mcp.json",
            commands=("cursor",),
            folders=lambda machine: (machine.home / ".cursor",),
            reference="${{env:{}}}",
        ),
        Host(
            "vscode",
            "VS Code",
            lambda machine: machine.applications / "Code" / "User" / "mcp.json",
            "code.visualstudio.com/docs/copilot/reference/mcp-configuration; ${env:NAME}: microsoft/vscode issue 245237",
            "In VS Code, `MCP: List Servers` starts the server.",
            project_file=".vscode/mcp.json",
            commands=("code",),
            folders=lambda machine: (machine.applications / "Code" / "User",),
            keys=("servers",),
            always={"type": "stdio"},
            reference="${{env:{}}}",
        ),
        Host(
            "gemini",
            "Gemini CLI",
            lambda machine: machine.home / ".gemini" / "settings.json",
            "github.com/google-gemini/gemini-cli docs/tools/mcp-server.md: $NAME in env; secrets not named there are withheld",
            "Start Gemini CLI again; /mcp shows the server.",
            project_file=".gemini/settings.json",
            in_project="Gemini CLI starts servers only in folders that it was told to trust.",
            commands=("gemini",),
            folders=lambda machine: (machine.home / ".gemini",),
            refused=(TRAILING_COMMA,),  # seen with 0.61
            reference="${{{}}}",
            variable=r"\$[{A-Za-z_]",
            is_desktop=False,
        ),
        Host(
            "codex",
            "Codex",
            lambda machine: machine.place("CODEX_HOME", ".codex") / "config.toml",
            "developers.openai.com/codex/mcp: [mcp_servers.<name>], env_vars; a project's file only where the project is trusted",
            "Start Codex again; /mcp shows the server.",
            project_file=".codex/config.toml",
            in_project="Codex reads a project's file only where it was told to trust the project.",
            commands=("codex",),
            folders=lambda machine: (machine.place("CODEX_HOME", ".codex"),),
            keys=("mcp_servers",),
            form=toml_text,
            names_variables=True,
            is_desktop=False,
        ),
        Host(
            "windsurf",
            "Windsurf",
            lambda machine: machine.home / ".codeium" / "windsurf" / "mcp_config.json",
            "docs.windsurf.com/windsurf/cascade/mcp: mcp_config.json, ${env:NAME}",
            "Press Refresh in Windsurf's list of MCP servers.",
            commands=("windsurf",),
            folders=lambda machine: (machine.home / ".codeium" / "windsurf",),
            reference="${{env:{}}}",
        ),
        Host(
            "zed",
            "Zed",
            _zed,
            "github.com/zed-industries/zed docs/src/ai/mcp.md",
            "Zed reads it at once; the Agent Panel's settings show the server.",
            project_file=".zed/settings.json",
            commands=("zed", "zeditor"),
            folders=lambda machine: (_zed(machine).parent,),
            keys=("context_servers",),
            always={"source": "custom"},
        ),
    )
}
