"""What an id, a prefix, a name or a URL stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlflow_mcp.client.filters import equals, like_prefix
from mlflow_mcp.entities.launcher import invocation_id_of, job_of, same_job
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import every, hint, iso, plural, quoted

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

SHORTEST_PREFIX = 6
MOST_CANDIDATES = 10
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-f]+")
_JOB_ID = re.compile(r"([0-9a-f]{6,16})\.(\d+)")
_URL_RUN = re.compile(r"/runs/([^/?#&]+)|run_id=([^&#]+)")
_URL_EXPERIMENT = re.compile(r"/experiments/([^/?#&]+)")


def is_run_id(text: str) -> bool:
    return bool(_RUN_ID.fullmatch(text))


def plain_id(given: str) -> str:
    """The id as MLflow has it: hexadecimal ones in small letters, whatever they were copied from."""
    text = given.strip()
    return text.lower() if re.fullmatch(r"[0-9A-Fa-f]{6,32}(\.\d+)?", text) else text


def is_id_prefix(text: str) -> bool:
    return len(text) >= SHORTEST_PREFIX and bool(_HEX.fullmatch(text))


def run_in_url(text: str) -> str | None:
    """The run id in a URL copied from MLflow's UI, or in `runs:/<id>/…`."""
    if text.startswith("runs:/"):
        return text[6:].strip("/").partition("/")[0] or None
    found = _URL_RUN.search(text) if "://" in text or text.startswith("/") else None
    return unquote(found[1] or found[2]) if found else None


def experiment_in_url(text: str) -> str | None:
    found = _URL_EXPERIMENT.search(text) if "://" in text or text.startswith("/") else None
    return unquote(found[1]) if found else None


# -- experiments ---------------------------------------------------------------------------------------------------


def experiment_ids(client: Client, given: str | list[str] | None) -> list[str] | None:
    """The ids that `experiment_id` means, or None for all active experiments.

    Raises NotFound with the nearest names for one that does not exist.
    """
    if given is None or given == "" or given == []:
        return None
    wanted = [given] if isinstance(given, str) else given
    found: list[str] = []
    names = client.experiments.names()
    for name in wanted:
        match = _experiment(name.strip(), names)
        if match is None:
            names = client.experiments.reread()  # made or renamed since the list was read
            match = _experiment(name.strip(), names)
        found.append(match or _lone_experiment(client, name.strip(), names))
    return list(dict.fromkeys(found))


def _experiment(name: str, names: dict[str, str]) -> str | None:
    named = [key for key, value in names.items() if value == name]
    if named:
        return named[0]
    return name if name in names else None


def _lone_experiment(client: Client, name: str, names: dict[str, str]) -> str:
    from_url = experiment_in_url(name)
    if from_url and from_url in names:
        return from_url
    close = hint(name, names.values())
    raise NotFound(f"No experiment has the id or name '{name}'.", f"{close} search_experiments lists them all.".strip())


# -- runs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Match:
    """One run that an id stands for, and in which way: "run id", "run name", "job id" or "invocation id"."""

    way: str
    run: Run


def run_id_of(client: Client, given: str) -> str:
    """The full run id that `given` means. A full id is taken as it is, without a request.

    Raises NotFound when nothing is called that, and Problem with the candidates when several runs are.
    """
    text = run_in_url(given.strip()) or plain_id(given)
    return text if is_run_id(text) else find_run(client, text).info.run_id


def find_run(client: Client, text: str) -> Run:
    matches = runs_called(client, text)
    if len(matches) == 1:
        return matches[0].run
    if not matches:
        raise unknown_run(client, text)
    raise ambiguous(text, matches, client.experiments.names())


def runs_called(client: Client, text: str) -> list[Match]:
    """The runs that `text` names as a prefix of the run id, else as name or job id, else as invocation id."""

    def search(ids: list[str]) -> list[Match]:
        ways = {"run name": equals("attributes", "run_name", text), "job id": equals("tags", "job_id", text)}
        if is_id_prefix(text):
            ways["run id"] = like_prefix("attributes.run_id", text)
            ways["invocation id"] = like_prefix("tags.invocation_id", text)
        found = client.run_concurrently(
            *(lambda query=query: client.runs.find(ids, query, at_most=100) for query in ways.values())
        )
        return [Match(way, run) for way, runs in zip(ways, found) for run in runs]

    matches = client.experiments.search_all(search)
    for way in ("run id", "run name", "job id", "invocation id"):
        if of_way := [match for match in matches if match.way == way]:
            return of_way
    return []


def groups_of(client: Client, given: Sequence[str]) -> list[tuple[str, list[Run]]]:
    """For each id what it stands for: one run, or all runs of an invocation. In the order given, read side by side.

    Raises NotFound for an id that is neither, and Problem for one that could be several.
    """
    return client.run_concurrently(*(partial(_group, client, text) for text in dict.fromkeys(given)))


def _group(client: Client, given: str) -> tuple[str, list[Run]]:
    text = run_in_url(given.strip()) or plain_id(given)
    if is_run_id(text):
        return given, [client.runs.get(text)]
    matches = runs_called(client, text)
    if len(matches) == 1:
        return given, [matches[0].run]
    if not matches or matches[0].way == "invocation id":
        try:
            return given, find_invocation(client, text, None).runs
        except NotFound:
            raise unknown_run(client, text) from None
    if len({job_of(match.run) for match in matches}) == 1 and matches[0].way == "job id":
        return given, [same_job([match.run for match in matches])[0][0]]
    raise ambiguous(text, matches, client.experiments.names())


def runs_of(client: Client, given: Sequence[str]) -> list[Run]:
    """The runs that ids, names and invocation ids stand for, each once, in the order given."""
    runs = {run.info.run_id: run for _, group in groups_of(client, given) for run in group}
    return list(runs.values())


def unknown_run(client: Client, text: str) -> NotFound:
    if len(text) < SHORTEST_PREFIX and _HEX.fullmatch(text):
        return NotFound(f"'{text}' is too short for an id.", f"Give at least {SHORTEST_PREFIX} characters.")
    names = recent_run_names(client)
    return NotFound(
        f"No run has the id, name or job id '{text}'.",
        f"{hint(text, names)} resolve_id looks for it everywhere, query_runs lists runs.".strip(),
    )


def recent_run_names(client: Client) -> list[str]:
    runs, _ = client.experiments.search_all(lambda ids: client.runs.search(ids[:1_000], max_results=100))
    return [run.info.run_name for run in runs if run.info.run_name]


def ambiguous(text: str, matches: list[Match], experiments: dict[str, str]) -> Problem:
    """The sentence that lists the runs `text` may mean, told apart by task, experiment and time."""

    def line(match: Match) -> str:
        info, tags = match.run.info, match.run.data.tags
        task = tags.get("task_name")
        where = experiments.get(info.experiment_id, info.experiment_id)
        parts = [
            f"task {task}" if task else f"'{info.run_name}'",
            f"experiment '{where}'",
            iso(info.start_time) or "",
        ]
        return f"{info.run_id} ({', '.join(part for part in parts if part)})"

    shown = "; ".join(line(match) for match in matches[:MOST_CANDIDATES])
    more = f"; and {len(matches) - MOST_CANDIDATES} more" if len(matches) > MOST_CANDIDATES else ""
    way = matches[0].way
    what = {"run id": "begins the id of", "run name": "is the name of", "job id": "is the job id of"}.get(
        way, "is an invocation with"
    )
    return Problem(
        f"'{text}' {what} {plural(len(matches), 'run')}: {shown}{more}.",
        "Call again with one of these run ids.",
    )


# -- invocations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InvocationRuns:
    """All runs of one invocation, in any experiment."""

    invocation_id: str
    job_id: str | None  # the job that was asked for, when a job id was given
    runs: list[Run]


def find_invocation(client: Client, given: str, within: list[str] | None) -> InvocationRuns:
    """The invocation called so by its id, a prefix of it, or a job id: its runs by tag, or by param when none has the tag
    (exports write both, so the params of 20,000 runs are searched only when the tags told nothing).

    The number of requests does not depend on the number of experiments (below a thousand).
    Raises NotFound when there is none and Problem when a prefix fits several.
    """
    text = plain_id(given)
    job = _JOB_ID.fullmatch(text)
    wanted = job[1] if job else text
    whole = len(wanted) == 16 or not is_id_prefix(wanted)

    def search(ids: list[str]) -> list[Run]:
        for kind in ("tags", "params"):
            query = equals(kind, "invocation_id", wanted) if whole else like_prefix(f"{kind}.invocation_id", wanted)
            if runs := client.runs.find(ids, query):
                return runs
        return []

    runs = _one_invocation(client, text, wanted, client.experiments.search_in(within, search), within)
    key = invocation_id_of(runs[0])
    return InvocationRuns(key, f"{key}.{job[2]}" if job else None, runs)


def _one_invocation(client: Client, text: str, wanted: str, runs: list[Run], within: list[str] | None) -> list[Run]:
    by_id: dict[str, list[Run]] = {}
    for run in runs:
        by_id.setdefault(invocation_id_of(run), []).append(run)
    if wanted in by_id:  # an old 8-digit id may begin a longer one
        return by_id[wanted]
    if len(by_id) > 1:
        lines = ", ".join(
            f"{key} ({plural(len(part), 'run')})" for key, part in sorted(by_id.items())[:MOST_CANDIDATES]
        )
        raise Problem(f"'{text}' begins {len(by_id)} invocation ids: {lines}.", "Call again with one of them in full.")
    if not by_id:
        raise _unknown_invocation(client, text, within)
    return runs


def _unknown_invocation(client: Client, text: str, within: list[str] | None) -> NotFound:
    if within is not None:
        names = client.experiments.names()
        where = quoted(names.get(each, each) for each in within[:5])
        return NotFound(
            f"No run of invocation '{text}' in experiment {where}.",
            "Leave experiment_id out to look in all of them.",
        )
    count = len(client.experiments.names())
    if len(text) < SHORTEST_PREFIX and _HEX.fullmatch(text):
        return NotFound(f"'{text}' is too short for an id.", f"Give at least {SHORTEST_PREFIX} characters.")
    return NotFound(
        f"No run in {every(count, 'experiment', 'any of the')} has '{text}' as invocation id, by tag or by param.",
        "Only finished evaluations are exported to MLflow: pending, running and killed ones never arrive. "
        "resolve_id tells whether it is another kind of id.",
    )
