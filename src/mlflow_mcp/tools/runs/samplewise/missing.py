"""What to tell where nothing was exported of single samples: which setting exports it, and what there is instead. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.text import listed, plural

# The public launcher, 0.1.93 to 0.2.6: by default four files are exported, none of which has a row for each sample.
_SETTING = (
    "export.mlflow.only_required=false (before 0.2: execution.auto_export.configs.mlflow.only_required) exports all files, "
    "later too: nemo-evaluator-launcher export <invocation> --dest mlflow -o export.mlflow.only_required=false"
)
# What each harness leaves, as its public package has it (lm-eval 26.3, simple-evals 26.3).
_WRITES = {
    "lm-evaluation-harness": "lm-evaluation-harness writes samples_*.jsonl (--log_samples is in the launcher's command)",
    "simple_evals": "simple_evals itself writes only totals and an HTML report of its samples",
}
# What the launcher exports unless it is asked for all files.
_BY_DEFAULT = ("results.yml", "eval_factory_metrics.json", "run_config.yml", "metadata.yaml", "omni-info.json")
_OTHERS = "mlflow.log_table and mlflow.genai.evaluate log them from code"


def failed(labels: Sequence[str], paths: Sequence[Sequence[str]], wanted: str | None) -> str:
    """That some sides have nothing per sample, and what they have."""
    if wanted:
        return f"No file '{wanted}' with a score for each sample is in {' and '.join(labels)}."
    has = [
        f"{label} has {plural(len(names), 'file')}" + (f" ({listed(_telling(names), 5)})" if names else "")
        for label, names in zip(labels, paths)
    ]
    return f"Nothing was exported of single samples: {'; '.join(has)}, and no traces with scores."


def next_step(
    labels: Sequence[str], runs: Sequence[Sequence[LauncherRun]], paths: Sequence[Sequence[str]], unread: Sequence[str]
) -> str:
    """What exports them, as far as it is known of who made these runs: of each side that lacks them."""
    told = [
        of_launcher(of_side, names)
        if any(run.invocation_id for run in of_side)
        else f"{_OTHERS}; artifact_path names a file that is not recognised."
        for of_side, names in zip(runs, paths)
    ]
    if len(set(told)) > 1:
        told = [f"{label}: {text}" for label, text in zip(labels, told)]
    not_read = [f"Not read: {unread[0]}"] if unread else []
    return " ".join([*not_read, *dict.fromkeys(told), "compare_runs compares the totals."])


def of_launcher(runs: Sequence[LauncherRun], paths: Sequence[str]) -> str:
    """What makes a launcher export samples of these runs, which have these files."""
    harnesses = list(dict.fromkeys(run.harness for run in runs if run.harness))
    writes = "; ".join(_WRITES[name] for name in harnesses if name in _WRITES)
    others = [posixpath.basename(path) for path in paths if "/artifacts/" in path]
    more = sorted({name for name in others if name not in _BY_DEFAULT})
    if more:  # all files were asked for already
        reports = any(name.startswith("report.") for name in more)
        told = f"More than the default was exported ({listed(more, 3)}), but nothing with a row for each sample"
        told += f": {writes}." if writes else "."
        return told + (" report.json has some requests and responses, without scores." if reports else "")
    return f"The launcher's {_SETTING}; {writes or 'which files hold samples, the harness decides'}."


def _telling(paths: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(posixpath.basename(path) for path in paths))
