"""Write into README and docs/guides what the demo's store answers. tests/test_docs.py checks that it still does.

python -m scripts.document_answers                       # makes a store for it, which takes some seconds
python -m scripts.document_answers --folder mlflow-mcp-demo   # asks that one, made by `mlflow-mcp demo`

A call stands in a code block of its own; its answer follows between two markers:

    ```
    get_invocation(invocation_id="71f3f3199ea5e1f0")
    ```

    <!-- example:begin notes; tasks: evidence, responses; tasks[:2] -->
    <!-- example:end -->

After `example:begin` stands what is left out: a field, columns of a table or fields of a field, rows after the first so many. "…" then
stands in its place, and in such an answer run and model ids are shortened.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import CallToolResult, TextContent

from mlflow_mcp.cli.demo.store import store_in
from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support.snapshots import LINE, pretty

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
EXAMPLE = re.compile(
    r"^```\n(?P<call>\w+\([^`]*\))\n```\n(?P<between>(?:(?!```).)*?)"
    r"<!-- example:begin(?P<rules>[^>]*?) ?-->\n(?P<shown>.*?)<!-- example:end -->",
    re.M | re.S,
)
RULE = re.compile(r"(?P<field>\w+)(?:\[:(?P<first>\d+)\]|: (?P<inside>.+))?")
LEFT_OUT = "…"
WIDE = 170  # characters of a line in an answer that is abridged
RUN_OR_MODEL = re.compile(r"(?<!tr-)(?<![0-9a-f])([0-9a-f]{8})[0-9a-f]{24}(?![0-9a-f])")
MADE_UP = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8})(?![0-9a-f])")


def main() -> int:
    parser = argparse.ArgumentParser(description="Write into README and docs/guides what the demo's store answers.")
    parser.add_argument("--folder", type=Path, help="a store that `mlflow-mcp demo` made; without it one is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        uri = store_in((arguments.folder or Path(made) / "demo").absolute(), lambda: None)
        for file, text in stale_pages(uri).items():
            file.write_text(text, encoding="utf-8")
            print(f"wrote {file.relative_to(ROOT)}")
    return 0


def stale_pages(uri: str) -> dict[Path, str]:
    """The pages whose examples are not what the store answers, with the text that they should hold."""
    pages = {file: file.read_text(encoding="utf-8") for file in PAGES}
    examples = [found for text in pages.values() for found in EXAMPLE.finditer(text)]
    answers = dict(zip((found["call"] for found in examples), anyio.run(_answered, uri, examples), strict=True))
    renewed = {
        file: EXAMPLE.sub(lambda found: _with_answer(found, answers[found["call"]]), text)
        for file, text in pages.items()
    }
    return {
        file: text for file, text in renewed.items() if without_made_up_ids(text) != without_made_up_ids(pages[file])
    }


def without_made_up_ids(text: str) -> str:
    """The text with the ids numbered that a store makes up."""
    numbers: dict[str, str] = {}
    return MADE_UP.sub(lambda found: numbers.setdefault(found[0][:8], f"<id:{len(numbers)}>"), text)


async def _answered(uri: str, examples: Sequence[re.Match[str]]) -> list[CallToolResult]:
    async with Client(build_server(Settings(tracking_uri=uri))) as client:
        return [await client.call_tool(*tool_and_arguments(found["call"])) for found in examples]


def tool_and_arguments(call: str) -> tuple[str, dict[str, Any]]:
    """`get_run(run_id="x", all=true)` -> its name and arguments. The values are JSON."""
    parsed = ast.parse(call, mode="eval").body
    assert isinstance(parsed, ast.Call)
    assert isinstance(parsed.func, ast.Name)
    values = {each.arg: ast.get_source_segment(call, each.value) for each in parsed.keywords}
    return parsed.func.id, {str(name): json.loads(value or "") for name, value in values.items()}


def _with_answer(found: re.Match[str], result: CallToolResult) -> str:
    rules = [rule.strip() for rule in found["rules"].split(";") if rule.strip()]
    head = found[0][: found.start("shown") - found.start()]
    if result.is_error or not isinstance(result.structured_content, dict):
        said = " ".join(part.text for part in result.content if isinstance(part, TextContent))
        return f"{head}```text\n{said}\n```\n<!-- example:end -->"
    return f"{head}```json\n{pretty(abridged(result.structured_content, rules), width=WIDE if rules else LINE)}\n```\n<!-- example:end -->"


# --- shorter answers


def abridged(answer: dict[str, Any], rules: Iterable[str]) -> dict[str, Any]:
    """The answer without what the rules leave out, and "…" in its place."""
    for rule in rules:
        answer = json.loads(RUN_OR_MODEL.sub(rf"\1{LEFT_OUT}", json.dumps(answer)))
        found = RULE.fullmatch(rule)
        if not found or found["field"] not in answer:
            raise SystemExit(f"'{rule}' leaves out nothing: the answer has {', '.join(answer)}.")
        if found["first"]:
            _cut(answer[found["field"]], int(found["first"]))
        elif found["inside"]:
            for name in found["inside"].split(", "):
                _leave_out_of(answer[found["field"]], name)
        else:
            del answer[found["field"]]
            told = answer.pop(LEFT_OUT, "")
            answer[LEFT_OUT] = f"{told}, {found['field']}" if told else found["field"]
    return answer


def _cut(table: Any, first: int) -> None:
    rows = table["rows"] if isinstance(table, dict) else table
    more = len(rows) - first
    if more > 0:
        rows[first:] = [f"{LEFT_OUT} {more} more"]


def _leave_out_of(value: Any, name: str) -> None:
    """Take the column `name` out of a table, or the field out of an object or of each object of a list."""
    if isinstance(value, list):
        for each in value:
            _leave_out_of(each, name)
    elif isinstance(value, dict) and name in value.get("columns", ()):
        _without_column(value, name)
    elif isinstance(value, dict):
        holder = value.get("common") if "columns" in value else value
        if not isinstance(holder, dict) or holder.pop(name, None) is None:
            raise SystemExit(f"'{name}' is not there to be left out.")
        holder[LEFT_OUT] = LEFT_OUT


def _without_column(table: dict[str, Any], name: str) -> None:
    columns: list[str] = table["columns"]
    at, is_first = columns.index(name), LEFT_OUT not in columns
    for row in [columns, *(row for row in table["rows"] if isinstance(row, list))]:
        del row[at]
        if is_first:
            row.append(LEFT_OUT)


if __name__ == "__main__":
    raise SystemExit(main())
