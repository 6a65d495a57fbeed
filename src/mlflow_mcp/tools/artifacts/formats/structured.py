"""JSON, YAML and TOML written by strangers: nothing is executed, nothing runs away."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

from mlflow_mcp.text import listed, plural, short

# A text of more characters than this is not taken apart: YAML's and TOML's parsers are slow.
MOST_CHARACTERS = {"json": 20_000_000, "yaml": 3_000_000, "toml": 1_000_000}


# A document of more values than this, aliases counted as often as they are used, is not taken apart.
MOST_VALUES = 1_000_000


# Deeper ones crash libyaml's composer, and what encodes answers ends a little beyond.
DEEPEST = 100


_SURROGATE = re.compile("[\ud800-\udfff]")


# Every level of a block needs a column, every level of a flow a bracket: with fewer of both nothing is nested deeply.
_YAML_INDENT = re.compile(rf"^[ \-?:]{{{DEEPEST // 2}}}", re.M)


_DOTTED_KEYS = re.compile(rf"""(?<![\w"'-])[\w"'-]+(?:[ \t]*\.[ \t]*[\w"'-]+){{{DEEPEST}}}""")


class Unparsable(Exception):
    """The text is not of its kind. The message says what is wrong and where."""


# Integers beyond it are not all exact in the doubles that most readers of JSON have.
_LARGEST_EXACT = 2**53


# Python refuses to write integers of more than 4,300 digits in decimal.
_MOST_BITS = 14_000


@dataclass
class Remarks:
    """In what the values of a document differ from what is written there."""

    repeated_keys: Counter[str] = field(default_factory=Counter)
    inexact: int = 0

    def sentences(self, *, as_written: bool = False) -> list[str]:
        """What a reader of the values, or of the text `as_written`, has to know."""
        sentences = []
        if self.repeated_keys:
            keys = listed([short(key, 60) for key in self.repeated_keys], 5)
            sentences.append(f"Keys that stand more than once in one object, where the last value counts: {keys}.")
        if self.inexact:
            how = "shown as written" if as_written else "fractions of them are given as text"
            sentences.append(f"{plural(self.inexact, 'number')} beyond the precision of a double; {how}.")
        return sentences

    def object(self, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """The object of these keys and values, in which the last of equal keys counts."""
        value = dict(pairs)
        if len(value) < len(pairs):
            keys = Counter(key for key, _ in pairs)
            self.repeated_keys.update({key: count for key, count in keys.items() if count > 1})
        return value

    def fraction(self, text: str) -> float | str:
        """The number when a double holds it as it is written, else the text."""
        value = float(text)
        if text == repr(value) or _is_exact(text, value):
            return value
        self.inexact += 1
        return text


def _is_exact(text: str, value: float) -> bool:
    """Whether the number in this text is the double, in its shortest form or with all 17 digits, with zeros after it or not."""
    if not math.isfinite(value):
        return False
    written = Decimal(text)
    return written == Decimal(repr(value)) or written == Decimal(f"{value:.17g}")


def load_yaml(text: str) -> Any:
    """The parsed document, or None when it is not plain YAML."""
    try:
        return parse("yaml", text)
    except Unparsable:
        return None


def parse(kind: str, text: str, remarks: Remarks | None = None) -> Any:
    """The values of a "json", "yaml" or "toml" text, as JSON can carry them: NaN and infinities as text, and dates and
    times as they are written. `remarks` takes in what else is not as it is written.

    Raises Unparsable. YAML's tags are never executed, and aliases that would unfold into bulk are refused.
    """
    if len(text) > MOST_CHARACTERS[kind]:
        raise Unparsable("it is too large")
    try:
        remarks = remarks or Remarks()
        return to_json_value(_PARSERS[kind](text, remarks), remarks)
    except RecursionError as error:
        raise Unparsable(_TOO_DEEP) from error
    except ValueError as error:
        raise Unparsable(one_line(error)) from error
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise Unparsable(one_line(error)) from error
        raise


_TOO_DEEP = "it is nested too deeply"


def one_line(error: Exception) -> str:
    return " ".join(str(error).replace('"<unicode string>", ', "").split())[:200]


def _json(text: str, remarks: Remarks) -> Any:
    return json.loads(text, object_pairs_hook=remarks.object, parse_float=remarks.fraction)


def _yaml(text: str, remarks: Remarks) -> Any:
    import yaml

    if text.count("[") + text.count("{") >= DEEPEST // 2 or _YAML_INDENT.search(text):
        _refuse_deep_yaml(text)

    # A class for each document: PyYAML makes the loader itself, and this one notes what it finds.
    noting_loader = type("Loader", (_yaml_loader(),), {"remarks": remarks, "seen": set()})
    documents = list(yaml.load_all(text, Loader=noting_loader))  # a safe loader, made stricter
    return documents[0] if len(documents) == 1 else documents


def _refuse_deep_yaml(text: str) -> None:
    """Raise Unparsable before values are made: that is recursive in C and would end the process."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise Unparsable(_TOO_DEEP)


@cache
def _yaml_loader() -> Any:
    """YAML's safe loader, which keeps `2026-10-12`, `02:00:00` and `007` as they are written, and does not let `<<`
    multiply."""
    import yaml

    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(safe):  # type: ignore[misc]  # chosen at run time
        yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own way
            first: [(tag, form) for tag, form in known if tag.rpartition(":")[2] not in ("timestamp", "int", "float")]
            for first, known in safe.yaml_implicit_resolvers.items()
        }
        merged = 0

        def flatten_mapping(self, node: Any) -> None:
            if node not in self.seen:  # before anything is merged into it
                self.seen.add(node)
                keys = Counter((key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
                self.remarks.repeated_keys.update({key: count for (_, key), count in keys.items() if count > 1})
            before = len(node.value)
            lists = (value.value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge")
            if any(len(merged) > 100 for merged in lists if isinstance(merged, list)):
                raise yaml.YAMLError("it merges too many mappings with <<")
            super().flatten_mapping(node)
            self.merged += max(0, len(node.value) - before)
            if self.merged > MOST_VALUES // 10:
                raise yaml.YAMLError("it merges too many mappings with <<")

    integer = re.compile(r"[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o[0-7]+)$")
    decimal = re.compile(
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"
    )
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", integer, list("-+0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", decimal, list("-+0123456789."))
    return Loader


def _toml(text: str, _: Remarks) -> Any:
    if _DOTTED_KEYS.search(text):
        raise Unparsable(_TOO_DEEP)
    # Python has it from 3.11 on; for 3.10 the same code is a dependency.
    library = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return library.loads(text)


_PARSERS: dict[str, Callable[[str, Remarks], Any]] = {"json": _json, "yaml": _yaml, "toml": _toml}


def _converted(value: Any, left: list[int], levels: int, remarks: Remarks) -> Any:
    if isinstance(value, str):
        left[0] -= len(value) // 20
    left[0] -= 1
    if left[0] < 0:
        raise Unparsable("it unfolds into millions of values")
    if isinstance(value, (dict, list, tuple, set)):
        if not levels:
            raise Unparsable(_TOO_DEEP)
        if isinstance(value, dict):
            return {_text(str(key)): _converted(inner, left, levels - 1, remarks) for key, inner in value.items()}
        return [_converted(inner, left, levels - 1, remarks) for inner in value]
    return _scalar(value, remarks)


def _scalar(value: Any, remarks: Remarks) -> Any:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and abs(value) > _LARGEST_EXACT:
        remarks.inexact += 1
        return value if value.bit_length() <= _MOST_BITS else hex(value)
    if value is None or isinstance(value, (int, float)):
        return value
    return _text(str(value))  # dates and times


def to_json_value(value: Any, remarks: Remarks | None = None) -> Any:
    """A parsed value as JSON can carry it. Raises Unparsable for one that is nested too deeply."""
    return _converted(value, [MOST_VALUES], DEEPEST, remarks or Remarks())


def _text(text: str) -> str:
    """Half of a surrogate pair is no character, and no UTF-8 carries it: it stays visible as `\\ud800`."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode()
