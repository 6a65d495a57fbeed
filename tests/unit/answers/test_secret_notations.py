"""Secrets in notations in which neither `:` nor `=` stands between a name and its value, and harmless texts that resemble them."""

from __future__ import annotations

import base64
import random
import string
import time

import pytest

from mlflow_mcp.answers.masking import HIDDEN, mask, mask_text

PASSWORD, KEY, HEX, ENCODED = "@P@", "@K@", "@H@", "@B@"

NOTATIONS = [
    f'[db]\npassword = """\n{PASSWORD}\n"""\n',
    f"<db:password>{PASSWORD}</db:password>",
    f'<password type="plain">{PASSWORD}</password>',
    f"<password>\n  <![CDATA[{PASSWORD}]]>\n</password>",
    f'<property name="password">{PASSWORD}</property>',
    f'<input type="password" value="{PASSWORD}">',
    f"<dt>password</dt>\n<dd>{PASSWORD}</dd>",
    f"kind: Secret\ndata:\n  password: {ENCODED}\n  tls.crt: {ENCODED}\n",
    f'{{"kind": "Secret", "data": {{"id_rsa": "{ENCODED}"}}}}',
    f"env:\n- value: {PASSWORD}\n  name: DB_PASSWORD\n",
    f"postgresql://ana:hun/{PASSWORD}@db/x",
    f"https%3A%2F%2Fana%3A{PASSWORD}%40db.com%2Fx",
    f"https%3A%2F%2Fx.com%2F%3Faccess_token%3D{KEY}",
    f"https://api.example/v1?key={KEY}",
    f"https://sso.example/back?code={KEY}&state=1",
    f"https://{HEX}:x-oauth-basic@git.example/x",
    f"cookies={{'sessionid': '{KEY}'}}",
    f"curl -b 'session={KEY}' https://x",
    f"JSESSIONID={KEY}",
    f".example.com\tTRUE\t/\tFALSE\t0\tsession\t{KEY}",
    f"default login ana password {PASSWORD}",
    f"ana:$apr1$ZjTqBB3f${KEY}",
    f"Settings(api_key=SecretStr('{KEY}'))",
    f"{{b'password': b'{PASSWORD}'}}",
    f"requests.get(url, auth=('ana', '{PASSWORD}'))",
    f"os.environ['DB_PASSWORD'] = '{PASSWORD}'",
    f"huggingface_hub.login('{KEY}')",
    f"user.set_password('{PASSWORD}')",
    f"const apiKey = `{KEY}`;",
    f'password <- "{PASSWORD}"',
    f"ALTER USER ana WITH PASSWORD '{PASSWORD}';",
    f"CREATE USER ana IDENTIFIED BY '{PASSWORD}';",
    f'variable "db_password" {{\n  default = "{PASSWORD}"\n}}',
    f"ENV DB_PASSWORD {PASSWORD}",
    f"setenv DB_PASSWORD {PASSWORD}",
    f"DB_PASSWORD ?= {PASSWORD}",
    f"aws configure set aws_secret_access_key {KEY}",
    f"The password for 'ana' is {PASSWORD}",
    f"API Key: {PASSWORD}",
    f"AWS Secret Access Key: {KEY}",
    f"Using API key {KEY} for requests",
    f"wandb: api key {HEX}",
    f"password:\n  {PASSWORD}\nuser: ana",
    f'password: "{PASSWORD}\\\n  {PASSWORD}"\n',
    f"password: &first {PASSWORD}\n",
    f"tokens:\n  - {KEY}\n",
    f"api_keys: [{PASSWORD}, {PASSWORD}]",
    f'{{\n "api_keys": [\n  "{PASSWORD}",\n  "{PASSWORD}"\n ]\n}}',
    f"passwords:\n  ana: {PASSWORD}\n  bob: {PASSWORD}\n",
    f'{{"passwords": {{"ana": "{PASSWORD}"}}}}',
    f"secrets:\n  openai: {KEY}\n",
    f"passwort: {PASSWORD}",
    f"pass: {PASSWORD}",
    f"MY_TOKEN={PASSWORD}",
    f"ansible_ssh_pass={PASSWORD}",
    f"['run', '--password', '{PASSWORD}']",
    f"openssl enc -k x -passin pass:{PASSWORD}",
    f"**Password:** {PASSWORD}",
    f"**password**: `{PASSWORD}`",
    f"key,value\nDB_PASSWORD,{PASSWORD}\nx,1\n",
    f"password\t{PASSWORD}",
    f"user   password\nana    {PASSWORD}\n",
    f"  user        password\n0  ana  {PASSWORD}\n1  bob  {PASSWORD}\n",
    f" user | password \n------+----------\n ana  | {PASSWORD}\n",
    f"+------+----------+\n| user | password |\n+------+----------+\n| ana  | {PASSWORD} |\n+------+----------+",
    f"┃ user ┃ password ┃\n┡━━━━━━╇━━━━━━━━━━┩\n│ ana │ {PASSWORD} │",
    f"\x1b[31mpassword\x1b[0m={PASSWORD}",
    f"password\uff1a{PASSWORD}",
    f"password:\u00a0{PASSWORD}",
    f"password → {PASSWORD}",
    f'Content-Disposition: form-data; name="password"\n\n{PASSWORD}\n',
    f'{{"kty": "RSA", "d": "{KEY}"}}',
    '{"username":"ana","key":"0123456789abcdef0123456789abcdef"}',
]
HARMLESS = [
    "<name>resnet50-v1.5</name>",
    "<tokenizer type='bpe'>Llama-3.1-8B</tokenizer>",
    "password is required",
    "api key not found in environment",
    "access token expired at 2026-10-12T07:07:20Z",
    "pass: 12 of 14",
    "passkey: ruler-32K",
    "key,value\nmodel,llama-3.1-8b-instruct\nmax_tokens,4096\n",
    "user  tokens\nana  128001\n",
    "tokens:\n  - Hello\n  - World2Go\n",
    "tokens: [128000, 128001, 128009]",
    "credentials:\n  path: ~/.aws/credentials\n  profile: team-9a\n",
    "secrets: [HF_TOKEN, WANDB_API_KEY]",
    "secrets:\n  - name: hf-token\n    key: HF_TOKEN\n",
    "kind: ConfigMap\ndata:\n  model: llama-3.1-8b\n",
    "https://mlflow.example/#/experiments/2/runs/6f595421d0b24329a9bf95b7f198daa9?key=loss",
    "http://node-17:8000/v1/chat/completions@retry",
    "https://github.com/acme/repo@v1.2.3",
    "ssh://git@github.com:22/acme/repo.git",
    "Epoch 3:  45%|####| 450/1000 [00:12<00:15, 36.52it/s, loss=0.123456, token_acc=0.98765432]",
    "ENV MODEL_NAME llama-3.1-8b-instruct",
    "['--tokenizer', 'meta-llama/Llama-3.1-8B-Instruct']",
    "password:\n    The password of the user.",
    "session_id: chat-2026-10-12-Ab12Cd34Ef56",
    "passkey retrieval accuracy: 0.91234567",
]
PUZZLES = [
    "<a ", "<a name='password'", "<password>", "</a>", "password:\n", " password:\n  x: y\n", "{password: [", "passwords: [a, ",
    "passwords:\n- a\n", "kind: Secret\ndata:\n  a: b\n", "value: xxxxxxxx, ", "password: '\n", "ENV A ", "set -x ", "api_key,",
    "&key=", "password for x ", "api key ", "cookie=a", "curl -b ", "auth=('a',", "'--password','", "| password ", "  a  password\n",
    "https://aaaaaaaaaaaaaaaaaaaa:", "://a:b/", "> a</b> <c>",
]  # fmt: skip


def drawn_password(drawn):
    """As people make them: a word, a number, a sign, a capital."""
    letters = "".join(drawn.choice(string.ascii_lowercase) for _ in range(7))
    return f"{letters}{drawn.randrange(10)}-{drawn.choice('QXZWK')}{letters[::-1]}"


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_secret_is_hidden_in_any_notation(notation):
    drawn = random.Random(notation)
    for _ in range(20):
        password = drawn_password(drawn)
        key = "".join(drawn.choice(string.ascii_letters + string.digits) for _ in range(40))
        text = notation.replace(PASSWORD, password).replace(KEY, key).replace(HEX, f"{drawn.getrandbits(160):040x}")
        text = text.replace(ENCODED, base64.b64encode(password.encode()).decode())
        masked = mask_text(text)

        assert HIDDEN in masked
        assert password not in masked, masked
        assert key not in masked, masked
        assert mask_text(masked) == masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_such_a_notation_is_shown(text):
    assert mask_text(text) == text


def test_a_private_key_that_is_encoded_is_hidden_and_a_certificate_is_shown():
    key = base64.b64encode(b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"b3BlbnNzaC1rZXktdjEA" * 4).decode()
    certificate = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" + b"MIIDdzCCAl8CBGkRTVow" * 4).decode()

    assert mask_text(f"data {key}") == f"data {HIDDEN}"
    assert mask_text(f"data {certificate}") == f"data {certificate}"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"passwords": {"ana": "hunter2-Xyz"}}, {"passwords": {"ana": HIDDEN}}),
        ({"passwords": {"type": "object"}}, {"passwords": {"type": "object"}}),
        (["run", "--password", "hunter2-Xyz"], ["run", "--password", HIDDEN]),
        (["run", "--model", "nova"], ["run", "--model", "nova"]),
        ({"kind": "Secret", "data": {"a": "aHVudGVyMg=="}}, {"kind": "Secret", "data": {"a": HIDDEN}}),
        ({"kind": "ConfigMap", "data": {"a": "nova-30b"}}, {"kind": "ConfigMap", "data": {"a": "nova-30b"}}),
        ({"secrets": {"a": "HF_TOKEN"}}, {"secrets": {"a": "HF_TOKEN"}}),
    ],
)
def test_values_of_a_document_are_hidden_by_what_stands_around_them(value, masked):
    assert mask(value) == masked


def test_a_cell_of_two_names_hides_what_stands_beside_it():
    table = {
        "columns": ["name", "A"],
        "rows": [["params.model = params.x", "nova"], ["params.x = tags.password", "hunter22"]],
    }

    assert mask(table)["rows"] == [["params.model = params.x", "nova"], ["params.x = tags.password", HIDDEN]]


@pytest.mark.parametrize("unit", PUZZLES)
def test_no_text_of_such_notations_takes_long(unit):
    text = "password token cookie value default auth Secret login( -\n" + unit * (40_000 // len(unit))
    started = time.process_time()
    mask_text(text)

    assert time.process_time() - started < 2
