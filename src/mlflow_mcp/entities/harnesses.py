"""What single harnesses leave of their samples, as their public packages have it (lm-eval 26.3, simple-evals 26.3). Pure."""

from __future__ import annotations

from collections.abc import Iterable

WRITES = {
    "lm-evaluation-harness": "lm-evaluation-harness writes samples_*.jsonl (--log_samples is in the launcher's command)",
    "simple_evals": "simple_evals itself writes only totals and an HTML report of its samples",
}
_ONLY_TOTALS = {"simple_evals"}


def only_totals(harnesses: Iterable[str | None]) -> bool:
    """Whether all of these are known, and none writes scores of single samples: no export brings any."""
    named = set(harnesses)
    return bool(named) and named <= _ONLY_TOTALS
