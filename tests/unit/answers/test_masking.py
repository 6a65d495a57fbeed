"""What is masked as a secret, and what only resembles one."""

from __future__ import annotations

import pytest

from mlflow_mcp.answers.masking import HIDDEN, mask, mask_text
from tests.support.secrets import SECRETS

HARMLESS = [
    "9c1e5a7b30d24f4f4f4f4f4f4f4f4f4f4f4f4f4f",  # a commit
    "6f595421d0b24329a9bf95b7f198daa9",  # a run id
    "71f3f3199ea5e1f0.2",
    "tr-0123456789abcdef0123456789abcdef",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "token_count: 5",
    "max_tokens: 4096",
    "max_new_tokens: 32768",
    "tokens=2042",
    "total_tokens: 18986496",
    "pad_token: <|endoftext|>",
    "eos_token: </s>",
    "tokenizer: meta-llama/Llama-3.1-8B-Instruct",
    "OPENAI_API_KEY: JUDGE_KEY_NAME",
    "api_key: ${OPENAI_API_KEY}",
    "api_key: null",
    "api_key: None",
    "password: ''",
    "use_auth_token: false",
    "secret: true",
    "basic evaluation of multiple-choice questions",
    "the bearer of bad news arrived",
    "sklearn-pipeline-with-standard-scaler-and-logistic",
    "http://node-17:8000/v1",
    "https://mlflow.example/#/experiments/2/runs/6f595421d0b24329a9bf95b7f198daa9",
    "sqlite:////data/ana/mlflow.db",
    "registry.example/eval-factory:25.09",
    "2026-10-12 07:07:20.239 INFO client: request 99 finish_reason=stop tokens=779",
    "lr-batch-optimizer-grid",
    "risk-adjusted-return-over-the-whole-period",
]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "key: {}", '{{"k": "{}"}}', "--key={}", "({}),"])
def test_a_well_known_key_is_hidden_wherever_it_stands(secret, around):
    masked = mask_text(around.format(secret))

    assert secret not in masked
    assert masked == around.format(HIDDEN)


@pytest.mark.parametrize("text", HARMLESS)
def test_values_that_only_resemble_a_secret_are_shown(text):
    assert mask_text(text) == text
    assert mask({"value": text}) == {"value": text}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://ana:hunter22@mlflow.example/x", f"https://ana:{HIDDEN}@mlflow.example/x"),
        ("postgresql+psycopg2://u:p4ss@db:5432/m", f"postgresql+psycopg2://u:{HIDDEN}@db:5432/m"),
        ("s3://:secret@bucket", f"s3://:{HIDDEN}@bucket"),
        ("Authorization: Bearer a1b2c3d4e5f6g7h8", f"Authorization: Bearer {HIDDEN}"),
        ("authorization: basic YW5hOmh1bnRlcjIy", f"authorization: basic {HIDDEN}"),
        ("password: correct-horse", f"password: {HIDDEN}"),
        ("DB_PASSWORD=correct-horse", f"DB_PASSWORD={HIDDEN}"),
        ('"api_key": "correct-horse"', f'"api_key": "{HIDDEN}"'),
        ("hf_token: correct-horse-battery", f"hf_token: {HIDDEN}"),
        ("aws_secret_access_key = abc/def+ghi", f"aws_secret_access_key = {HIDDEN}"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nrest", f"{HIDDEN}\nrest"),
    ],
)
def test_values_named_as_secrets_are_hidden(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "name", ["api_key", "config.deployment.api_key", "password", "DB_PASSWORD", "hf_token", "secret"]
)
def test_a_value_under_a_secret_name_is_hidden_whatever_its_shape(name):
    assert mask({name: "correct horse battery"}) == {name: HIDDEN}
    assert mask({"columns": ["run_id", f"params.{name}"], "rows": [["r", "correct horse"]]})["rows"] == [["r", HIDDEN]]


@pytest.mark.parametrize(
    "name", ["max_new_tokens", "num_tokens", "token_count", "tokenizer", "keys", "monkey", "passes", "secretary"]
)
def test_a_value_under_a_harmless_name_is_shown(name):
    assert mask({name: "correct-horse"}) == {name: "correct-horse"}


def test_numbers_and_the_names_of_variables_are_shown_even_under_a_secret_name():
    assert mask({"api_key": 7, "password": None}) == {"api_key": 7, "password": None}
    assert mask({"OPENAI_API_KEY": "JUDGE_KEY_NAME", "api_key": "${KEY}"}) == {
        "OPENAI_API_KEY": "JUDGE_KEY_NAME",
        "api_key": "${KEY}",
    }


def test_masking_twice_changes_nothing():
    for text in ("password: correct-horse", "https://a:b12345@c/", *SECRETS.values()):
        assert mask_text(mask_text(text)) == mask_text(text)
