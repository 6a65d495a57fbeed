"""Which values of a metric are better, the higher or the lower ones, as far as its name says so.

A name is read as words, and the last measure in it decides: `pass_at_1_avg_tokens` is about tokens, `accuracy_loss` is a
loss. Counts, settings and spreads have no better side; neither has a name without a word that is known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Mode = Literal["max", "min"]

_HIGHER = (
    "accuracy|acc|f1|f2|fbeta|auc|auroc|auprc|ap|map|iou|miou|dice|precision|recall|sensitivity|specificity|tpr|tnr|"
    "bleu|sacrebleu|rouge|meteor|chrf|bertscore|bleurt|em|ndcg|mrr|r2|mcc|kappa|spearman|pearson|kendall|correlation|"
    "psnr|ssim|elbo|reward|rewards|correct|correctness|faithfulness|groundedness|helpfulness|relevance|similarity|"
    "score|scores|throughput|goodput|speedup|tps|qps|rps|fps|tflops|mfu"
)
_LOWER = (
    "loss|losses|error|err|perplexity|ppl|nll|bpb|bpc|mse|rmse|mae|mape|smape|mase|msle|rmsle|wer|cer|eer|fpr|fnr|"
    "latency|runtime|duration|seconds|ttft|tpot|cost|costs|crossentropy|brier|ece|divergence|fid|kid|fvd|lpips|regret|"
    "toxicity|hallucination|harmfulness|unsafe"
)
_NEITHER = (
    "std|stddev|stderr|variance|count|counts|tokens|entries|delta|diff|difference|change|gap|drop|reduction|improvement|"
    "weight|scale|coef|threshold|penalty|budget|limit|rejected|attack|margin"
)

_THINGS = (
    r"(?:tok|tokens?|samples?|steps?|requests?|examples?|images?|queries|it|iter|iterations?|rows?|episodes?|words?)"
)
_ENDING = r"(?: (?:\d+|avg|mean|of|micro|macro|train|val|test|eval|dev|epoch|step|strict|overall|all))*$"
_PHRASES: dict[str, tuple[str, ...]] = {
    "neither": (
        r"standard error", r"std err", r"(?:num|n|nr|number of) \w+", r"total (?:correct|incorrect|errors)",
        r"(?:no|not|non|neg|negative|inverse|inv|anti) \w+", r"learning rate",
        r"attack success rate", r"(?:anomaly|risk|bias|outlier|uncertainty|difficulty|severity|refusal) scores?",
    ),
    "max": (
        rf"{_THINGS} per (?:s|sec|second|min|minute|hour)", r"true (?:positive|negative) rate", r"explained variance",
        r"(?:win|success|pass|hit|solve) rate", r"exact match", r"(?:language|factual|format) consistency", r"log likelihood", r"hits (?:at )?\d+",
        rf"pass (?:at )?\d+(?={_ENDING})", r"m ap",
        r"neg (?:(?:root )?mean|median|max) (?:\w+ ){0,2}error", r"neg log loss", r"neg brier",
    ),
    "min": (
        r"neg(?:ative)? log likelihood", r"bits per (?:byte|char|character|token|dim|word)", r"cross entropy",
        r"false (?:positive|negative) rate", r"(?:failure|miss|hallucination) rate", r"edit distance",
        r"(?:inference|response|prediction|generation|execution|processing|step|iteration) time", r"time (?:per|to) \w+",
        r"(?:cost|loss|latency) per (?:\d+ )?(?:[km] )?\w+",
    ),
}  # fmt: skip
# Phrases are tried before words, and those of the sides before those of neither.
_MEASURE = re.compile(
    r"(?<!\S)(?:"
    + "|".join(f"(?P<{side}_phrase>{'|'.join(_PHRASES[side])})" for side in ("max", "min", "neither"))
    + "|"
    + "|".join(f"(?P<{side}>{words})" for side, words in (("max", _HIGHER), ("min", _LOWER), ("neither", _NEITHER)))
    + r")(?!\S)"
)
_WORD = re.compile(f"{_HIGHER}|{_LOWER}|{_NEITHER}")
_JOINED = re.compile(rf"(train|training|val|valid|test|eval|dev|log|mean|avg|total)({_HIGHER}|{_LOWER})")
# What is bad in itself is bad as a score, too; a score made of another quantity may point either way.
_BAD_AS_A_SCORE = {"toxicity", "hallucination", "harmfulness", "unsafe", "brier", "perplexity"}

_AGAINST_A_MODEL = re.compile(r"(?<!\S)(?:attack success|jailbreak(?: success)?) rate$")

# Of measures that are a share of the samples, one hit or miss each; a score may be one.
_OF_SAMPLES = re.compile(r"accuracy|acc|correct|em|exact match|pass (?:at )?\d+|(?:win|success|pass|solve|hit) rate")
_MAY_BE_OF_SAMPLES = re.compile(r"scores?|correctness")
_OF_CLASSES = re.compile(r"\b(?:macro|balanced|weighted|class)\b")
_UNBOUNDED = r" per |reward|throughput|goodput|speedup|[tqrf]ps|psnr|elbo|likelihood|^neg "


@dataclass(frozen=True)
class Direction:
    """Which values are better, and the words of the name that say so."""

    mode: Mode
    words: str


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric that an experiment's tags call its primary one, and which of its values are better, where they say that."""

    name: str
    mode: Mode | None


def direction_of(metric: str) -> Direction | None:
    """Which values of a metric are better by its name; None when the name does not say."""
    found = [(str(match.lastgroup).partition("_")[0], match[0]) for match in _MEASURE.finditer(_as_words(metric))]
    if not found:
        return None
    side, words = found[-1]
    if words in ("score", "scores") and len(found) > 1:
        side, words = found[-2]
        if side == "min" and words not in _BAD_AS_A_SCORE:
            return None
    modes: dict[str, Mode] = {"max": "max", "min": "min"}
    return Direction(modes[side], words) if side in modes else None


def better(metric: str, *, of_evaluated_model: bool = False) -> Mode | None:
    """`max` when the higher value of a metric is the better one by its name, `min` for the lower, None for neither. Of a model
    that was evaluated the success of attacks is against it; of an attack that is developed it may be the aim."""
    if of_evaluated_model and is_rate_of_attacks(metric):
        return "min"
    found = direction_of(metric)
    return found.mode if found else None


def is_rate_of_attacks(metric: str) -> bool:
    """Whether a metric is by its name the share of attacks that a model did not withstand."""
    return bool(_AGAINST_A_MODEL.search(_as_words(metric)))


def is_share(metric: str) -> bool:
    """Whether a metric is by its name one that is given as a share (0 to 1) or in percent; not a rate or a reward."""
    found = direction_of(metric)
    return found is not None and found.mode == "max" and not re.search(_UNBOUNDED, found.words)


def share_of_samples(metric: str) -> Literal["yes", "maybe", "no"]:
    """Whether a metric is by its name a share of its samples, such as an accuracy, rather than of something else: an F1, an
    average over classes."""
    found = direction_of(metric)
    if found is None or found.mode == "min" or _OF_CLASSES.search(_as_words(metric)):
        return "no"
    if _OF_SAMPLES.fullmatch(found.words):
        return "yes"
    return "maybe" if _MAY_BE_OF_SAMPLES.fullmatch(found.words) else "no"


def _as_words(metric: str) -> str:
    """The name's words in small letters: `valLoss` is `val loss`, `tokens/s` `tokens per s`, `mIoU50` `miou`."""
    text = re.sub(r"(?i)/(s|sec|second)s?(?![a-z])", r" per \1", metric)
    return " ".join(word for part in re.findall(r"[^\W_]+", text) for word in _words_of(part))


def _words_of(part: str) -> list[str]:
    """The words of a part without separators, split at capitals and digits unless it is a word that is known."""
    for whole in (part.lower(), part.lower().rstrip("0123456789")):
        if _WORD.fullmatch(whole):
            return [whole]
    pieces = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\WA-Za-z\d]+", part)
    words: list[str] = []
    for piece in pieces:
        joined = _JOINED.fullmatch(piece.lower())
        words += joined.groups() if joined else [piece.lower()]
    return words
