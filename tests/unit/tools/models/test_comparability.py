"""What callers of one model need for another."""

from __future__ import annotations

import json

import pytest

from mlflow_mcp.tools.models.comparability import interface_changes
from mlflow_mcp.tools.models.facts import ModelFacts
from mlflow_mcp.tools.models.package import Package, _required, _signature


def facts(inputs, outputs):
    """A model of columns by name; those with `?` may be left out."""

    def schema(names):
        return json.dumps(
            [{"type": "double", "name": name.rstrip("?"), "required": not name.endswith("?")} for name in names]
        )

    described = {"inputs": schema(inputs), "outputs": schema(outputs), "params": None}
    package = Package(signature=_signature(described), required=_required(described))
    return ModelFacts("m-1", None, None, None, package, None, None, None)


OLD = facts(["load", "hour"], ["mw"])


@pytest.mark.parametrize(
    ("side", "notes"),
    [
        (facts(["load", "hour"], ["mw"]), ["The signatures are equal."]),
        (facts(["load", "hour", "wind?"], ["mw"]), []),
        (facts(["load", "hour", "wind"], ["mw"]), ["A requires inputs that callers of B need not give: 'wind'."]),
        (facts(["load"], ["mw"]), ["A does not take inputs that B takes: 'hour'."]),
        (facts(["load", "hour"], ["p10", "p90"]), ["A does not return outputs that B returns: 'mw'."]),
    ],
    ids=["equal", "optional", "required", "gone", "outputs"],
)
def test_changes_that_break_callers_are_told(side, notes):
    assert list(interface_changes([side, OLD])) == notes


def test_an_input_that_was_optional_is_required_now():
    notes = list(interface_changes([OLD, facts(["load", "hour?"], ["mw"])]))

    assert notes == ["A requires inputs that callers of B need not give: 'hour'."]


def test_of_columns_without_names_nothing_is_said():
    described = {"inputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'}
    package = Package(signature=_signature(described), required=_required(described))

    assert "inputs" not in package.required
    assert list(interface_changes([ModelFacts("m-1", None, None, None, package, None, None, None), OLD])) == []
