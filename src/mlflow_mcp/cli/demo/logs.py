"""The launcher's logs, with ANSI codes and progress bars, and a known number of lines that users look for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from random import Random

SLURM_JOB = "481516"

# What the logs say that a user looks for, and on how many lines; nothing else in them contains these texts.
PLANTED = {
    "finish_reason=length": 37,
    "HTTP 429": 12,
    "HTTP 500": 3,
    "Returning cached response": 214,
    "OOM": 2,
}


def write_logs(folder: Path, invocation: str, samples: int, size: int, times: tuple[float, float]) -> dict[str, int]:
    """client, server and slurm logs of about `size` bytes in all; returns what was planted in them.

    `times`: the evaluation's start (seconds since the epoch) and duration.
    """
    rng = Random(invocation)  # noqa: S311 - made-up lines, not secrets
    info, warning, error = "\x1b[32mINFO\x1b[0m", "\x1b[33mWARNING\x1b[0m", "\x1b[31mERROR\x1b[0m"
    says = {
        "finish_reason=length": f"{warning} client: request {{}} finish_reason=length (max_new_tokens)",
        "HTTP 429": f"{warning} client: request {{}} HTTP 429 Too Many Requests, retry in 2.0 s",
        "HTTP 500": f"{error} client: request {{}} HTTP 500 Internal Server Error, retry in 4.0 s",
        "Returning cached response": "DEBUG cache: request {} Returning cached response",
        "OOM": f"{error} engine: CUDA out of memory (OOM), request {{}} preempted",
    }
    events = {text: [says[text].format(rng.randrange(samples)) for _ in range(n)] for text, n in PLANTED.items()}
    preempted = events.pop("OOM")
    noticed = [line for lines in events.values() for line in lines]
    rng.shuffle(noticed)

    def client(n: int) -> str:
        if n % 60 == 59:  # a progress bar: many states of one line
            return "".join(f"\rEvaluating: {p:3d}%|{'█' * (p // 10):10s}|" for p in range(0, 101, 4))
        return f"{info} client: request {n} finish_reason=stop tokens={rng.randrange(40, 4000)}"

    def server(_: int) -> str:
        return f"{info} engine: running: {rng.randrange(8, 33)} reqs, {rng.uniform(900, 2400):.1f} tokens/s"

    folder.mkdir()
    slurm = "slurm: allocated node-17\nslurm: server healthy\nslurm: evaluation done\nslurm: exit code 0\n"
    (folder / f"slurm-{SLURM_JOB}.log").write_text(slurm)
    _write_log(folder / f"client-{SLURM_JOB}.log", size * 2 // 3, times, client, noticed)
    _write_log(folder / f"server-{SLURM_JOB}-0.log", size // 3, times, server, preempted)
    return dict(PLANTED)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _write_log(
    path: Path, size: int, times: tuple[float, float], filler: Callable[[int], str], events: Sequence[str]
) -> None:
    """About `size` bytes of filler with all the events spread evenly through it, in the evaluation's time."""
    written, done = 0, 0
    with path.open("wb") as file:
        for n in count():
            share = min(1.0, written / max(size, 1))
            if done < len(events) and share * (len(events) + 1) >= done + 1:
                line, done = events[done], done + 1
            elif share < 1:
                line = filler(n)
            else:
                return
            stamp = moment(times[0] + times[1] * share).isoformat(" ", "milliseconds")[:-6]
            written += file.write(f"{stamp} {line}\n".encode())
