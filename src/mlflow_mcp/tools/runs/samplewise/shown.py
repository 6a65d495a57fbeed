"""The samples that changed, as rows: texts masked, then cut, with where each is found whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mlflow_mcp.answers.masking import mask
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.trace import words_of
from mlflow_mcp.tools.runs.samplewise.joining import Pair
from mlflow_mcp.tools.runs.samplewise.read.columns import Columns, Row, at
from mlflow_mcp.tools.runs.samplewise.read.lines import row_of
from mlflow_mcp.tools.runs.samplewise.read.samples import Sample
from mlflow_mcp.tools.runs.samplewise.read.sources import Found
from mlflow_mcp.tools.runs.samplewise.read.values import plain

# Characters of all texts of a page, and of those of one sample.
_PAGE, _LEAST, _MOST = 2_100, 110, 800
_SHARES = {"input": 0.36, "expected": 0.12, "A": 0.26, "B": 0.26}


def sample_table(
    client: Client, pairs: Sequence[Pair], sides: tuple[Found, Found], id_name: str, group: str | None
) -> Table:
    """A row for each pair: of repeats those that tell the change best."""
    chosen = [_telling(pair) for pair in pairs]
    rows: list[Row] = client.run_concurrently(
        *(partial(_whole, client, side, sample) for both in chosen for side, sample in zip(sides, both))
    )
    if client.settings.mask_secrets:  # as they stand in their rows: a part of a secret is not recognised as one
        rows = [mask(row) for row in rows]
    room = min(_MOST, max(_LEAST, _PAGE // max(1, len(pairs))))
    columns = ["id", group or "group", "input", "expected", "A", "B", "score_A", "score_B", "at_A", "at_B"]
    table = []
    for number, (pair, (one, other)) in enumerate(zip(pairs, chosen)):
        texts = _texts(rows[2 * number], rows[2 * number + 1], one, other, sides)
        cut = {name: _cut(text, int(room * _SHARES[name])) for name, text in texts.items()}
        a, b = pair.scores
        table.append(
            [
                one.ids.get(id_name) or _shared_id(one, other),
                one.groups.get(group) if group else None,
                *(cut[name] or None for name in ("input", "expected", "A", "B")),
                a,
                b,
                _place(sides[0], one, rows[2 * number]),
                _place(sides[1], other, rows[2 * number + 1]),
            ]
        )
    if all(row[-1] == row[-2] for row in table):
        columns, table = [*columns[:-2], "at"], [row[:-1] for row in table]
    filled = [name for at, name in enumerate(columns) if any(row[at] is not None for row in table)]
    return Table.of(columns, table, keep=[name for name in ("id", "input", "A", "B") if name in filled])


def _shared_id(one: Sample, other: Sample) -> str | None:
    """An id that both sides have for this question, though not for all."""
    return next((value for name, value in one.ids.items() if other.ids.get(name) == value), None)


def how_to_read_whole(sides: tuple[Found, Found], first: Pair) -> str:
    """The calls that read one sample whole."""
    calls = []
    for side, sample in zip(sides, _telling(first)):
        how = "select=at" if sample.line.select else "start_line=at, max_lines=1"
        calls.append(f"get_artifact_content(run_id, artifact_path, {how})" if side.paths else "get_trace(trace_id=at)")
    several = "; at is file:row" if any(len(side.paths) > 1 for side in sides) else ""
    return f"One sample whole: {' or '.join(dict.fromkeys(calls))}{several}."


def _telling(pair: Pair) -> tuple[Sample, Sample]:
    """Of repeats the best of the side that is better, and the worst of the other."""
    a, b = pair.scores
    high = partial(max, key=lambda sample: sample.score or 0.0)
    low = partial(min, key=lambda sample: sample.score or 0.0)
    return (high(pair.a), low(pair.b)) if a > b else (low(pair.a), high(pair.b)) if b > a else (pair.a[0], pair.b[0])


def _whole(client: Client, side: Found, sample: Sample) -> Row:
    line, file = sample.line, side.parts[sample.file].file
    if line.row is not None:
        return line.row
    assert file is not None  # traces keep their rows
    return row_of(client.artifacts(side.run.run_id).read(file.path, line.start, line.length).data) or {}


def _texts(one: Row, other: Row, a: Sample, b: Sample, sides: tuple[Found, Found]) -> dict[str, str]:
    columns = sides[0].parts[a.file].columns
    of_b = sides[1].parts[b.file].columns
    return {
        "input": _words(at(one, columns.input)) or _words(at(other, of_b.input)),
        "expected": _chosen_text(one, at(one, columns.expected)),
        "A": _output(one, columns),
        "B": _output(other, of_b),
    }


def _output(row: Row, columns: Columns) -> str:
    """What was taken out of the answer, else the answer; of multiple choice the likeliest."""
    likelihoods, arguments = row.get("filtered_resps"), row.get("arguments")
    if isinstance(likelihoods, list) and isinstance(arguments, Mapping) and len(likelihoods) > 1:
        scores = [_first_number(each) for each in likelihoods]
        if all(score is not None for score in scores):
            best = scores.index(max(score for score in scores if score is not None))
            return plain(at(row, ("arguments", f"gen_args_{best}", "arg_1"))).strip()
    texts = [_words(at(row, path)) for path in columns.outputs]
    return next((text for text in texts if text), "")


def _first_number(value: Any) -> float | None:
    try:
        return float(value[0])
    except (TypeError, ValueError, IndexError, KeyError):
        return None


def _chosen_text(row: Row, value: Any) -> str:
    """The expected answer; of multiple choice the text of the choice that is named by its number."""
    choices = at(row, ("doc", "choices"))
    text = _words(value)
    if isinstance(choices, list) and text.isdigit() and int(text) < len(choices):
        return plain(choices[int(text)])
    return text


def _words(value: Any) -> str:
    """What a person would read in it."""
    text = plain(value)
    if isinstance(value, Mapping):
        if "response" in value and "reward" in value:  # as the newer launcher's traces have it
            return plain(value.get("extracted_answer") or value["response"])
        answer = next(iter(value.values())) if len(value) == 1 else value.get("completion")
        return answer if isinstance(answer, str) else words_of(json.dumps(value, ensure_ascii=False)) or text
    return text


def _cut(text: str, limit: int) -> str:
    """The text on one line; of a long one the beginning and the end, where answers stand."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    end = limit // 3
    return f"{line[: limit - end - 3]} … {line[-end:]}"


def _place(side: Found, sample: Sample, row: Row) -> Any:
    if side.parts[sample.file].file is None:
        return row.get("trace_id")
    place = sample.line.select or sample.line.number
    return f"{sample.file + 1}:{place}" if len(side.parts) > 1 else place
