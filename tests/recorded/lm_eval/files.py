"""The recorded per-sample files by model and task."""

from __future__ import annotations

import tarfile
from functools import cache
from pathlib import Path

BASE, TUNED = "acme__base", "acme__tuned"


@cache
def files_of(model: str) -> dict[str, str]:
    """Paths as in a run of the launcher, with their content."""
    with tarfile.open(Path(__file__).parent / "samples.tar.gz") as archive:
        names = [name for name in archive.getnames() if name.startswith(f"{model}/")]
        return {
            f"lm-evaluation-harness.sums/artifacts/{name}": archive.extractfile(name).read().decode() for name in names
        }


def file_of(model: str, task: str) -> dict[str, str]:
    return {path: content for path, content in files_of(model).items() if f"samples_{task}_" in path}
