"""MLflow's filter language: quoting names and values for the agent, and saying what to do where MLflow cannot.

Grammar of `runs/search` (MLflow's SearchUtils): comparisons joined by AND; no OR, no parentheses but those of IN;
IN only on attributes and datasets (`text_conditions` writes it for params and tags); names with anything but letters,
digits and `_` need backticks or double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

from mlflow_mcp.errors import Problem, RejectedByMlflow

# Also in the definition of query_runs; where only a word is wrong an agent sees what a filter looks like.
EXAMPLE = "metrics.acc > 0.9 AND params.lr = '0.01' AND tags.model LIKE '%llama%' AND status = 'FINISHED' AND start_time > '7d'"

_KINDS = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params", "parameter": "params", "parameters": "params",
    "tag": "tags", "tags": "tags",
    "attribute": "attributes", "attributes": "attributes", "attr": "attributes", "run": "attributes",
    "dataset": "datasets", "datasets": "datasets",
}  # fmt: skip
_ATTRIBUTES = {"run_id", "run_name", "status", "artifact_uri", "user_id", "start_time", "end_time", "created"}
_STRING = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
COMPARATOR = r"(?:!=|==|<=|>=|=|<|>|\b(?:NOT\s+)?I?LIKE\b|\b(?:NOT\s+)?IN\b|\bIS\b)"
_FIELD = re.compile(
    rf"(?i)(?<![\w.`\"'])({'|'.join(_KINDS)})\.(`[^`]+`|\"[^\"]+\"|(?:(?!\sAND\s)[^'\"`])+?)(\s*)(?={COMPARATOR})"
)


@contextmanager
def explained(query: str, example: str = EXAMPLE) -> Iterator[None]:
    """An example beside MLflow's words when it refuses the filter."""
    try:
        yield
    except RejectedByMlflow as error:
        if not query:
            raise
        raise RejectedByMlflow(error.failed, f"Correct it and call again. A filter is written so: {example}") from error


def quoted_query(query: str) -> str:
    """The filter with backticks where MLflow needs them. Raises Problem for what MLflow cannot express."""
    text = query.strip()
    parts: list[str] = []
    end = 0
    for found in fields_in(text):
        parts += [text[end : found.start(2)], quote_unless_quoted(text[found.start(2) : found.end(2)].strip())]
        end = found.end(2)
    quoted = "".join([*parts, text[end:]])
    refuse_what_mlflow_cannot(quoted, of_runs=True)
    return quoted


def fields_of(query: str) -> list[tuple[str, str]]:
    """The (kind, name) pairs that a quoted filter compares, e.g. ("tags", "model")."""
    return [
        (_KINDS[found[1].lower()], _without_quotes(query[found.start(2) : found.end(2)])) for found in fields_in(query)
    ]


def quoted_order(order_by: Sequence[str] | None) -> list[str]:
    """`order_by` clauses with backticks where MLflow needs them; a bare name is an attribute."""
    return [_quote_order(clause) for clause in order_by or ()]


def equals(field: str, name: str, value: str) -> str:
    """A comparison with any text as name and value, quoted: ``tags.`team` = 'x'``."""
    return f"{field}.{_quote_name(name)} = {quoted_value(value)}"


def quoted_value(value: str) -> str:
    """The value as a literal. Raises Problem for one with both kinds of quotes: MLflow's filters have no escape."""
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    raise Problem(
        f"MLflow cannot search for a value that holds both kinds of quotes: {value}.",
        "Use query_runs with LIKE and `_` in place of the quotes.",
    )


def like_prefix(field: str, prefix: str) -> str:
    """A comparison with the beginning of a value. The prefix must be a plain id (letters, digits, `-`, `.`)."""
    return f"{field} LIKE {quoted_value(prefix + '%')}"


def like_ends(field: str, beginning: str, end: str) -> str:
    """A comparison with both ends of a value, plain ids as for `like_prefix`."""
    return f"{field} LIKE {quoted_value(f'{beginning}%{end}')}"


def containing(field: str, part: str) -> tuple[str, bool]:
    """A comparison that every value holding `part`, in any case, passes; and whether no other value can pass it.

    LIKE has no escape that all of MLflow's stores know, so a character that may not stand for itself is written as a
    wildcard: `%` and `_`, backslash and brackets (escapes and classes of some databases), letters beyond ASCII (sqlite
    does not know their capitals), and one kind of quotes where there are both.
    """
    pattern = re.sub(r"[^\x20-\x7e]", "%", re.sub(r"[\\\[\]^]", "_", part))
    if "'" in pattern:
        pattern = pattern.replace('"', "_")
    return f"{field} ILIKE {quoted_value(f'%{pattern}%')}", not re.search("[%_]", pattern)


def fields_in(text: str) -> Iterator[re.Match[str]]:
    """The fields that a filter compares, as matches with the places of kind (1) and name (2) in `text`."""
    return _FIELD.finditer(blanked(text))


def blanked(text: str) -> str:
    """The filter with the inside of all quotes blanked out, so that what is found in it stands at the same place in the
    filter itself and is never a part of a quoted name or value."""
    return _STRING.sub(lambda quoted: quoted[0][0] + "_" * (len(quoted[0]) - 2) + quoted[0][0], text)


def _without_quotes(name: str) -> str:
    return name[1:-1] if name[:1] in ("`", '"') else name


def quote_unless_quoted(name: str) -> str:
    """A name as a caller wrote it, who may have quoted it already."""
    return name if name[:1] in ("`", '"') else _quote_name(name)


def _quote_name(name: str) -> str:
    if re.fullmatch(r"[A-Za-z_]\w*", name) and not _is_sql_word(name):
        return name
    return f'"{name}"' if "`" in name else f"`{name}`"


@lru_cache(maxsize=1_024)
def _is_sql_word(name: str) -> bool:
    """Whether MLflow's parser would take a bare name for a word of SQL, such as `case` or `values`."""
    import sqlparse  # MLflow's own

    statement = sqlparse.parse(f"metrics.{name} > 1")[0]
    ordered = sqlparse.parse(f"metrics.{name} DESC")[0]
    is_compared = isinstance(statement.tokens[0], sqlparse.sql.Comparison) and len(statement.tokens) == 1
    return not is_compared or len(ordered.tokens) != 1


def _quote_order(clause: str) -> str:
    text = clause.strip()
    direction = ""
    if found := re.search(r"(?i)\s+(asc|desc)(?:ending)?$", text):
        text, direction = text[: found.start()].rstrip(), f" {found[1].upper()}"
    kind, dot, name = text.partition(".")
    if dot and kind.lower() in _KINDS:
        return f"{kind}.{quote_unless_quoted(name.strip())}{direction}"
    if text.strip("`").lower() in _ATTRIBUTES:
        return f"attributes.{text.strip('`')}{direction}"
    raise Problem(
        f"order_by cannot use '{clause}'.",
        f"Write 'metrics.{text} DESC', 'params.{text}', 'tags.{text}', or an attribute such as 'start_time DESC'.",
    )


# Of runs IN is read for params and tags too: text_conditions.
_INSTEAD_OF_OR = (
    "For values of one param, tag or attribute write IN ('a', 'b'), or LIKE with % or _; numbers compare with >= and <=. "
    "Else call once for each alternative."
)
_INSTEAD_OF_OR_ELSEWHERE = "Call once for each alternative, or use LIKE with % or _; numbers compare with >= and <=."


def _not_in_the_language(failed: str, next_step: str, help_on: str) -> Problem:
    """For a sentence without an example: where the whole language stands, as a resource that hosts can read."""
    return Problem(failed, f"{next_step} The whole language: mlflow://help/{help_on}.")


def parts_of(query: str) -> list[str]:
    """The comparisons that AND joins in a filter of models. Raises Problem for OR."""
    bare = blanked(query)
    _refuse_or(bare)
    ends = [(0, 0), *(found.span() for found in re.finditer(r"(?i)\bAND\b", bare)), (len(query), len(query))]
    parts = [query[end:start].strip() for (_, end), (start, _) in pairwise(ends)]
    return [part for part in parts if part]


def _refuse_or(bare: str, help_on: str = "filters", *, of_runs: bool = False) -> None:
    if not re.search(r"(?i)\bOR\b", bare):
        return
    if of_runs:
        raise Problem("MLflow filters have no OR.", _INSTEAD_OF_OR)
    raise _not_in_the_language("MLflow filters have no OR.", _INSTEAD_OF_OR_ELSEWHERE, help_on)


def refuse_what_mlflow_cannot(text: str, help_on: str = "filters", *, of_runs: bool = False) -> None:
    """Raises Problem, with what to write instead."""
    bare = blanked(text)
    _refuse_or(bare, help_on, of_runs=of_runs)
    for found in re.finditer(r"(?i)(\S*)\s+(?:NOT\s+)?IN\s*\(", bare):
        field = text[found.start(1) : found.end(1)]
        kind = _KINDS.get(field.partition(".")[0].lower(), "attributes")
        if kind in ("tags", "params", "metrics"):
            raise Problem(
                f"MLflow filters know IN only for attributes and datasets, not for {field}.",
                "Call once for each value, or use LIKE 'part%'.",
            )
        if of_runs and kind == "attributes" and field.rpartition(".")[2].strip('`"').lower() != "run_id":
            raise Problem(
                f"MLflow filters know IN only for attributes.run_id, not for {field}.",
                "Call once for each value, or use LIKE 'part%'. Tools that take run_ids take names too.",
            )
    without_in = re.sub(r"(?i)\bIN\s*\([^()]*\)", "IN", bare)
    if "(" in without_in:
        raise _not_in_the_language("MLflow filters have no parentheses.", "Join plain comparisons with AND.", help_on)
    if found_not := re.search(r"(?i)(?:^|\bAND\s+)NOT\s+\w+", bare):
        raise _not_in_the_language(
            f"MLflow filters have no NOT in front of a comparison ('{found_not[0]}').", "Use != or IS NULL.", help_on
        )
