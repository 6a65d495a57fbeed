"""Where the params of a job and the files of its evaluation record other values of one setting. Pure.

An export that is repeated replaces the files and leaves the params as they were: the two can be of different evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.entities.command_options import CUT_AT
from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.entities.recorded_config import RecordedConfig
from mlflow_mcp.entities.recorded_settings import same_setting, settings_of_params, unlike_names
from mlflow_mcp.text import plural, short

_LIMIT = "limit_samples"
_SHOWN = 3
_LONGEST = 40


@dataclass(frozen=True)
class Contradiction:
    """The settings of which params and a file record unlike values, as (name, in the params, in the file), the limit first."""

    settings: list[tuple[str, str, str]]
    file: str

    @property
    def is_of_limit(self) -> bool:
        return self.settings[0][0] == _LIMIT

    def __str__(self) -> str:
        shown = [
            f"{name} {_told(name, a)} in params, {_told(name, b)} in {self.file}"
            for name, a, b in self.settings[:_SHOWN]
        ]
        left = len(self.settings) - len(shown)
        more = f", and {plural(left, 'more setting')}" if left else ""
        return f"params and {self.file} contradict each other: {'; '.join(shown)}{more}"


def contradiction_of(job: Job, recorded: RecordedConfig, file: str) -> Contradiction | None:
    """What params and file say otherwise; also a limit that only the params have."""
    if not recorded.settings:
        return None
    in_params = {name: value for name, value in settings_of_params(job.own_config).items() if len(value) < CUT_AT}
    own, theirs = (each and f"{each.value:g}" for each in (job.samples.limit, recorded.samples.limit))
    found = [(_LIMIT, own, theirs or "none")] if own and own != theirs else []
    found += [
        (name, in_params[name], recorded.settings[name])
        for name in unlike_names([in_params, recorded.settings])
        if name in in_params and not same_setting(recorded.settings.get(name, in_params[name]), in_params[name])
    ]
    return Contradiction(found, file) if found else None


def _told(name: str, value: str) -> str:
    return short(str(mask_at(value, name)), _LONGEST)
