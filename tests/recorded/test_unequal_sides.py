"""What makes real exports unequal, with and without flattened params."""

from __future__ import annotations

from tests.recorded.store import catalogue
from tests.support.asking import rows_of


def test_what_concerns_all_tasks_comes_before_counts_of_responses(recorded, ask):
    """Repeats and responses, which have no side in the answers, last."""
    ids = [catalogue()["invocations"][name]["id"] for name in ("baseline", "resumed")]
    data = ask(recorded, "compare_runs", run_ids=ids).data

    names = [row["unequal"] for row in rows_of(data["unequal"])]
    harmless = [name.startswith("responses") for name in names]
    assert harmless == sorted(harmless)


def test_a_real_export_without_params_is_compared_by_its_config_file(recorded, ask):
    ids = [catalogue()["invocations"][name]["id"] for name in ("baseline", "resumed")]
    data = ask(recorded, "compare_runs", run_ids=ids).data

    assert "B: no params config.*; settings are from the config file of the run." in data["notes"]
    assert data["equal"] > 30
