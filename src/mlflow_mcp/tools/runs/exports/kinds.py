"""The kinds of file that export_runs writes: which ending means which, and how each is loaded again. One table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short


@dataclass(frozen=True)
class Kind:
    """A kind of file by its endings; `load` are the lines of Python that read it into pandas, None for a report."""

    name: str
    endings: tuple[str, ...]
    load: str | None = None


# Read as it stands: left to itself, pandas takes a param "None" or "NA" for a missing one.
CSV = Kind(
    "csv",
    (".csv",),
    r"""import pandas as pd
df = pd.read_csv({path!r}, dtype=str, keep_default_na=False); m = df.filter(regex=r'^metrics\.').columns
df[m] = df[m].replace('', 'NaN').astype(float)""",
)
# NaN and infinities are texts in JSON; pandas' own reader fails at numbers below 1e-307.
JSONL = Kind(
    "jsonl",
    (".jsonl", ".ndjson"),
    r"""import json, pandas as pd
with open({path!r}, encoding='utf-8') as file: df = pd.DataFrame(map(json.loads, file))
m = df.filter(regex=r'^metrics\.').columns; df[m] = df[m].astype(float)""",
)
JSON = Kind(
    "json",
    (".json",),
    r"""import json, pandas as pd
with open({path!r}, encoding='utf-8') as file: df = pd.DataFrame(json.load(file))
m = df.filter(regex=r'^metrics\.').columns; df[m] = df[m].astype(float)""",
)
PARQUET = Kind(
    "parquet",
    (".parquet", ".pq"),
    r"""import pandas as pd
df = pd.read_parquet({path!r})
df.filter(regex=r'^metrics\.').head()""",
)
HTML = Kind("html", (".html", ".htm"))
MARKDOWN = Kind("markdown", (".md", ".markdown"))
KINDS = (CSV, JSON, JSONL, PARQUET, HTML, MARKDOWN)


def kind_of(place: Path) -> Kind:
    """The kind that the file's ending says; without one CSV. Raises Problem for an ending that no kind has."""
    ending = place.suffix.lower()
    found = next((kind for kind in KINDS if ending in kind.endings), None)
    if found or not ending:
        return found or CSV
    known = ", ".join(kind.endings[0] for kind in KINDS)
    raise Problem(f"'{short(ending, 40)}' is no kind of file that runs are written to.", f"It may end in {known}.")
