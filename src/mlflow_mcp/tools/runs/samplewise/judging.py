"""What pairs of samples prove: totals, the paired test, the verdict. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.statistics.distributions import t_quantile
from mlflow_mcp.statistics.exact import ERROR, binomial_two_sided, shown
from mlflow_mcp.statistics.paired import (
    least_loss_shown,
    mean_and_error,
    mean_interval,
    shares_interval,
    sign_flip_two_sided,
)
from mlflow_mcp.text import number, plural
from mlflow_mcp.tools.runs.samplewise.joining import Pair

# Of fewer pairs no outcome reaches p < 0.05: 2 * 0.5 ** 5 is 0.06.
FEWEST_PAIRS = 6
_POWER = 0.8
# Of fewer means that differ, what could have shown is not told: signs of so few are no normal distribution.
_FEWEST_CHANGED = 20


@dataclass(frozen=True)
class Judged:
    """`lost` and `won` pairs by the score's direction; of right or wrong, `flips` is true and they are changes of sides."""

    pairs: Sequence[Pair]
    lost: list[Pair]
    won: list[Pair]
    means: tuple[float, float]
    is_binary: bool  # every single score is 0 or 1
    is_single: bool  # no repeats
    p: float
    test: str
    interval: tuple[float, float] | None
    mode: Mode | None
    unscored: int = 0  # rows that are in no pair because they have no score, or cannot be read

    @property
    def flips(self) -> bool:
        """Whether a pair is lost or won when it goes from right to wrong or back, and not by any change of its score."""
        return self.is_binary

    @property
    def words(self) -> tuple[str, str]:
        """What a lost and a won pair is called: nothing is worse where nobody knows what is better."""
        return ("regressed", "fixed") if self.mode else ("lower", "higher")

    @property
    def difference(self) -> float:
        return self.means[1] - self.means[0]

    @property
    def unchanged(self) -> tuple[int, int]:
        """Pairs that are neither lost nor won: right on both sides, and others."""
        left = [pair for pair in self.pairs if not _moved(pair, self)]
        right = sum(1 for pair in left if self.is_binary and _is_right(pair.scores[0], self.mode))
        return right, len(left) - right

    @property
    def is_proved(self) -> bool:
        low, high = self.interval or (-math.inf, math.inf)
        return len(self.pairs) >= FEWEST_PAIRS and self.p < ERROR and not low <= 0 <= high

    def verdict(self, family: tuple[float, int] | None = None) -> str:
        """The word and its reason; `family` is p after Holm's correction over so many tasks, where there are several."""
        count, p = plural(len(self.pairs), "pair"), f"p={shown(self.p)}"
        p += f", {shown(family[0])} after Holm's correction over {family[1]} tasks" if family else ""
        if len(self.pairs) < FEWEST_PAIRS:
            return f"CANNOT TELL: of {count} no outcome could be told from chance"
        if not self.is_proved or (family and family[0] >= ERROR):
            least = "" if family else self._could_show()  # which would be larger in a family
            if not any(pair.difference for pair in self.pairs):
                return f"WITHIN NOISE: every score of {count} is the same on both sides{least}"
            return f"WITHIN NOISE: no difference is proved, {p}{least}"
        if self.unscored > (net := abs(len(self.won) - len(self.lost))):
            return f"CANNOT TELL: {plural(self.unscored, 'row')} without a score could outweigh the net change of {plural(net, 'pair')}"
        if self.mode is None:
            word = "higher" if self.difference > 0 else "lower"
            return f"CANNOT TELL which is better: B is {word} than A, {p}, and the score's name does not say which way is better"
        gained = (self.difference > 0) == (self.mode == "max")
        return f"{'IMPROVED' if gained else 'REGRESSED'}: B against A, {p}"

    def _could_show(self) -> str:
        """The smallest difference that so many pairs, as different as these, would mostly have shown; nothing where that is
        not known."""
        if self.is_binary and self.is_single:
            least = least_loss_shown(2 * min(len(self.lost), len(self.won)), len(self.pairs), _POWER)
        else:
            least = self._least_of_means()
        return f"; only one of about {number(least, 2)} or more would mostly ({_POWER:.0%}) show" if least else ""

    def _least_of_means(self) -> float | None:
        differences = [pair.difference for pair in self.pairs]
        if sum(1 for each in differences if each) < _FEWEST_CHANGED:
            return None
        degrees = len(differences) - 1
        return (t_quantile(1 - ERROR / 2, degrees) + t_quantile(_POWER, degrees)) * mean_and_error(differences)[1]


def judge(pairs: Sequence[Pair], mode: Mode | None, unscored: int = 0) -> Judged:
    """`mode` is the direction in which the score is better; where nothing says it, lower counts as lost. `unscored` rows are
    in no pair: a model that gives no answer may have none."""
    scores = [sample.score for pair in pairs for sample in (*pair.a, *pair.b)]
    is_binary = all(score in (0.0, 1.0) for score in scores)
    is_single = all(len(pair.a) == len(pair.b) == 1 for pair in pairs)
    moved = [(pair, _change(pair, mode, is_binary)) for pair in pairs]
    lost = [pair for pair, change in moved if change < 0]
    won = [pair for pair, change in moved if change > 0]
    differences = [pair.difference for pair in pairs]
    means = (_mean([pair.scores[0] for pair in pairs]), _mean([pair.scores[1] for pair in pairs]))
    if is_binary and is_single:
        up, down = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
        p, test = binomial_two_sided(up, up + down), "McNemar's exact test"
        interval = shares_interval(up, down, len(pairs)) if pairs else None
    else:
        p, test = sign_flip_two_sided(differences)
        interval = mean_interval(differences)
    return Judged(pairs, lost, won, means, is_binary, is_single, p, test, interval, mode, unscored)


def _change(pair: Pair, mode: Mode | None, is_binary: bool) -> int:
    """-1 for a pair that is lost, 1 for one that is won, 0 for one that is neither."""
    a, b = pair.scores
    if is_binary:
        return int(_is_right(b, mode)) - int(_is_right(a, mode))
    return (b > a) - (b < a) if mode != "min" else (b < a) - (b > a)


def _is_right(score: float, mode: Mode | None) -> bool:
    """Right in more than half of the repeats. Of a score of which less is better, 0 is right."""
    return score < 0.5 if mode == "min" else score > 0.5


def _moved(pair: Pair, judged: Judged) -> int:
    return _change(pair, judged.mode, judged.is_binary)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
