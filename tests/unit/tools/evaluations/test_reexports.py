"""Which points of a metric are exports of one score."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.tools.evaluations.reexports import _changes, _exports


@pytest.mark.parametrize(
    ("points", "exports"),
    [
        ([Point(0, 5_000, 0.7), Point(0, 1_000, 0.5)], [0.5, 0.7]),
        ([Point(0, 1_000, 0.5)], [0.5]),
        ([Point(0, 1_000, 0.5), Point(1, 5_000, 0.7)], []),
        ([Point(0, 1_000, 0.5), Point(0, 1_200, 0.7)], []),
        ([Point(0, at * 5_000, 0.5) for at in range(11)], []),
    ],
    ids=["two exports", "one export", "a curve", "a curve without steps", "a long curve without steps"],
)
def test_only_a_few_points_at_one_step_and_apart_in_time_are_exports(points, exports):
    assert [point.value for point in _exports(points)] == exports


def test_only_what_changed_at_the_last_export_is_a_change():
    nan = float("nan")
    exports = {
        "changed": [Point(0, 1, 0.1), Point(0, 2, 0.5), Point(0, 3, 0.7)],
        "same": [Point(0, 1, 0.1), Point(0, 2, 0.1)],
        "nan": [Point(0, 1, nan), Point(0, 2, nan)],
        "once": [Point(0, 1, 0.1)],
        "curve": [],
    }

    assert _changes(exports) == {"changed": (0.5, 0.7)}
