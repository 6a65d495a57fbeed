"""Made-up log files with what real ones have: ANSI colours, `\\r` progress bars, long stretches of sameness."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

RESET = "\x1b[0m"
CONNECTION_ERROR = "Connection reset by peer (will retry)"


def client_log(seed: int, started: datetime, task: str, responses: int, *, errors: int, ending: str) -> str:
    """A client's log: start, requests with exactly `errors` connection errors, a progress bar, and how it ended."""
    rng = random.Random(seed)
    lines = [_line(started, "I", f"nemo-evaluator run_eval --run_config config_ef.yaml task={task}")]
    failing = set(rng.sample(range(5, 240), errors))
    for number in range(240):
        now = started + timedelta(seconds=number * 31 + rng.random() * 20)
        if number in failing:
            lines.append(_line(now, "E", f"Request failed request_id={rng.randrange(16**8):08x}: {CONNECTION_ERROR}"))
        elif number % 30 == 0:
            done = responses * number // 240
            lines.append(
                _line(now, "I", f"Response statistics count={done} avg_latency_ms={900 + rng.random() * 90:.2f}")
            )
        else:
            lines.append(
                _line(now, "I", f"POST /v1/chat/completions status_code=200 latency_ms={rng.random() * 2000:.1f}")
            )
        if number % 12 == 0:
            lines.append(_progress(task, responses, number))
    lines.append(_line(started + timedelta(hours=2, minutes=6), "I" if ending == "done" else "W", ENDINGS[ending]))
    return "\n".join(lines) + "\n"


ENDINGS = {
    "done": "Evaluation completed successfully",
    "timeout": "slurmstepd: error: *** STEP CANCELLED DUE TO TIME LIMIT *** (the job will be resubmitted)",
}


def server_log(seed: int, started: datetime, model: str) -> str:
    rng = random.Random(seed)
    lines = [f"INFO {started:%m-%d %H:%M:%S} [api_server.py:1288] vLLM API server, model {model}"]
    for number in range(200):
        now = started + timedelta(seconds=number * 40)
        rate = 2400 + rng.random() * 900
        lines.append(
            f"INFO {now:%m-%d %H:%M:%S} [loggers.py:127] Engine 000: Avg generation throughput: {rate:.1f} tokens/s, "
            f"Running: {rng.randrange(40, 64)} reqs, GPU KV cache usage: {rng.random() * 60:.1f}%"
        )
    return "\n".join(lines) + "\n"


def _line(now: datetime, level: str, text: str) -> str:
    colour = {"I": "\x1b[32m", "W": "\x1b[33m", "E": "\x1b[31m"}[level]
    return f"{colour}[{level} {now:%Y-%m-%dT%H:%M:%S.%f}]{RESET} {text}"


def _progress(task: str, responses: int, number: int) -> str:
    """What a progress bar leaves in a file: all of its states on one line, each over the last."""
    states = []
    for step in range(number, number + 12, 3):
        done = responses * step // 240
        states.append(f"\r{task}: {100 * step // 240:3d}%|{'█' * (step // 12):<20}| {done}/{responses}")
    return "".join(states)
