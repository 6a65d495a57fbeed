"""Which tags say that a model was refused."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.models.refused import refusals


def told(**tags):
    named = {name.replace("__", "."): value for name, value in tags.items()}
    return list(refusals([("m/3", named), ("m/2", {})]))


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"validation": "rejected"}, ["A (m/3) has the tag validation=rejected."]),
        (
            {"validation": "failed", "validation__reason": "too slow"},
            ["A (m/3) has the tags validation=failed, validation.reason=too slow."],
        ),
        ({"qa_status": "Blocked by legal"}, ["A (m/3) has the tag qa_status=Blocked by legal."]),
        ({"approved": "false"}, ["A (m/3) has the tag approved=false."]),
        ({"validation": "passed"}, []),
        ({"approved_by": "ana"}, []),
        ({"note": "failed runs were left out"}, []),
        ({"status": "failover"}, []),
        ({"validation": "not failed"}, []),
    ],
)
def test_a_refusal_is_told_with_its_tag_as_stored(tags, words):
    assert told(**tags) == words


def test_a_long_reason_is_not_cut():
    assert told(review="rejected", review_text="x" * 500) == [
        "A (m/3) has the tags review=rejected, review_text (see differences)."
    ]
