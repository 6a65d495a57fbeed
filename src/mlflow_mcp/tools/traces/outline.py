"""The span tree of a trace in at most so many rows: equal siblings folded, the failing branch and the slowest span always shown.

Nothing here recurses: traces may be thousands of levels deep.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.entities.spans import SpanNode, SpanTree, pattern_of

MOST_ROWS = 100
# Levels that are shown; below them only what matters.
DEEPEST = 12
# Fewer equal siblings than this are shown one by one.
FOLDED_FROM = 3
# Failures of different kinds whose branches are shown.
MOST_FAILURES = 3
# Spans shown at the end of a branch that is too deep.
_END_OF_BRANCH = 3


@dataclass(eq=False)
class Row:
    """A span, or several equal siblings (or cousins: the children of equal siblings) as one."""

    nodes: Sequence[SpanNode]
    depth: int
    children: list[Row] = field(default_factory=list)
    hidden: int = 0
    """Spans below it that are not shown."""
    skipped: int = 0
    """Levels between it and the row above it that are not shown."""

    @property
    def is_folded(self) -> bool:
        return len(self.nodes) > 1

    @property
    def name(self) -> str:
        names = {node.name for node in self.nodes}
        return names.pop() if len(names) == 1 else pattern_of(self.nodes[0].name)


def outline(tree: SpanTree, most_rows: int = MOST_ROWS) -> list[Row]:
    """The rows in the order of the tree. `most_rows` may be exceeded by the branches that are always shown."""
    shown, jumps = _always_shown(tree)
    sizes = _subtree_sizes(tree)
    top: list[Row] = []
    room = most_rows
    level: list[Row | None] = [None]
    while level:
        following: list[Row | None] = []
        for row in level:
            groups = _groups(
                tree.roots if row is None else [child for node in row.nodes for child in node.children], shown
            )
            depth = 0 if row is None else row.depth + 1
            kept = _kept(groups, shown, room if depth < DEEPEST else 0)
            room -= len(kept)
            rows = [Row(nodes, depth) for nodes in kept]
            rows += [] if row is None else _jumped(row, jumps)
            following += [each for each in rows if not each.skipped]
            if row is None:
                top = rows
            else:
                row.children = rows
                row.hidden = _size(row.nodes, sizes) - len(row.nodes) - sum(_size(each.nodes, sizes) for each in rows)
        level = following
    return list(_in_order(top))


def _always_shown(tree: SpanTree) -> tuple[set[int], dict[int, list[SpanNode]]]:
    """The spans (by identity) of the branches that matter; and for those that are too deep, their last spans by the deepest
    one that is shown above them."""
    shown: set[int] = set()
    jumps: dict[int, list[SpanNode]] = {}
    for end in [*_different(tree.failing), *([tree.slowest] if tree.slowest else [])]:
        path = end.path
        if len(path) > DEEPEST + _END_OF_BRANCH:
            jumps.setdefault(id(path[DEEPEST - 1]), path[-_END_OF_BRANCH:])
            path = path[:DEEPEST]
        shown |= {id(node) for node in path}
    return shown, jumps


def _different(failing: Sequence[SpanNode]) -> list[SpanNode]:
    """The first failure of each kind: by the span's name and the message, without their numbers."""
    kinds: dict[tuple[str, str], SpanNode] = {}
    for node in failing:
        kinds.setdefault((pattern_of(node.name), pattern_of(node.message)), node)
    return list(kinds.values())[:MOST_FAILURES]


def _groups(siblings: Sequence[SpanNode], shown: set[int]) -> list[list[SpanNode]]:
    """Siblings that look alike, together; those that are always shown, and failures beside successes, by themselves."""
    by_look: dict[tuple[str, str, bool], list[SpanNode]] = defaultdict(list)
    single = [[node] for node in siblings if id(node) in shown]
    for node in siblings:
        if id(node) not in shown:
            by_look[pattern_of(node.name), node.type, node.failed].append(node)
    for group in by_look.values():
        single += [group] if len(group) >= FOLDED_FROM else [[node] for node in group]
    return sorted(single, key=lambda group: (group[0].start, group[0].id))


def _kept(groups: list[list[SpanNode]], shown: set[int], room: int) -> list[list[SpanNode]]:
    """All groups where they fit, else those that matter and the ones that took longest."""
    if len(groups) <= room:
        return groups
    matter = [group for group in groups if id(group[0]) in shown]
    others = sorted((group for group in groups if id(group[0]) not in shown), key=_time, reverse=True)
    kept = {id(group) for group in [*matter, *others[: max(0, room - len(matter))]]}
    return [group for group in groups if id(group) in kept]


def _jumped(row: Row, jumps: dict[int, list[SpanNode]]) -> list[Row]:
    """The last spans of the branches that go on too deep below a row, each below the one before."""
    rows: list[Row] = []
    for node in row.nodes:
        for place, end in enumerate(jumps.get(id(node), ())):
            levels = len(end.path) - 1 - row.depth - place
            rows.append(Row([end], row.depth + 1 + place, skipped=levels if place == 0 else 1))
    return rows


def _time(group: Sequence[SpanNode]) -> float:
    return sum(node.duration or 0.0 for node in group)


def _size(nodes: Sequence[SpanNode], sizes: dict[int, int]) -> int:
    return sum(sizes[id(node)] for node in nodes)


def _subtree_sizes(tree: SpanTree) -> dict[int, int]:
    """How many spans each span and what is below it are."""
    order: list[SpanNode] = list(tree.roots)
    for node in order:  # grows while it is walked
        order += node.children
    sizes = dict.fromkeys(map(id, order), 1)
    for node in reversed(order):
        if node.parent is not None:
            sizes[id(node.parent)] += sizes[id(node)]
    return sizes


def _in_order(rows: Sequence[Row]) -> Iterator[Row]:
    stack = list(reversed(rows))
    while stack:
        row = stack.pop()
        yield row
        stack += reversed(row.children)


def names_used_twice(tree: SpanTree) -> set[str]:
    return {name for name, count in Counter(node.name for node in tree.nodes).items() if count > 1}
