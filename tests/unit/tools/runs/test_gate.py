"""The tolerance of a gate, and when a loss is surely larger."""

from __future__ import annotations

import pytest

from mlflow_mcp.errors import Problem
from mlflow_mcp.statistics.differences import Difference, Estimate
from mlflow_mcp.tools.runs.comparing.verdicts.gate import (
    FAIL,
    PASS,
    Gated,
    Tolerance,
    change,
    gate_of,
    observed_gate,
    summary,
)


@pytest.mark.parametrize(
    ("text", "base", "scale", "allowed"),
    [
        ("1pp", 0.5, 1.0, 0.01),
        ("1pp", 50.0, 100.0, 1.0),
        ("1 PP", 50.0, 100.0, 1.0),
        ("2%", 0.5, 1.0, 0.01),
        ("2%", -50.0, 100.0, 1.0),
        ("0.01", 0.5, None, 0.01),
        ("0", 0.5, None, 0.0),
        (".5pp", 0.5, 1.0, 0.005),
        ("1e-3", 0.5, 1.0, 0.001),
        ("1pp", 0.5, None, None),  # no scale is known
    ],
)
def test_the_three_forms_of_a_tolerance(text, base, scale, allowed):
    found = Tolerance.of(text).allowed(base, scale)

    assert found == (allowed if allowed is None else pytest.approx(allowed))


@pytest.mark.parametrize("text", ["", "one point", "-1pp", "1ppp", "5 percent", "nan", "1%%"])
def test_any_other_text_is_refused_with_the_three_forms(text):
    with pytest.raises(Problem, match=r"(?s)'1pp'.*'2%'.*'0.01'"):
        Tolerance.of(text)


def lost(by, error=0.001):
    return Difference(Estimate(0.8, error**2), Estimate(0.8 - by, error**2))


@pytest.mark.parametrize(
    ("difference", "gate"),
    [
        (lost(0.02), "FAIL"),
        (lost(0.0), "PASS"),
        (lost(-0.02), "PASS"),
        (lost(0.0105), "INDETERMINATE"),
        (lost(0.0, error=0.02), "INDETERMINATE"),
    ],
)
def test_a_gate_speaks_where_the_loss_is_sure(difference, gate):
    assert gate_of(difference, "max", 0.01, tests=1) == gate


def test_of_a_loss_the_higher_value_is_the_worse():
    rise = Difference(Estimate(0.8, 1e-6), Estimate(0.85, 1e-6))

    assert (gate_of(rise, "min", 0.01, 1), gate_of(rise, "max", 0.01, 1)) == ("FAIL", "PASS")


def test_a_fail_is_surer_among_many_tests():
    found = lost(0.0126)

    assert (gate_of(found, "max", 0.01, 1), gate_of(found, "max", 0.01, 20)) == ("FAIL", "INDETERMINATE")


def test_without_errors_a_gate_says_that_it_saw_one_value():
    assert observed_gate(-0.02, "max", 0.01) == FAIL
    assert observed_gate(-0.005, "max", 0.01) == PASS


@pytest.mark.parametrize(
    ("gates", "without", "told"),
    [
        (["PASS", "PASS"], [], "PASS at tolerance 1pp (2 of 2 scores pass)"),
        (["PASS", "INDETERMINATE"], [], "INDETERMINATE at tolerance 1pp (1 of 2 scores pass; 1 undecided: 't1' +1)"),
        (
            ["FAIL", "INDETERMINATE"],
            ["x"],
            "FAIL at tolerance 1pp (0 of 2 scores pass; 1 fail: 't0' +0; 1 undecided: 't1' +1; not judged, tasks: 'x')",
        ),
        (["PASS", "PASS"], ["x"], "INDETERMINATE at tolerance 1pp (2 of 2 scores pass; not judged, tasks: 'x')"),
        ([], [], "INDETERMINATE at tolerance 1pp (0 of 0 scores pass)"),
    ],
)
def test_the_worst_gate_of_all_tasks_is_the_answer(gates, without, told):
    assert (
        summary(
            Tolerance.of("1pp"), [Gated(f"t{at}", gate, False, f"{at:+}") for at, gate in enumerate(gates)], without
        )
        == told
    )


@pytest.mark.parametrize(
    ("tolerance", "allowed", "limits", "told"),
    [
        ("1pp", 0.01, (-0.09, 0.06), "-1.38 points (95% -9 to 6)"),  # of a share of 0 to 1
        ("1pp", 1.0, None, "-0.0138 points (error unknown)"),
        ("2%", 0.01, (-0.09, 0.06), "-2.76% (95% -18 to 12)"),  # of a baseline of 0.5
        ("0.01", 0.01, (-0.09, 0.06), "-0.0138 (95% -0.09 to 0.06)"),
        ("0pp", 0.0, (-0.09, 0.06), "-0.0138 (95% -0.09 to 0.06)"),
        ("1pp", None, (-0.09, 0.06), "-0.0138 (95% -0.09 to 0.06)"),  # the scale is not known
    ],
)
def test_a_change_is_told_in_the_unit_of_the_tolerance(tolerance, allowed, limits, told):
    assert change(Tolerance.of(tolerance), allowed, -0.0138, limits) == told


def test_scores_whose_value_alone_is_over_the_limit_come_first():
    gates = [Gated("a", "INDETERMINATE", False, "+1"), Gated("b", "INDETERMINATE", True, "-2")]

    assert summary(Tolerance.of("1pp"), gates, []).endswith("2 undecided: 'b' -2: over the limit, 'a' +1)")
