"""What is masked as a secret, and what only resembles one."""

from __future__ import annotations

import random
import re
import string
import time

import pytest

from mlflow_mcp.answers.masking import HIDDEN, mask, mask_text
from tests.support.secrets import SECRETS

ALNUM = string.ascii_letters + string.digits
WITH_DASHES = ALNUM + "-_"
LETTERS = string.ascii_letters
HEX = "0123456789abcdef"

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


NAMES_OF_SECRETS = [
    "HF_TOKEN: host:HF_TOKEN",
    "api_key: JUDGE_API_KEY",
    "api_key: $HF_TOKEN",
    "hf_token: ${HF_TOKEN}",
    "api_key: env:HF_TOKEN",
    "api_key: os.environ/OPENAI_API_KEY",
    'api_key: os.environ["OPENAI_API_KEY"]',
    "api_key: null",
    "api_key: ''",
    'api_key: "none"',
    'api_key: "EMPTY"',
    "api_key: EMPTY",
    "--api-key EMPTY",
    "--api-key $KEY --x",
    "--api-key --model",
    "Basic llama-3.1-8b-instruct",
    "docker://ubuntu:22.04@sha256",
    "tcp://10.0.0.1:29500@rank0",
    "No api_key: falling back to env",
    "api_key: unused-by-vllm",
    "hf_transformersautomodelforcausal",
    "pk_abcdefghijklmnopqrstuvwxyz",
    "sk-learn-pipeline-with-standard-scaler-2",
    "secret: true",
    "max_new_tokens: 32768",
    "tokenizer: meta-llama/Llama-3.1-8B",
    "token: hello",
    "token_count: 50000",
    "next_token: abcdefgh",
    "eos_token: <|im_end|>",
    "total_tokens=18986496",
    "api_key_name: HF_TOKEN",
    "OPENAI_API_KEY: host:OPENAI_API_KEY",
    "HF_TOKEN=${HF_TOKEN:-}",
    "api_key: ${oc.env:HF_TOKEN}",
    "api_key: !ENV HF_TOKEN",
    "the password is wrong",
    "password required",
    "secret key missing in request",
    "Missing API key: set OPENAI_API_KEY",
    "api key invalid: 401 Unauthorized",
    "wrong password: retry with another one",
    "keyboard: qwertz99x",
    "api_key_env: HF_TOKEN",
    "judge.api_key: JUDGE_API_KEY # comment",
    "passwordless: yes it is",
    "api_key: /run/secrets/openai_key",
    "hf_LlamaForCausalLanguageModel",
    "image_token: abcdefgh12345",
    "time_per_output_token: 0.123456",
    "api_key=api_key, model=m",
    "password=getpass()",
    "api_key=os.getenv('HF_TOKEN')",
    'api_key=os.environ.get("HF_TOKEN")',
    "api_key: str = None",
    "def f(api_key: Optional[str])",
]
NAMED_SECRETS = [
    'password: "correct horse battery 9"',
    'password: "correct;horse, battery&9"',
    "- name: DB_PASSWORD\n  value: correct-horse-9",
    '{"name": "DB_PASSWORD", "value": "correct-horse-9"}',
    "password: CORRECTHORSE9",
    "db_password: CORRECT_HORSE_9",
    "api_key: >-\n  correct-horse-9\nnext: 1",
    "private_key: |\n  -----BEGIN PRIVATE KEY-----\n  correct-horse-9\n  -----END PRIVATE KEY-----\nx: 1",
    "  api_key: |\n\n    correct-horse-9\n  next: 1",
    "export MY_VERY_LONG_PREFIX_FOR_THE_OPENAI_API_KEY=correct-horse-9",
    "--api-key correct-horse-9 --model x",
    "--password correct-horse-9",
    "--db-password=correct-horse-9",
    '{\\"api_key\\": \\"correct-horse-9\\"}',
    "Authorization: Token correct-horse-9",
    "https://u:corre@ct-horse-9@h/x",
    "Param 'db_password' has in all 5 runs the values 'correct-horse-9', 'correct-horse-9'.",
    "AccountKey=correct-horse-9/+==",
    "password: correct horse-9",
    "config.deployment.api_key=correct-horse-9",
    "api_key='correct-horse-9'",
    "client_secret: correct-horse-9",
    "AZURE_OPENAI_KEY=correct-horse-9",
    "x-api-key: correct-horse-9",
    "https://h/x?api_key=correct-horse-9&y=1",
    "--set deployment.api_key=correct-horse-9",
    "curl -H 'Authorization: Bearer correct-horse-9'",
    'password = "correct\\"horse-9"',
    "api_key:\tcorrect-horse-9",
    "MYSQL_PWD=correct-horse-9",
    "api_key: host:correct-horse-9",
    "Password: correct-horse-9!x",
    "password: 'correct''horse-9'",
    "api_key => correct-horse-9",
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


@pytest.mark.parametrize("text", NAMES_OF_SECRETS)
def test_what_names_a_secret_or_holds_none_is_shown(text):
    assert mask_text(text) == text


@pytest.mark.parametrize("text", NAMED_SECRETS)
def test_a_value_beside_the_name_of_a_secret_is_hidden_in_every_notation(text):
    masked = mask_text(text)

    assert "horse" not in masked.lower()
    assert HIDDEN in masked
    assert mask_text(masked) == masked


@pytest.mark.parametrize(
    "reference", ["host:HF_TOKEN", "$HF_TOKEN", "${HF_TOKEN}", "os.environ/X_KEY", "EMPTY", "none", "", None]
)
def test_a_key_that_holds_only_a_name_or_nothing_stays(reference):
    assert mask({"api_key": reference}) == {"api_key": reference}


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"api_key": ["correct-horse"]}, {"api_key": [HIDDEN]}),
        ({"name": "DB_PASSWORD", "value": "correct-horse"}, {"name": "DB_PASSWORD", "value": HIDDEN}),
        ({"password": "CORRECTHORSE"}, {"password": HIDDEN}),
        ({"token": "aB3dE5gH7jK9mN1pQ3"}, {"token": HIDDEN}),
        ({"token": "Paris"}, {"token": "Paris"}),
    ],
)
def test_values_of_a_document_are_hidden_by_their_names(value, masked):
    assert mask(value) == masked


@pytest.mark.parametrize("column", ["name", "param", "path"])
def test_a_cell_that_names_a_secret_hides_those_beside_it(column):
    table = {
        "columns": [column, "A", "B"],
        "rows": [["params.deployment.api_key", "correct-horse", ["battery"]], ["lr", "1", "2"]],
    }

    assert mask(table)["rows"] == [["params.deployment.api_key", HIDDEN, [HIDDEN]], ["lr", "1", "2"]]


def test_beside_the_name_of_a_secret_our_own_words_stay():
    table = {
        "columns": ["path", "change", "A", "B"],
        "rows": [["env.api_key", "changed", "correct-horse", "battery-9"]],
    }

    assert mask(table)["rows"] == [["env.api_key", "changed", HIDDEN, HIDDEN]]


def test_two_names_that_are_hidden_stay_two():
    keys = [SECRETS["OpenAI"], SECRETS["Anthropic"]]

    assert mask(dict(zip(keys, (1, 2)))) == {HIDDEN: 1, f"{HIDDEN} 2": 2}


KEY_LINES = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu", "NMoSfm76oqFvAp8Gy0iz=="]  # fmt: skip


@pytest.mark.parametrize("first", range(4))
def test_no_line_of_a_private_key_is_shown_wherever_the_text_begins(first):
    lines = ["-----BEGIN PRIVATE KEY-----", *KEY_LINES, "-----END PRIVATE KEY-----", "and more"]

    masked = mask_text("\n".join(["the log", *lines[first:]]))

    assert not any(line in masked for line in KEY_LINES)
    assert masked.startswith("the log\n") or first
    assert masked.endswith("\nand more")


def test_a_line_inside_of_a_private_key_is_hidden_alone():
    assert mask_text(KEY_LINES[1]) == HIDDEN
    assert mask_text(f"key: |\n  {KEY_LINES[0]}\n  {KEY_LINES[1]}\n").count(HIDDEN) == 2


@pytest.mark.parametrize(
    ("alphabet", "form"),
    [(WITH_DASHES, "sk-proj-{120}"), (WITH_DASHES, "sk-svcacct-{70}"), (WITH_DASHES, "sk-ant-api03-{95}"), (HEX, "sk-or-v1-{64}"),
     (HEX, "sk-{32}"), (LETTERS, "hf_{34}"), (ALNUM, "npm_{36}"), (WITH_DASHES, "pypi-AgEIcHlwaS5vcmc{150}"), (ALNUM, "gsk_{52}"),
     (ALNUM, "r8_{37}"), (ALNUM, "xai-{80}"), (ALNUM, "pplx-{48}"), (WITH_DASHES, "hvs.{90}"), (WITH_DASHES, "AIza{35}"),
     (WITH_DASHES, "glpat-{20}"), (WITH_DASHES, "ya29.{68}"), (WITH_DASHES, "GOCSPX-{28}"), (ALNUM, "sk_live_{24}"),
     (ALNUM, "https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/{24}"), (ALNUM, "AccountKey={86}=="), (ALNUM, "?sig={43}%3D"),
     (ALNUM, "AWS_SESSION_TOKEN={200}"), (WITH_DASHES, "refresh_token: {40}"), (ALNUM, "token: {40}"), (ALNUM, "https://{40}@github.com/x")],
)  # fmt: skip
def test_nothing_of_a_random_key_is_left(alphabet, form):
    drawn = random.Random(form)
    before, length, after = re.split(r"\{(\d+)\}", form)
    for _ in range(100):
        secret = "".join(drawn.choice(alphabet) for _ in range(int(length)))
        masked = mask_text(f"x {before}{secret}{after} y")
        assert not any(secret[at : at + 8] in masked for at in range(len(secret) - 8)), masked


@pytest.mark.parametrize(
    "unit",
    ["api_key ", "api_key: ", "password", "sk-", '"api_key": "', "api_key: |\n", " password: a b\n", "a.", "eyJ", "://a:b", " \n",
     "authorization: bearer ", "'api_key' values 'a', ", "name: api_key\n", "-----BEGIN PRIVATE KEY-----", "--token "],
)  # fmt: skip
def test_no_text_takes_long(unit):
    started = time.process_time()
    mask_text(unit * (100_000 // len(unit)))

    assert time.process_time() - started < 2  # some 50 ms; what grows with the square takes minutes


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
