"""Hides secrets in a text: by their look, by their place, and by the name beside them in any notation."""

from __future__ import annotations

import re
from functools import partial

from mlflow_mcp.answers.secrets.blocks import hide_in_blocks
from mlflow_mcp.answers.secrets.columns import hide_in_split_table, hide_in_tables
from mlflow_mcp.answers.secrets.groups import hide_in_groups
from mlflow_mcp.answers.secrets.headers import hide_in_headers
from mlflow_mcp.answers.secrets.invisible import has_invisible, places, without_invisible
from mlflow_mcp.answers.secrets.names import STRONG, WEAK, is_password, is_secret, may_stand_for_one
from mlflow_mcp.answers.secrets.notations import hide_in_notations, hide_without_names
from mlflow_mcp.answers.secrets.private_keys import hide_private_keys
from mlflow_mcp.answers.secrets.randomness import is_random
from mlflow_mcp.answers.secrets.shapes import HIDDEN, hide_shapes
from mlflow_mcp.answers.secrets.spans import hidden_spans, with_spans_hidden

# A value ends with its quote, which may be escaped any number of times; without one, with the word.
_VALUE = r"""(?:(?P<slashes>\\+)(?P<mark>["'])(?P<escaped>[^\n]{0,4000}?)(?P=slashes)(?P=mark)|"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\\\n]|\\.|'')*)'"""
_BARE = r"""|(?P<bare>(?!\[*\[secret)[^\s"'`,;&}\])\\|]+))"""
_QUOTE = r"""(?:\\*["'`]|\*\*)?"""
# After a key in brackets, with a terminal's colours, in bold, with an arrow.
_COLOUR = r"(?:\x1b\[[0-9;]*m)?"
_IS = rf"\]?{_COLOUR}[ \t\xa0]*(?::=|=>|->|<-|\u2192|\?=|[!=]?=|[:=\uff1a]|\u2013(?= )|(?:NOT[ \t]+)?I?LIKE\b)(?:\*\*)?{_COLOUR}[ \t\xa0]*"
_NAME = rf"[\w.-]*?(?:{STRONG}|{WEAK})"
# Names are looked for by what follows them: to try all that a name may be at each letter takes five times as long.
_ASSIGNED = re.compile(rf"(?i)(?<![\w.-])(?P<name>[\w.-]{{2,300}}){_QUOTE}{_IS}")
_OPTION = re.compile(r"(?<![\w-])--?(?P<name>[\w.-]{2,100})[ \t]+(?![-\s])")
# The last is a text that was cut off before its quote.
_ANY_VALUE = re.compile(
    rf"""(?:[bfru]{{1,2}}(?=["'])|SecretStr\(|!!?\w+[ \t]+|&\w+[ \t]+)?{_VALUE}|`(?P<tick>[^`\n]*)`|\\*["'](?P<open>[^"'\n]{{3,4000}}?)(?=…|\\*\Z){_BARE}"""
)
# A whole line of YAML or of an environment file: its value may hold what ends one elsewhere, and a password spaces.
_LINE = re.compile(
    rf"""(?im)^(?P<before>[ \t+-]*(?:export[ \t]+)?(?P<name>[\w.-]*{STRONG})[ \t]*[:=][ \t]*)(?P<bare>[^\s"'|>#&{{\[$(][^\n]*)$"""
)
_NAME_AND_VALUE = re.compile(
    rf"""(?i)(?P<before>["']?(?:name|key|param|variable)["']?[ \t]*[:=][ \t]*{_QUOTE}(?P<name>{_NAME}){_QUOTE}[ \t]*,?\s{{1,200}}[+-]?[ \t]*"""
    rf"""{_QUOTE}(?:value|default){_QUOTE}[ \t]*[:=][ \t]*){_VALUE}{_BARE}"""
)
_ESCAPED_PAIR = re.compile(
    rf"""(?i)(?P<before>\\+"(?:name|key)\\+"[ \t]*:[ \t]*\\+"(?P<name>{_NAME})\\+",[ \t]*\\+"value\\+"[ \t]*:[ \t]*){_VALUE}{_BARE}"""
)
# Cells that follow their name: Markdown, a pair of a list.
_CELL = re.compile(
    rf"(?im)(?P<before>\|[ \t]*[`*]*(?P<name>{_NAME})[`*]*[ \t]*\|[ \t]*`?)(?P<bare>[^|\n`]*[^|\n`\s])(?=`?[ \t]*\|)"
)
_PAIR = re.compile(rf"""(?i)(?P<before>[(\[]\\*["'](?P<name>{_NAME})\\*["'],[ \t]*){_VALUE})[ \t]*[)\]]""")
# As notes quote them: Param 'db_password' has in all 5 runs the values 'a', 'b'.
_QUOTED_VALUES = re.compile(
    rf"(?i)(?P<before>['\"`](?P<name>{_NAME})['\"`][^'\"\n]{{0,120}}values? )(?P<values>(?:'[^'\n]*'(?:, | and )?)+)"
)
_PLAIN_QUOTE = re.compile(r'(?<!\\)"')
_ESCAPED_QUOTE = re.compile(r"""\\+["']""")
_ESCAPED_BREAK = re.compile(r"\\+n")
# One of these is in every name of a secret.
_WORDS_OF_NAMES = (
    "key",
    "pass",
    "pwd",
    "secret",
    "token",
    "connection",
    "cookie",
    "credential",
    "auth",
)
_SHORT_WORDS = re.compile(r"(?:pat|otp|pw)(?![a-z0-9])")
_SHORTEST_TEXT = 6


# Short texts that hold no secret: names and states come again in each row of each answer.
_HARMLESS: set[str] = set()
_MOST_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 100


def mask_text(text: str) -> str:
    """The text without its secrets."""
    if len(text) < _SHORTEST_TEXT or text in _HARMLESS:
        return text
    masked = _masked_among_invisible(text) if has_invisible(text) else _masked(text)
    if len(text) <= _LONGEST_REMEMBERED and masked == text:
        if len(_HARMLESS) >= _MOST_REMEMBERED:
            _HARMLESS.clear()
        _HARMLESS.add(text)
    return masked


def _masked_among_invisible(text: str) -> str:
    """The text without what is a secret once characters that nobody sees are left out; the rest as it was."""
    visible = without_invisible(text)
    masked = _masked(visible)
    if masked == visible:
        return text
    at = places(text)
    return with_spans_hidden(
        text, [(at[first], at[last]) for first, last in hidden_spans(visible, masked)], lambda _: HIDDEN
    )


def _masked(text: str) -> str:
    if "\\n" in text:
        text = _hide_in_escaped(text)
    text = hide_without_names(hide_in_headers(hide_private_keys(text)))
    lower = text.lower()
    # Most texts hold none of the words, and to look for them is quick.
    if not any(word in lower for word in _WORDS_OF_NAMES) and not _SHORT_WORDS.search(lower):
        return hide_shapes(text)
    if '"columns' in text:
        text = hide_in_split_table(text)
    if "\n" in text:
        text = hide_in_blocks(hide_in_tables(text))
    if "value" in lower or "default" in lower:
        text = _NAME_AND_VALUE.sub(_hide_assigned, text)
        text = _ESCAPED_PAIR.sub(_hide_assigned, text)
        text = _QUOTED_VALUES.sub(_hide_quoted, text)
    text = hide_in_groups(text)
    text = hide_in_notations(_hide_cells(_LINE.sub(_hide_line, text)))
    text = _hide_after(_ASSIGNED, hide_shapes(text))
    return _hide_after(_OPTION, text) if " -" in lower or lower.startswith("-") else text


def mask_part(text: str, start: int, end: int) -> str:
    """What `mask_text` shows of a part of the text: also where only the rest of the text tells that it is a secret."""
    masked = mask_text(text)
    if masked == text:
        return text[start:end]
    parts, done = [], start
    for first, last in hidden_spans(text, masked):
        if last <= start or first >= end:
            continue
        parts += [text[done : max(first, done)], HIDDEN]
        done = max(done, last)
    return "".join([*parts, text[done:end] if done < end else ""])


def mask_lines(text: str) -> list[str]:
    """The lines of the masked text, as many as those of the text: of a secret of several lines each is hidden."""
    masked = mask_text(text)
    if masked == text:
        return text.split("\n")
    each_line = partial(re.sub, r"[^\n]+", HIDDEN)
    return with_spans_hidden(text, hidden_spans(text, masked), each_line).split("\n")


def _hide_in_escaped(text: str) -> str:
    """Texts of several lines in a text of one, such as YAML in JSON: what their lines tell is hidden, at the same places."""
    lines = _PLAIN_QUOTE.sub("\n", text)
    lines = _ESCAPED_QUOTE.sub(lambda m: " " * (len(m[0]) - 1) + m[0][-1], lines)
    lines = _ESCAPED_BREAK.sub(lambda m: " " * (len(m[0]) - 1) + "\n", lines)
    masked = hide_in_blocks(hide_private_keys(lines))
    if "value" in lines.lower():
        masked = _NAME_AND_VALUE.sub(_hide_assigned, masked)
    if masked == lines:
        return text
    return with_spans_hidden(text, hidden_spans(lines, masked), lambda _: HIDDEN)


def _hide_cells(text: str) -> str:
    if "|" in text:
        text = _CELL.sub(_hide_assigned, text)
    return _PAIR.sub(_hide_in_pair, text) if "," in text else text


def _hide_after(names: re.Pattern[str], text: str) -> str:
    """The text without the values that follow names of secrets."""
    parts, done, has_escapes = [], 0, "\\" in text
    for match in names.finditer(text):
        name = match["name"]
        if not may_stand_for_one(name) and not (has_escapes and may_stand_for_one(name[1:])):
            continue
        before = text[match.start() - 1 : match.start()]
        if before == "\\" and name[0] in "nrt":
            name = name[1:]  # an escape in front of it
        if before in (":", "{") and name == "secret":
            continue  # the name of an entry in AWS, or of another store: `${secret:…}`
        if match.start() < done or not may_stand_for_one(name):
            continue
        found = _ANY_VALUE.match(text, match.end())
        if found is None or not is_secret(value := _value_of(found), name):
            continue
        if before == "{" and value.lstrip("-=").startswith("$"):
            continue  # another reference: `${API_KEY:-$OTHER}`
        if found["bare"] is not None and _is_prose(text, match.start(), found.end(), value, name):
            continue
        parts += [text[done : match.end()], found[0].replace(value, HIDDEN)]
        done = found.end()
    return "".join([*parts, text[done:]]) if parts else text


def _hide_assigned(match: re.Match[str]) -> str:
    value, name = _value_of(match), match["name"].lstrip("-")
    if not is_secret(value, name):
        return match[0]
    return match["before"] + match[0][len(match["before"]) :].replace(value, HIDDEN)


def _value_of(match: re.Match[str]) -> str:
    found = match.groupdict()
    kinds = ("escaped", "double", "single", "tick", "open", "bare")
    return next((found[kind] for kind in kinds if found.get(kind) is not None), "")


def _hide_line(match: re.Match[str]) -> str:
    """The value up to a comment. Of names other than passwords a value with spaces may be prose."""
    value = re.split(r"[ \t]#|\\n", match["bare"], maxsplit=1)[0].rstrip(" \t\r,")
    quote = match.string[match.start("bare") - 1 : match.start("bare")]
    if quote in "\"'" or HIDDEN in value or not is_secret(value, match["name"]):
        return match[0]
    if " " in value and not (is_password(match["name"]) and match["before"].rstrip().endswith(":")):
        return match[0]
    if " " in value and not re.search(r"[\d\W_]", value.replace(" ", "")):
        return match[0]
    return match["before"] + HIDDEN + match["bare"][len(value) :]


def _is_prose(text: str, start: int, end: int, value: str, name: str) -> bool:
    """Whether a word in the middle of a sentence follows: `No api_key: falling back`."""
    if is_password(name) or not re.fullmatch(r"[A-Z]?[a-z]+", value):
        return False
    if value[0].isupper():
        return re.match(r" [a-zA-Z]+ ", text[end : end + 20]) is not None
    line_start = text.rfind("\n", 0, start) + 1
    return bool(text[line_start:start].strip(" \t-\"'")) and bool(re.match(r" [a-z]+", text[end : end + 3]))


def _hide_in_pair(match: re.Match[str]) -> str:
    value = _value_of(match)
    if not is_secret(value, match["name"]) or (re.fullmatch(r"[A-Za-z_]\w*", value) and not is_random(value)):
        return match[0]
    return match["before"] + match[0][len(match["before"]) :].replace(value, HIDDEN)


def _hide_quoted(match: re.Match[str]) -> str:
    def hide(quoted: re.Match[str]) -> str:
        return f"'{HIDDEN}'" if is_secret(quoted[1], match["name"]) else quoted[0]

    return match["before"] + re.sub(r"'([^'\n]*)'", hide, match["values"])
