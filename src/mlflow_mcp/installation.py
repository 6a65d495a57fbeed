"""How this installation is started: the one place that knows, for every sentence and configuration that names a command.

The name `mlflow-mcp` on the public package index belongs to another program. So a command always names where the
running code came from: its checkout, through uvx, or the script that is installed beside this Python.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

NAME = "mlflow-mcp"
# What THIS program is called on the public package index: None as long as `mlflow-mcp` there is another author's. The day the
# name is ours, this is the one line to change: what was started from the index is then configured from there, pinned.
NAME_ON_INDEX: str | None = None


def start_command() -> tuple[str, ...]:
    """The words that a host starts this server with."""
    source = _uvx_source()
    return ("uvx", "--from", source, NAME) if source else _installed_command()


def host_command(*, whole_path: bool = False) -> tuple[str, ...]:
    """The words for a host's configuration: start_command() with the extras that it was started with.

    With `whole_path` the program is named by its path: a desktop application does not search the PATH of a shell.
    """
    words = list(start_command())
    if words[:2] == ["uvx", "--from"] and _environment_is_cached() and (extras := ",".join(sorted(_extras_present()))):
        words[2] = _with_extras(words[2], extras)
    if whole_path:
        words[0] = shutil.which(words[0]) or words[0]
    return tuple(words)


def example_command() -> tuple[str, ...]:
    """The words that documents and example configurations show: a clone, whose path the reader puts in."""
    return ("uvx", "--from", "/path/to/mlflow-mcp", NAME)


def is_temporary() -> bool:
    """Whether the command names an environment in uv's cache, which `uv cache clean` takes away."""
    return _uvx_source() is None and _environment_is_cached()


def starts_a_stranger(command: str, arguments: Sequence[str]) -> bool:
    """Whether these words take `mlflow-mcp` from the public package index, where it is another author's program."""
    program = re.split(r"[\\/]", command)[-1].lower().removesuffix(".exe")
    if NAME_ON_INDEX == NAME or program not in ("uvx", "uv", "pipx"):
        return False
    words = [part for word in arguments for part in re.split(r"(?<=^--from|^--spec)=", word)]
    sources = [source for option, source in pairwise(words) if option in ("--from", "--spec")]
    return any(_ON_INDEX.fullmatch(word) for word in sources or words)


# mlflow-mcp, mlflow-mcp[plots], mlflow-mcp==1.0, mlflow-mcp@latest; not `mlflow-mcp @ git+https://…`, which names its source
_ON_INDEX = re.compile(r"mlflow[-_.]mcp(?:\[[^\]]*\])?\s*(?:[=<>!~].*|@[^:/]*)?", re.I)


def shown(*arguments: str) -> str:
    """The command as it is typed into a shell, with these arguments."""
    return shlex.join([*start_command(), *arguments])


def how_to_add(extra: str) -> str:
    """The sentence that says how an extra is added to this installation."""
    source = _uvx_source()
    if source is None and not _requirements(extra):  # without metadata: run from sources that were never installed
        return f"Install what pyproject.toml lists for '{extra}' and restart the server."
    if source is None:
        return f"Install it with `{shlex.join(_install_command(extra))}` and restart the server."
    extras = ",".join(sorted({extra, *_extras_present()}))
    arguments = ["--from", _with_extras(source, extras), NAME]
    return (
        f"Start the server as `{shlex.join(['uvx', *arguments])}` "
        f"(args: {json.dumps(arguments)} in the host's configuration)."
    )


def _uvx_source() -> str | None:
    """What `uvx --from` takes to start this code again: a checkout, a built file, a git address; None without uv or one.

    uvx runs a copy that it built in its cache. Where the copy came from stands in the metadata of the package (PEP 610).
    """
    record = _direct_url()
    url = str(record.get("url", ""))
    package = _installed(NAME)
    if not record and package and NAME_ON_INDEX and _environment_is_cached():
        return f"{NAME_ON_INDEX}=={package.version}"
    if not url or not (shutil.which("uvx") or _environment_is_uvs()):
        return None
    if "vcs_info" in record:
        return f"git+{url}"
    path = Path(url2pathname(unquote(urlsplit(url).path))) if url.startswith("file:") else None
    if path is None or not path.exists():
        return None
    # A wheel that was installed into an environment is started from there, whatever became of the file.
    return str(path) if path.is_dir() or _environment_is_cached() else None


def _with_extras(source: str, extras: str) -> str:
    if source.startswith("git+"):
        return f"{NAME}[{extras}] @ {source}"
    if NAME_ON_INDEX and source.startswith(f"{NAME_ON_INDEX}=="):
        return source.replace("==", f"[{extras}]==", 1)
    return f"{source}[{extras}]"


def _installed_command() -> tuple[str, ...]:
    folder = Path(sysconfig.get_path("scripts"))
    scripts = (script for script in (folder / NAME, folder / f"{NAME}.exe") if script.is_file())
    script = next(scripts, None)
    return (str(script),) if script else (sys.executable, "-m", "mlflow_mcp")


def _install_command(extra: str) -> list[str]:
    """Names what the extra brings, or the checkout: to ask an index for `mlflow-mcp` could bring the other program."""
    url = str(_direct_url().get("url", ""))
    folder = Path(url2pathname(unquote(urlsplit(url).path)))
    what = ["-e", f"{folder}[{extra}]"] if url.startswith("file:") and folder.is_dir() else _requirements(extra)
    has_pip = any(Path(sysconfig.get_path("purelib")).glob("pip/__init__.py"))
    if has_pip or not _environment_is_uvs():
        return [sys.executable, "-m", "pip", "install", *what]
    return ["uv", "pip", "install", "--python", sys.executable, *what]


def _direct_url() -> dict[str, Any]:
    package = _installed(NAME)  # None when run from its sources, without being installed
    text = package.read_text("direct_url.json") if package else None
    return dict(json.loads(text)) if text else {}


def _requirements(extra: str) -> list[str]:
    """What an extra brings, as the package's own metadata lists it: `matplotlib>=3.8; extra == 'plots'`."""
    package = _installed(NAME)
    marked = [
        re.fullmatch(r"(.*?)\s*;\s*extra == ['\"](.*)['\"]", line) for line in (package and package.requires) or ()
    ]
    return [found[1] for found in marked if found and found[2] == extra]


def _extras_present() -> set[str]:
    """The extras that this process can use, so that a command which adds one does not lose another.

    Not those that MLflow's client brings anyway: nobody asked for them.
    """
    package = _installed(NAME)
    extras = (package and package.metadata.get_all("Provides-Extra")) or ()
    client = _installed("mlflow-skinny")
    always = {_name(line) for line in (client and client.requires) or () if "extra ==" not in line}
    brings = {extra: {_name(line) for line in _requirements(extra)} for extra in extras}
    return {extra for extra, names in brings.items() if not names <= always and all(map(_installed, names))}


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    return found[0].lower() if found else ""


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _environment_is_uvs() -> bool:
    """Whether uv made the environment that this process runs in."""
    file = Path(sys.prefix) / "pyvenv.cfg"
    return file.is_file() and re.search(r"^uv\s*=", file.read_text(encoding="utf-8"), re.M) is not None


def _environment_is_cached() -> bool:
    """Whether that environment is one of uvx's, which live in uv's cache and may be cleared away."""
    return _environment_is_uvs() and any(part.startswith("archive-v") for part in Path(sys.prefix).parts)
