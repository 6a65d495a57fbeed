"""Modules that MLflow's client tries to import for each request, to learn whether it runs in a notebook of Databricks.

Python looks for a missing module in every folder of its path anew, five times a request: a third of a millisecond.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

_OF_NOTEBOOKS = ("dbruntime", "IPython", "pyspark.sql")  # not `pyspark`: MLflow looks that one up in the table itself


def remember_absent() -> None:
    """Have those that are not installed refused at once, as Python does where its table of modules says None."""
    for name in _OF_NOTEBOOKS:
        if name not in sys.modules and find_spec(name.partition(".")[0]) is None:
            sys.modules[name] = None  # type: ignore[assignment]  # Python's own mark, which its types leave out
