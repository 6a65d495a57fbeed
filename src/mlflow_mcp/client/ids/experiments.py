"""Which experiments `experiment_id` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.deleted import restore_command
from mlflow_mcp.client.ids.parse import experiment_in_url
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, iso

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

UNLISTED = "What these credentials may not read is not listed."


def experiment_ids(client: Client, ids_or_names: str | list[str] | None, *, deleted: bool = False) -> list[str] | None:
    """The ids that `experiment_id` means, or None for all active experiments; with `deleted` also of deleted ones.

    Raises NotFound with the nearest names for one that does not exist.
    """
    if ids_or_names is None or ids_or_names == "" or ids_or_names == []:
        return None
    found: list[str] = []
    texts = [ids_or_names] if isinstance(ids_or_names, str) else ids_or_names
    # Names can move from one experiment to another, ids cannot.
    by_id = all(text.strip().isdigit() for text in texts)
    names = client.experiments.names() if by_id else client.experiments.checked_names()
    for text in texts:
        name = text.strip()
        there, own = client.at(name)
        if not own and there is not client:  # the name of a server alone
            found += [f"{there.prefix}{id}" for id in there.experiments.checked_names()]
            continue
        match = _by_name_or_id(name, names)
        if match is None:
            names = client.experiments.reread()  # made or renamed since the list was read
            match = _by_name_or_id(name, names)
        found.append(match or _by_url(client, name, names, deleted=deleted))
    return list(dict.fromkeys(found))


def _by_name_or_id(name: str, names: dict[str, str]) -> str | None:
    named = [key for key, value in names.items() if value == name]
    if named:
        return named[0]
    return name if name in names else None


def _by_url(client: Client, name: str, names: dict[str, str], *, deleted: bool) -> str:
    there, own = client.at(name)
    in_url = experiment_in_url(own)
    from_url = f"{there.prefix}{in_url}" if in_url else None
    if from_url and from_url in names:
        return from_url
    gone = client.experiments.deleted(from_url or name)
    if gone is not None and deleted:
        return str(gone.experiment_id)
    if gone is not None:
        raise NotFound(
            f"The experiment '{gone.name}' (id {gone.experiment_id}) was deleted {iso(gone.last_update_time)}.",
            f"query_runs(experiment_id='{gone.experiment_id}', deleted=true) lists its runs; `{restore_command(gone)}` brings it "
            "back with its runs.",
        )
    close = hint(name, names.values())
    hidden = unlisted(client)
    raise NotFound(
        f"No experiment has the id or name '{name}'.",
        " ".join(part for part in (hidden, close, "search_experiments lists them all.") if part),
    )


def unlisted(client: Client) -> str:
    """That some things may be hidden, where the server knows who asks."""
    return UNLISTED if client.connection.has_credentials else ""
