"""Modules of notebooks that are not installed are refused without a search; what is installed is left alone."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from mlflow_mcp.client.transport import absent


def test_what_is_not_installed_is_refused_without_a_search(monkeypatch):
    monkeypatch.setattr(
        absent, "_OF_NOTEBOOKS", ("no_such_package_of_anybody", "no_such_package_of_anybody.sub", "json")
    )
    monkeypatch.delitem(sys.modules, "json")
    for name in ("no_such_package_of_anybody", "no_such_package_of_anybody.sub"):
        monkeypatch.setitem(sys.modules, name, None)  # so that they are taken out again
        del sys.modules[name]

    absent.remember_absent()

    assert sys.modules["no_such_package_of_anybody.sub"] is None
    with pytest.raises(ModuleNotFoundError):
        import_module("no_such_package_of_anybody")
    assert "json" not in sys.modules
    assert import_module("json").loads("1") == 1


def test_mlflow_still_looks_for_spark_in_the_table_of_modules():
    """It takes a name in there for an import that has happened."""
    absent.remember_absent()

    assert find_spec("pyspark") or "pyspark" not in sys.modules
