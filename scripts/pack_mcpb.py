"""Pack this checkout as a bundle for Claude Desktop, and write its entry for the MCP registry.

python scripts/pack_mcpb.py                                         # dist/mlflow-mcp-<version>.mcpb
python scripts/pack_mcpb.py --name NAME --url URL                   # and dist/server.json for the bundle published at URL

The same checkout always gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DESKTOP = ROOT / "deploy" / "claude-desktop"
ENTRY = ROOT / "deploy" / "registry" / "server.json"

# The tables of pyproject.toml that say how the package is built and what it needs. The others are for those who work on it.
KEPT_TABLES = ("build-system", "project", "tool.hatch")
# What the registry takes bundles from.
_PUBLISHED = re.compile(r"https://(?:github|gitlab)\.com/\S*mcp\S*")
_NAME = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")


def main() -> int:
    parser = argparse.ArgumentParser(description="Pack this checkout as a bundle for Claude Desktop.")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="where to write (default: dist)")
    parser.add_argument("--name", help="what the registry will call it: io.github.OWNER/mlflow-mcp")
    parser.add_argument("--url", help="where the bundle will be downloaded from: a release at GitHub or GitLab")
    arguments = parser.parse_args()
    if (arguments.name is None) != (arguments.url is None):
        parser.error("--name and --url belong together")
    if arguments.url and not (_PUBLISHED.fullmatch(arguments.url) and _NAME.fullmatch(arguments.name)):
        parser.error(
            "the registry takes names like io.github.OWNER/mlflow-mcp and bundles from GitHub or GitLab releases"
        )
    bundle = pack(arguments.folder)
    print(f"wrote {bundle}")
    if arguments.url:
        file = arguments.folder / "server.json"
        file.write_text(json.dumps(entry(bundle, arguments.name, arguments.url), indent=2) + "\n", encoding="utf-8")
        print(f"wrote {file}")
    return 0


def pack(folder: Path) -> Path:
    """Write the bundle into the folder. The whole file is written, or none."""
    files = bundle_files()
    version = json.loads(files["manifest.json"])["version"]
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / f"mlflow-mcp-{version}.mcpb"
    draft = bundle.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name)  # with the date 1980-01-01
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, files[name])
    draft.replace(bundle)
    return bundle


def bundle_files() -> dict[str, bytes]:
    """What is in the bundle, by its path there."""
    source = ROOT / "src"
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for path in (DESKTOP / "manifest.json", DESKTOP / "server.py", ROOT / "README.md", ROOT / "LICENSE"):
        files[path.name] = path.read_bytes()
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    files["pyproject.toml"] = for_users(pyproject).encode()
    return files


def for_users(pyproject: str) -> str:
    """pyproject.toml without what is for development: whoever runs it with uv would get a whole MLflow server and test tools."""
    tables = re.split(r"(?m)^(?=\[)", pyproject)
    kept = (table for table in tables if _name_of(table).startswith(KEPT_TABLES))
    return "".join(kept)


def _name_of(table: str) -> str:
    found = re.match(r"\[+([^\]]+)\]", table)
    return found[1].strip() if found else ""


def entry(bundle: Path, name: str, url: str) -> dict[str, Any]:
    """The registry's entry for a bundle that is published at `url`."""
    filled: dict[str, Any] = json.loads(ENTRY.read_text(encoding="utf-8"))
    (package,) = filled["packages"]
    package |= {"identifier": url, "fileSha256": hashlib.sha256(bundle.read_bytes()).hexdigest()}
    return filled | {"name": name}


if __name__ == "__main__":
    sys.exit(main())
