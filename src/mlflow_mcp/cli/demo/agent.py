"""The traces of a made-up support agent whose tool `search_orders` fails now and then: what they are, not how they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mlflow_mcp.cli.demo.tracing import Recording, Step, Verdict

EXPERIMENT = "support-agent"
COUNT = 40
# Of the forty, those that the demo holds: ten of v1 and ten of v2.
DEMO = range(10, 30)
FIRST = 1_788_220_800_000  # 2026-09-01
HOUR = 3_600_000
MODELS = {"v1": "acme-small", "v2": "acme-large"}
QUESTIONS = (
    ("Where is my order {order}?", "Order {order} left our warehouse on Monday and arrives on Thursday."),
    ("I want a refund for order {order}.", "The refund of 42.50 EUR for order {order} is on its way."),
    ("Can I change the address of order {order}?", "Order {order} now goes to your new address."),
    ("My parcel {order} arrived broken.", "We are sorry. A replacement for {order} ships tomorrow."),
)
SYSTEM = "You are the support agent of a shop. Look orders up before you answer. Never promise a date you did not read."


def recordings() -> Iterator[Recording]:
    """Forty tickets, a turn of four each: v1 of the agent for two days, then v2, whose orders database is slow."""
    for number in range(COUNT):
        yield ticket(number)


def judged(number: int) -> Recording:
    """The ticket with what a judge says of its answer: every sixth promises what no tool returned."""
    recording = ticket(number)
    if fails(number):
        return recording
    right = number % 6 != 5
    why = "The answer names the order and its date." if right else "The answer promises a date that no tool returned."
    return replace(recording, verdicts=(Verdict("correctness", "yes" if right else "no", why, "acme-judge"),))


def version_of(number: int) -> str:
    return "v1" if number < COUNT // 2 else "v2"


def fails(number: int) -> bool:
    """One ticket in ten of v1, and three in ten of v2."""
    return number == 7 or number == 16 or (version_of(number) == "v2" and number % 10 in (2, 5, 8))


def retries(number: int) -> bool:
    return number % 10 == 4


def ticket(number: int) -> Recording:
    question, answer = QUESTIONS[number % len(QUESTIONS)]
    version, order = version_of(number), str(10_400 + 7 * number)
    question, answer = question.format(order=order), answer.format(order=order)
    steps = _steps(number, question, answer, order)
    failed = fails(number)
    root = replace(
        steps[0],
        end=max(step.end or 0 for step in steps) + 12,
        outputs=None if failed else {"answer": answer},
        error=_timeout(number) if failed else None,
    )
    return Recording(
        key=f"ticket {number}",
        name="handle_ticket",
        time=FIRST + number * 2 * HOUR,
        steps=(root, *steps[1:]),
        state="ERROR" if failed else "OK",
        request=json.dumps({"question": question}),
        response=None if failed else json.dumps({"answer": answer}),
        session=f"chat-{number // 4:02}",
        user=("ana", "ben", "eva")[number // 4 % 3],
        tags={"version": version},
    )


def _steps(number: int, question: str, answer: str, order: str) -> list[Step]:
    version = version_of(number)
    slow = 1 if version == "v1" else 2
    plan_end = 400 + 13 * (number % 7)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    model: dict[str, Any] = {"model": MODELS[version]}
    call = {"name": "search_orders", "arguments": {"order": order}}
    steps = [
        Step("handle_ticket", "AGENT", 0, 0, None, inputs={"question": question}),
        Step("plan", "CHAT_MODEL", 5, plan_end, inputs={"messages": messages}, outputs={"tool_calls": [call]},
             tokens=(310 + number, 24), **model),
    ]  # fmt: skip
    at = plan_end + 3
    if fails(number):
        steps.append(_search(at, at + 30_000, order, error=_timeout(number)))
        return steps
    if retries(number):
        steps.append(
            _search(at, at + 2_000, order, error=f"ConnectionError: orders-db-{number % 3} closed the connection")
        )
        at += 2_010
    found = at + slow * (180 + 20 * (number % 5))
    steps.append(_search(at, found, order))
    answer_end = found + 900 + 37 * (number % 9)
    steps.append(
        Step("answer", "CHAT_MODEL", found + 2, answer_end, inputs={"messages": [*messages, {"role": "tool", "content": "shipped"}]},
             outputs={"choices": [{"message": {"role": "assistant", "content": answer}}]}, tokens=(360 + number, 40 + number % 6), **model)
    )  # fmt: skip
    return steps


def _search(start: int, end: int, order: str, error: str | None = None) -> Step:
    """The tool, and the query below it, which is where it fails."""
    found = None if error else {"order": order, "state": "shipped", "items": 2}
    return Step("search_orders", "TOOL", start, end, inputs={"order": order}, outputs=found, error=error)


def _timeout(number: int) -> str:
    return f"TimeoutError: no answer from orders-db-{number % 3} after 30.0 s (request {number * 7919:08x})"
