"""What leaves the server: an answer, a picture or a sentence, without secrets and within its budget.

Masked before anything is cut: a part of a secret is not recognised as one.
"""

from __future__ import annotations

import base64

from mcp_types import CallToolResult, ImageContent, TextContent

from mlflow_mcp.answers.base import Answer, ImageAnswer
from mlflow_mcp.answers.budget import content_of, encoded, sendable
from mlflow_mcp.answers.fitting import fit, fit_sentences, without_middle
from mlflow_mcp.answers.located import located
from mlflow_mcp.answers.masking import mask, mask_text
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import size

# Bytes of a picture, which does not count in the budget of an answer. The setting's description tells it.
LARGEST_PICTURE = 2_000_000


def rendered(answer: Answer, settings: Settings) -> CallToolResult:
    """The answer as a host is sent it."""
    if isinstance(answer, ImageAnswer):
        return _picture(answer, settings)
    content = sendable(content_of(answer))
    if answer._server:
        content = located(content, answer._server, answer.VERBATIM)
    if answer._servers:
        content = {"servers": answer._servers, **content}
    if settings.mask_secrets:
        content = mask(content)
    content = fit(answer, content, settings.max_chars)
    return CallToolResult(content=[TextContent(type="text", text=encoded(content))], structured_content=content)


def sentence_of(problem: Problem, settings: Settings) -> str:
    """What failed and one next step."""
    # Masked as one text: a secret may begin in one sentence and end in the other.
    masked = _masked(sendable(str(problem)), settings)
    next_step = masked[-len(problem.next_step) :] if masked.endswith(problem.next_step) else ""
    return fit_sentences(masked.removesuffix(next_step).rstrip(), next_step, settings.max_chars)


def _picture(answer: ImageAnswer, settings: Settings) -> CallToolResult:
    server = [f"On server {answer._server}:"] if answer._server else []
    text = _masked(sendable(" ".join([*server, answer.text, *(answer.notes or ())])), settings)
    is_sent = len(answer.data) <= LARGEST_PICTURE
    if not is_sent:
        text += f" The picture has {size(len(answer.data))} and is not sent: {size(LARGEST_PICTURE)} is the most."
    words = TextContent(type="text", text=without_middle(text, settings.max_chars))
    if not is_sent:
        return CallToolResult(content=[words])
    image = ImageContent(type="image", data=base64.b64encode(answer.data).decode(), mime_type=answer.mime_type)
    return CallToolResult(content=[image, words])


def _masked(text: str, settings: Settings) -> str:
    return mask_text(text) if settings.mask_secrets else text
