"""How much of random keys the masking hides, what it hides by mistake, and how long it takes.

    python bench/masking.py                          # 200 keys of each format in every carrier
    python bench/masking.py --false-hits FOLDER …    # lines of the recorded exports and of real files that are changed
    python bench/masking.py --time                   # answers of 30,000 characters
    python bench/masking.py --rules gitleaks.toml    # the same keys against the rules of gitleaks

Keys are drawn as providers draw them (`tests/support/secret_formats.py`). One counts as hidden when no six characters in a row
of its random parts are left.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mlflow_mcp.answers.masking import HIDDEN, mask
from tests.support.secret_formats import BY_NAME, NAMED, OF_SHAPES, SHAPED, Carrier, left_of, made_up

Masking = Callable[[Any], Any]
RECORDED = Path(__file__).resolve().parent.parent / "tests" / "recorded" / "launcher_exports.tar.gz"
ENDINGS = (
    ".yml",
    ".yaml",
    ".json",
    ".jsonl",
    ".md",
    ".py",
    ".toml",
    ".cfg",
    ".ini",
    ".txt",
    ".log",
    ".csv",
    ".sh",
    ".rst",
)
_MOST_BYTES = 300_000
GOAL = 0.995


def share_hidden(name: str, form: str, carrier: Carrier, masking: Masking, count: int) -> tuple[float, str]:
    """Of `count` random keys the share that is hidden whole, and an answer in which one is not."""
    drawn, hidden, example = random.Random(f"{name} {form}"), 0, ""
    for _ in range(count):
        made = made_up(name, form, drawn)
        shown = masking(carrier(made))
        text = shown if isinstance(shown, str) else json.dumps(shown)
        if left_of(made, text):
            example = example or text
        else:
            hidden += 1
    return hidden / count, example


def keys(masking: Masking, count: int) -> int:
    """Print each format's worst carriers; the number of formats below the goal in any."""
    below = 0
    jobs = [(f"{name} (by its look)", form, OF_SHAPES) for name, form in SHAPED.items()]
    jobs += [(f"{name} (by its name)", form, BY_NAME) for name, form in (SHAPED | NAMED).items()]
    for label, (variable, form), carriers in jobs:
        shares = {title: share_hidden(variable, form, each, masking, count) for title, each in carriers.items()}
        worst = {title: pair for title, pair in shares.items() if pair[0] < GOAL}
        below += bool(worst)
        print(
            f"{label:44} {statistics.mean(pair[0] for pair in shares.values()):8.2%}  {len(worst)} carriers below the goal"
        )
        for title, (share, example) in worst.items():
            print(f"    {title}: {share:.1%}   {example[:150]!r}")
    print(
        f"\n{len(SHAPED)} formats by their look, {len(SHAPED | NAMED)} by their name; {below} below {GOAL:.1%} in some carrier"
    )
    return below


def texts(folders: list[Path]) -> Iterator[tuple[str, str]]:
    """The recorded exports' text files, and those of the folders."""
    with tarfile.open(RECORDED) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and member.name.endswith((*ENDINGS, ".html")):
                yield member.name, file.read().decode("utf-8", "replace")
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and (path.suffix in ENDINGS or path.name in ("METADATA", "RECORD", "uv.lock")):
                yield str(path.relative_to(folder)), path.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")


def false_hits(masking: Masking, folders: list[Path]) -> None:
    """Print every line that is changed: whoever reads them tells which are no secrets."""
    lines = 0
    kinds: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    for name, text in texts(folders):
        shown = masking(text)
        lines += text.count("\n") + 1
        kinds[Path(name).suffix or name] += text.count("\n") + 1
        if shown == text:
            continue
        left = Counter(text.split("\n"))
        left.subtract(shown.split("\n"))
        for line, count in left.items():
            if count > 0:
                changed[f"{name}: {line.strip()[:160]}"] += count
    for line, count in changed.items():
        print(f"{count:4} {line}")
    hits = sum(changed.values())
    print(f"\n{hits} lines changed of {lines:,} ({hits / lines * 10_000:.2f} in 10,000); {dict(kinds.most_common(12))}")


def timing(masking: Masking) -> None:
    """Print what a masking of 30,000 characters takes, for forms that answers have."""
    log = "2026-10-12 07:07:20.239 INFO client: request 99 finish_reason=stop tokens=779 key=a1 path=/v1/chat\n"
    config = "  model:\n    api_key: ${KEY}\n    max_new_tokens: 4096\n    url: http://node-17:8000/v1\n"
    answers = {
        "a log": {"text": (log * 400)[:30_000]},
        "a config": {"text": (config * 500)[:30_000]},
        "a table": {"columns": ["run_id", "params.lr", "metrics.acc"], "rows": [[f"{n:032x}", "0.01", 0.5] for n in range(550)]},
        "an object": {f"config.evaluation.tasks.{n}.value": f"value {n}" for n in range(700)},
    }  # fmt: skip
    for title, answer in answers.items():
        times = []
        for _ in range(20):
            started = time.perf_counter()
            masking(answer)
            times.append(time.perf_counter() - started)
        print(f"{title:10} {len(json.dumps(answer)):,} characters: {statistics.median(times) * 1000:.1f} ms")


def rules_of(path: Path) -> Masking:
    """Masking by the regular expressions of a rule file of gitleaks, without its keywords, entropies and allow-lists."""
    import tomllib

    found = []
    for rule in tomllib.loads(path.read_text())["rules"]:
        try:
            found.append(re.compile(_as_python(rule.get("regex", "(?!)"))))
        except re.error as error:
            print(f"rule {rule['id']} is left out: {error}", file=sys.stderr)

    def masking(value: Any) -> Any:
        text = value if isinstance(value, str) else json.dumps(value)
        for rule in found:
            text = rule.sub(lambda m: m[0].replace(m[m.re.groups and 1] or m[0], HIDDEN), text)
        return text

    return masking


def _as_python(pattern: str) -> str:
    """Go's flags in the middle of a pattern hold to the end of their group; here for the whole of it, which finds more."""
    ignore_case = "(?i)" in pattern
    plain = (
        pattern.replace("(?i)", "").replace(r"\z", r"\Z").replace("[[:alnum:]]", "[A-Za-z0-9]").replace("(?-i:", "(?:")
    )
    return f"(?i){plain}" if ignore_case else plain


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=200, help="keys of each format in each carrier")
    parser.add_argument("--false-hits", nargs="*", type=Path, help="folders of harmless files")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--rules", type=Path, help="a rule file of gitleaks, measured instead of ours")
    arguments = parser.parse_args()
    masking = rules_of(arguments.rules) if arguments.rules else mask
    if arguments.time:
        timing(masking)
    elif arguments.false_hits is not None:
        false_hits(masking, arguments.false_hits)
    else:
        return min(keys(masking, arguments.keys), 1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
