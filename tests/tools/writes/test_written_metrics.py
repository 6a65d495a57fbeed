"""Numbers that people write in digits of other scripts are no numbers of MLflow's: what was meant is not guessed."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.writes.recording.values import metrics_of


@pytest.mark.parametrize(
    "text", ["loss@\u0663=1", "loss@1\u0660=1", "loss=\u0661.5", "loss=\uff11", "loss=1e\u0663", "loss@\u00b2=1"]
)
def test_digits_that_are_not_ascii_are_refused(text):
    with pytest.raises(ValueError, match="Each metric is written"):
        metrics_of([text])


def test_others_are_read():
    (value,) = metrics_of(["loss@-3=+1.5e-3"])

    assert (value.name, value.step, value.value) == ("loss", -3, 0.0015)
