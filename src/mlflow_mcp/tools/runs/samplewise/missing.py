"""What to tell where nothing was exported of single samples: which setting exports it, and what there is instead. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.entities.harnesses import WRITES, only_totals
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.text import hint, listed, plural

# The public launcher, 0.1.93 to 0.2.6: by default four files are exported, none of which has a row for each sample.
_SETTING = (
    "export.mlflow.only_required=false (before 0.2: execution.auto_export.configs.mlflow.only_required) exports all files, "
    "later too: nemo-evaluator-launcher export <invocation> --dest mlflow -o export.mlflow.only_required=false"
)
# What the launcher exports unless it is asked for all files.
_BY_DEFAULT = ("results.yml", "eval_factory_metrics.json", "run_config.yml", "metadata.yaml", "omni-info.json")
_OTHERS = "mlflow.log_table and mlflow.genai.evaluate log them from code"


@dataclass(frozen=True)
class Lacking:
    """The jobs of a side that have no samples, with the paths of the files that each has."""

    label: str
    runs: Sequence[LauncherRun]
    paths: Sequence[Sequence[str]]


def failed(lacking: Sequence[Lacking], task_or_file: str | None) -> str:
    """That some sides have nothing per sample, and what they have."""
    if task_or_file:
        where = " and ".join(each.label for each in lacking)
        return f"No file '{task_or_file}' with a score for each sample was found in {where}."
    has = []
    for each in lacking:
        names = [path for paths in each.paths for path in paths]
        has.append(
            f"{each.label} has {plural(len(names), 'file')}" + (f" ({listed(_telling(names), 5)})" if names else "")
        )
    return f"No scores of single samples were found: {'; '.join(has)}, and no traces with scores."


def next_step(lacking: Sequence[Lacking], task_or_file: str | None, unread: Sequence[str]) -> str:
    """What exports them, as far as it is known of who made these runs: of each side that lacks them."""
    not_read = [f"Not read: {unread[0]}"] if unread else []
    if task_or_file:
        names = {posixpath.basename(path) for each in lacking for paths in each.paths for path in paths}
        tell = f"{hint(task_or_file, names)} A file of other columns is read with metric naming its score."
        return " ".join([*not_read, tell.strip()])
    return " ".join([*not_read, what_exports(lacking), "compare_runs compares the totals."])


def what_exports(lacking: Sequence[Lacking]) -> str:
    """What makes samples arrive of each of these sides, once where it is the same; or that nothing does."""
    if nothing := _nothing_exports(lacking):
        return nothing
    sentences = [
        _of_launcher(each)
        if any(run.invocation_id for run in each.runs)
        else f"{_OTHERS}. A file of other columns is read with artifact_path, and metric naming its score."
        for each in lacking
    ]
    if len(set(sentences)) > 1:
        sentences = [f"{each.label}: {text}" for each, text in zip(lacking, sentences)]
    return " ".join(dict.fromkeys(sentences))


def _nothing_exports(lacking: Sequence[Lacking]) -> str:
    """That an export of all files would bring no samples either: the harness writes none, or another side's was one."""
    harnesses = {run.harness for each in lacking for run in each.runs}
    if only_totals(harnesses):
        return f"{'; '.join(WRITES[name] for name in sorted(filter(None, harnesses)))}: no export has scores of single samples."
    whole = [each for each in lacking if each.paths and all(map(_more_than_default, each.paths))]
    if len(harnesses) > 1 or not whole or len(whole) == len(lacking):
        return ""
    label, harness = whole[0].label, next(iter(harnesses))
    return (
        f"{label} has more than the default export ({listed(_more_of(whole[0]), 3)}), but nothing with a row for each sample: of "
        f"{harness or 'such runs'} an export of all files is not likely to bring any."
    )


def _more_of(lacking: Lacking) -> list[str]:
    return sorted({name for paths in lacking.paths for name in _more_than_default(paths)})


def _of_launcher(lacking: Lacking) -> str:
    """What makes a launcher export samples of these jobs: of those that have only its default files, else of none."""
    harnesses = list(dict.fromkeys(run.harness for run in lacking.runs if run.harness))
    writes = "; ".join(WRITES[name] for name in harnesses if name in WRITES)
    if not all(map(_more_than_default, lacking.paths)):
        return f"The launcher's {_SETTING}; {writes or 'which files hold samples, the harness decides'}."
    names = _more_of(lacking)  # all files were asked for already
    sentence = f"More than the default was exported ({listed(names, 3)}), but nothing with a row for each sample"
    sentence += f": {writes}." if writes else "."
    reports = any(name.startswith("report.") for name in names)
    return sentence + (" report.json has some requests and responses, without scores." if reports else "")


def _more_than_default(paths: Sequence[str]) -> list[str]:
    names = (posixpath.basename(path) for path in paths if "/artifacts/" in path)
    return [name for name in names if name not in _BY_DEFAULT]


def _telling(paths: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(posixpath.basename(path) for path in paths))
