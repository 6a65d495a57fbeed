"""What `mlflow-mcp demo` shows: the real server, started as a host starts it, answers eight questions."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from mlflow_mcp.cli.demo.data import Seeded
from mlflow_mcp.cli.demo.layout import laid_out, printable
from mlflow_mcp.cli.demo.store import store_in
from mlflow_mcp.cli.demo.words import IN_WORDS
from mlflow_mcp.cli.terminal import Terminal
from mlflow_mcp.errors import Problem
from mlflow_mcp.installation import shown, start_command

MMLU_PRO_JOB = f"{Seeded.candidate}.0"

# The last of the questions are mistakes: their answers are errors.
MISTAKES = 1
# What a person asks, and the call that an agent makes of it.
QUESTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        f"What did invocation {Seeded.candidate} score?",
        "get_invocation",
        {"invocation_id": Seeded.candidate},
    ),
    (
        f"Is it better than {Seeded.baseline}?",
        "compare_runs",
        {"run_ids": [Seeded.candidate, Seeded.baseline], "baseline": Seeded.baseline},
    ),
    (
        "How often was its mmlu-pro server overloaded or broken, and when last?",
        "search_artifacts",
        {
            "run_ids": [MMLU_PRO_JOB],
            "pattern": "HTTP (429|5\\d\\d)",
            "glob": "**/*.log",
            "max_matches": 3,
            "last": True,
        },
    ),
    (
        "Did the loss of sft-8b-bs512 spike anywhere?",
        "get_metric_history",
        {"run_ids": [Seeded.training_spike], "metrics": ["train/loss"], "max_points": 8, "exact": True},
    ),
    (
        f"May the challenger of {Seeded.registered_model} replace its champion?",
        "get_model",
        {
            "model": f"models:/{Seeded.registered_model}@challenger",
            "compare_to": f"models:/{Seeded.registered_model}@champion",
        },
    ),
    (
        "Why did the support agent fail in its session chat-05?",
        "get_trace",
        {"trace_id": Seeded.failed_trace},
    ),
    (
        f"What would version 2 of the prompt {Seeded.prompt} change in production?",
        "get_prompt",
        {"prompt": f"{Seeded.prompt}/2", "compare_to": "@production"},
    ),
    (
        f"And a mistake: what did {Seeded.ambiguous_prefix} score?",
        "get_invocation",
        {"invocation_id": Seeded.ambiguous_prefix},
    ),
)
INDENT = "   "


def run_demo(folder: str) -> int:
    """Make or find the store in `folder` and ask the questions; the exit code."""
    terminal = Terminal()
    place = Path(folder).expanduser().absolute()
    try:
        uri = _store(terminal, place)
        failed = anyio.run(_ask_all, terminal, uri)
    except Problem as problem:
        return _stopped(str(problem))
    except KeyboardInterrupt:
        return _stopped("stopped. The next start makes or finds the store again.")
    if failed:
        return _stopped(f"The store in {place} is not as the demo makes it. Remove that folder and start again.")
    _go_on(terminal, uri)
    return 0


def _stopped(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"mlflow-mcp demo: {sentence}\n")
    return 1


def _store(terminal: Terminal, folder: Path) -> str:
    started = time.monotonic()
    made = False

    def making() -> None:
        nonlocal made
        made = True
        terminal.say(f"Making a small MLflow store in {folder} (takes some seconds) … ", end="")

    try:
        uri = store_in(folder, making)
    except Problem:
        if made:
            terminal.say()
        raise
    if made:
        terminal.say(f"done in {_took(started)}.")
        terminal.paragraph(
            "Everything in it is made up: evaluations of two models as a launcher exports them, with their usual traps, "
            "three fine-tuning runs with two of their models in a registry, a sweep, and the traces, a prompt and an "
            "evaluation dataset of a support agent."
        )
    else:
        terminal.say(f"Using the MLflow store in {folder}, made by an earlier demo.")
    return uri


async def _ask_all(terminal: Terminal, uri: str) -> int:
    """Ask all questions in turn; how many had an answer that they should not have."""
    terminal.say("Starting the server as Claude Code or Cursor would … ", end="")
    started = time.monotonic()
    # What the user has set for MLflow and this server is meant for another store.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mlflow_mcp", "--toolsets", "default,genai"],  # a question is about a prompt
        env=environment | {"MLFLOW_TRACKING_URI": uri},
    )
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        terminal.say(f"ready in {_took(started)}, with {len(tools)} tools.")
        failed = 0
        for number, (question, tool, arguments) in enumerate(QUESTIONS, 1):
            terminal.say()
            terminal.say(f"{number}. {question}", "bold")
            called = ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items())
            terminal.paragraph(f"→ {tool}({called})", "cyan", indent=INDENT, hanging=INDENT + "    ")
            terminal.say()
            started = time.monotonic()
            result = await client.call_tool(tool, arguments)
            took = _took(started)
            _show(terminal, result)
            if number > len(QUESTIONS) - MISTAKES or not result.is_error:
                terminal.say()
                words = IN_WORDS[number - 1](result.structured_content or {})
                terminal.paragraph(f"In words: {printable(words)}", "green", indent=INDENT)
            failed += result.is_error and number <= len(QUESTIONS) - MISTAKES
            first = ", most of it to load MLflow's client, once" if number == 1 else ""
            terminal.say()
            terminal.paragraph(f"{_price(result)}; answered in {took}{first}.", "dim", indent=INDENT)
    return failed


def _show(terminal: Terminal, result: CallToolResult) -> None:
    if result.is_error or not isinstance(result.structured_content, dict):
        terminal.paragraph(printable(_text(result)), "red" if result.is_error else "", indent=INDENT)
        return
    for line in laid_out(result.structured_content, terminal.width - len(INDENT)):
        terminal.say((INDENT + line).rstrip())


def _price(result: CallToolResult) -> str:
    characters = len(_text(result))
    return f"This cost the agent {characters:,} characters, about {characters // 4:,} tokens"


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def _took(started: float) -> str:
    seconds = time.monotonic() - started
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _go_on(terminal: Terminal, uri: str) -> None:
    """The lines to paste for asking on by hand; never broken, so that they can be."""
    command = start_command()
    entry = {"command": command[0], "args": list(command[1:]), "env": {"MLFLOW_TRACKING_URI": uri}}
    variable = shlex.quote(f"MLFLOW_TRACKING_URI={uri}")
    terminal.say()
    terminal.say("Go on by yourself", "bold")
    terminal.say()
    terminal.say("In Claude Code:")
    terminal.say()
    terminal.say(f"claude mcp add --env {variable} --transport stdio mlflow -- {shlex.join(command)}", "cyan")
    terminal.say()
    terminal.say("In Cursor, in .cursor/mcp.json:")
    terminal.say()
    terminal.say(json.dumps({"mcpServers": {"mlflow": entry}}, indent=2), "cyan")
    terminal.say()
    terminal.paragraph(
        f"Then ask in your own words, for example: Compare {Seeded.candidate} with {Seeded.baseline}, task by task. "
        "Questions about prompts need MLFLOW_MCP_TOOLSETS=default,genai as well. For your own MLflow server, put its address there instead. Whether it can be used, the doctor says:"
    )
    terminal.say()
    terminal.say(f"MLFLOW_TRACKING_URI=https://mlflow.example.com {shown('doctor')}", "cyan")
