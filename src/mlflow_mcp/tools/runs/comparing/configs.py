"""With which config each job ran: as its params have it, else as the launcher's config among its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.entities.command_options import CUT_AT
from mlflow_mcp.entities.flattened_config import own_config_of
from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.entities.served import is_cut, is_elsewhere, prompts_unset, served_whole
from mlflow_mcp.tools.evaluations.config_files import config_params

# Of so many sides the config file is read, and of so many runs of a side it is tried.
_MOST_READ = 40
_TRIED = 3


@dataclass
class SideConfig:
    """The config of one invocation, as far as params and files have it."""

    params: Mapping[str, str] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)

    @property
    def is_from_file(self) -> bool:
        return bool(self.file) and not self.params

    @property
    def is_elsewhere(self) -> bool:
        """Whether the model was served by something that the launcher had not started."""
        return is_elsewhere(self.params or self.file)

    def own(self, job: Job) -> Mapping[str, str]:
        """What concerns this job, as flattened params have it: long values are cut there."""
        if job.own_config:
            return job.own_config
        whole = self.params or {name: value[:CUT_AT] for name, value in self.file.items()}
        return own_config_of(whole, job.canonical.task_number)

    @property
    def serving(self) -> dict[str, str]:
        """How the model was served; of a server whose whole start is recorded also what it was started without."""
        return served_whole(self.file, is_whole=True) if self.file else served_whole(self.params)

    @property
    def unset(self) -> dict[str, str]:
        """Settings of the requests that this config would name if they were set."""
        return prompts_unset(self.file or self.params)


def configs_of(client: Client, sides: Sequence[Mapping[str, Job]]) -> list[SideConfig]:
    """The config of each side, given as its jobs by task. Files are read, one a side and all at the same time, where the params
    have none or a command that was cut."""
    found = [SideConfig(_params_of(by_task)) for by_task in sides]
    unread = [
        (config, by_task)
        for config, by_task in zip(found, sides)
        if all(job.canonical.invocation_id for job in by_task.values()) and (not config.params or is_cut(config.params))
    ]
    requests = [partial(_read, client, config, by_task) for config, by_task in unread[:_MOST_READ]]
    if requests:
        client.parts("The launcher's config files", *requests, steps=client.call.steps("read", "config file"))
    return found


def _params_of(by_task: Mapping[str, Job]) -> Mapping[str, str]:
    """The params of the first run that has the flattened config, which is that of the whole invocation."""
    copies = [copy for job in by_task.values() for copy in job.copies]
    return next((copy.entity.data.params for copy in copies if copy.has_config), {})


def _read(client: Client, config: SideConfig, by_task: Mapping[str, Job]) -> None:
    copies = [copy for job in by_task.values() for copy in job.copies]
    for copy in copies[:_TRIED]:
        if read := config_params(client, copy.run_id):
            config.file = read
            return


def on_sources(labels: Sequence[str], configs: Sequence[SideConfig]) -> list[str]:
    """Which sides' settings are from files, and of which nothing tells how the model was served, where another one's tell."""
    from_file = _named(labels, [config.is_from_file for config in configs])
    elsewhere = _named(labels, [config.is_elsewhere for config in configs])
    notes = []
    if from_file:
        notes.append(f"{from_file}: no params config.*; settings are from the config file of the run.")
    if elsewhere and any(config.serving for config in configs):
        notes.append(
            f"{elsewhere}: deployment.type is none in the config: how that server was started (quantization, …) is not recorded."
        )
    return notes


def _named(labels: Sequence[str], which: Sequence[bool]) -> str:
    return ", ".join(dict.fromkeys(label for label, is_one in zip(labels, which) if is_one))
