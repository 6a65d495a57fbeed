"""Secrets in expressions that give them by default, in tables of HTML, in pgpass files, among characters that nobody sees and
glued to a word; and harmless texts that resemble them."""

from __future__ import annotations

import random
import string
import time

import pytest

from mlflow_mcp.answers.masking import HIDDEN, hide_in_markup, mask, mask_text

PASSWORD, KEY = "@P@", "@K@"

EXPRESSIONS = [
    f"${{API_KEY:-{KEY}}}",
    f"${{DB_PASSWORD:={PASSWORD}}}",
    f"${{DB_PASSWORD-{PASSWORD}}}",
    f"DB_PASSWORD: ${{DB_PASSWORD:-{PASSWORD}}}",
    f"spring.datasource.password=${{DB_PASSWORD:{PASSWORD}}}",
    f"!ENV ${{DB_PASSWORD:{PASSWORD}}}",
    f"token: ${{oc.env:API_KEY,{PASSWORD}}}",
    f"PASSWORD := $(or $(DB_PASSWORD),{PASSWORD})",
    f'{{{{ token | default("{KEY}") }}}}',
    f"{{{{ db_password | default('{PASSWORD}') }}}}",
    f"password: \"{{{{ lookup_x | d('{PASSWORD}', true) }}}}\"",
    f"{{{{ env.API_KEY ?? '{PASSWORD}' }}}}",
    f"{{{{ password or '{PASSWORD}' }}}}",
    f"const key = process.env.API_KEY || '{PASSWORD}'",
    f"os.environ.get('DB_PASSWORD') or '{PASSWORD}'",
    f"os.getenv('API_KEY', '{PASSWORD}')",
    f"config('DB_PASSWORD', default='{PASSWORD}')",
    f"ENV.fetch('DB_PASSWORD') {{ '{PASSWORD}' }}",
    f"parser.add_argument('--api-key', type=str, default='{PASSWORD}')",
    f"parser.add_argument(\n    '--api-key',\n    help='the key (of the judge)',\n    default='{PASSWORD}',\n)",
    f"@click.option('--password', help='x', default='{PASSWORD}')",
    f"api_key: str = Field(default='{PASSWORD}')",
    f"password: '$uper-{PASSWORD}'",
]
ELSEWHERE = [
    f"db.example.com:5432:mlflow:ana:{PASSWORD}",
    f"*:*:*:ana:{PASSWORD}",
    f"# hosts\nlocalhost:6432:*:postgres:{PASSWORD}\n10.0.0.4:5433:x:y:{PASSWORD}\n",
    f"db:3306:shop:ana:{PASSWORD}",
    f"echo 'db:5432:m:ana:{PASSWORD}' > ~/.pgpass",
    f"? password\n: {PASSWORD}\n",
    f'? "db_password"\n: "{PASSWORD}"\nx: 1',
    f"db:\n  ? api_key\n  : {PASSWORD}",
    f"<table><tr><th>user</th><th>password</th></tr><tr><td>ana</td><td>{PASSWORD}</td></tr></table>",
    f"<TABLE>\n<thead>\n<tr><th>user<th>API key\n<tbody><tr><td>ana<td><code>{PASSWORD}</code></table>",
    f"<table><tr><td>user</td><td><b>Password:</b></td></tr><tr class=x><td>ana</td><td>{PASSWORD}</td></tr></table>",
    f"key{KEY[:0]}sk-proj-{KEY}",
    f"mytokennvapi-{KEY}",
    f"x_ghp_{KEY}",
    f"apikeysk-{KEY}",
]
HARMLESS = [
    "${MODEL:-meta-llama/Llama-3.1-8B-Instruct}",
    "${API_KEY:-}",
    "${API_KEY:?must be set}",
    "${API_KEY:-$OTHER_KEY}",
    "${secret:kube-secret-name}",
    "api_key: ${API_KEY}",
    "password: $DB_PASSWORD",
    "password: $DB_PASSWORD/suffix",
    "{{ model | default('gpt-4o-2024-08-06') }}",
    "{{ api_key | default('') }}",
    "{{ token | default('none') }}",
    "api_key = os.getenv('API_KEY', 'not-set')",
    "api_key = config.get('openai', 'organization')",
    "if password or 'localhost' in url:",
    "parser.add_argument('--api-key', help='the key', default=None)",
    "parser.add_argument('--model', default='llama-3.1-8b-instruct')",
    "token_type: str = Field(default='bearer')",
    "src/app.py:1234:key:value:12",
    "10.0.0.4:29500:rank:0:started",
    "node-17:8000:tcp:open",
    "2026-10-12 07:07:20:5432:a:b",
    "<table><tr><th>user</th><th>tokens</th></tr><tr><td>ana</td><td>128001</td></tr></table>",
    "<table><tr><th>password</th></tr></table><table><tr><th>model</th></tr><tr><td>llama-3.1-8b</td></tr></table>",
    "task-9f86d081884c7d659a2feaa0c55ad015",
    "disk-usage-of-the-first-node",
    "the mask_proj-name of it",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family of three",
    "? model\n: llama-3.1-8b-instruct\n",
]
# Of no width, or not drawn at all.
UNSEEN = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\ufe0f"]
PUZZLES = ["${A:-", "${A-a", "{{ a | d(", "a || ", "a or '", "('a', default=", "default='", "<tr>", "<tr><td>", "<td", "<table>", "db:5432:", ":*:*:", "? a\n", "? a\n: ", "keysk-", "asksk-", "xghp_", "\u200b", "$(or $(A),"]  # fmt: skip


def drawn(seed):
    """A password as people make them, and a key as providers draw them."""
    drawing = random.Random(seed)
    letters = "".join(drawing.choice(string.ascii_lowercase) for _ in range(7))
    password = f"{letters}{drawing.randrange(10)}-{drawing.choice('QXZWK')}{letters[::-1]}"
    return password, "".join(drawing.choice(string.ascii_letters + string.digits) for _ in range(36))


@pytest.mark.parametrize("form", EXPRESSIONS + ELSEWHERE)
def test_a_secret_is_hidden_in_any_such_form(form):
    for number in range(20):
        password, key = drawn(f"{form} {number}")
        masked = mask_text(form.replace(PASSWORD, password).replace(KEY, key))

        assert HIDDEN in masked
        assert password not in masked, masked
        assert key not in masked, masked
        assert mask_text(masked) == masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_such_a_form_is_shown(text):
    assert mask_text(text) == text


@pytest.mark.parametrize("expression", ["${X:-@P@}", "{{ x | default('@P@') }}", "os.getenv('X', '@P@')", "$uper-@P@"])
def test_an_expression_under_the_name_of_a_secret_does_not_show_its_default(expression):
    """A reference alone is shown; a literal in it is none."""
    for number in range(20):
        password, _ = drawn(f"{expression} {number}")

        assert password not in str(mask({"db_password": expression.replace("@P@", password)}))
        assert password not in mask_text(f'db_password: "{expression.replace("@P@", password)}"')
    assert mask({"db_password": "${DB_PASSWORD:-${OTHER}}"}) == {"db_password": "${DB_PASSWORD:-${OTHER}}"}


@pytest.mark.parametrize("unseen", UNSEEN)
def test_characters_that_nobody_sees_hide_no_secret(unseen):
    """Between any two letters of its name or of itself; the rest of the text keeps them."""
    for number in range(20):
        password, key = drawn(f"{unseen} {number}")
        drawing = random.Random(number)
        for text in (f"db_password: {password}", f"sk-proj-{key}"):
            at = drawing.randrange(1, len(text))
            masked = mask_text(f"a{unseen}b {text[:at]}{unseen}{text[at:]} c{unseen}d")

            assert masked.startswith(f"a{unseen}b ")
            assert masked.endswith(f" c{unseen}d")
            assert HIDDEN in masked
            assert password[6:] not in masked.replace(unseen, "")
            assert key[6:] not in masked.replace(unseen, "")
    assert mask({f"pass{unseen}word": "kestrel7-Xl"}) == {f"pass{unseen}word": HIDDEN}


def test_a_page_of_html_loses_the_column_of_a_secret_before_it_becomes_text():
    page = "<table><tr><th>user</th><th>password</th></tr><tr><td>ana</td><td>kestrel7-Xl</td></tr><tr><td>bob</td><td>$PW</td></tr></table>"

    assert hide_in_markup(page) == page.replace("kestrel7-Xl", HIDDEN)


@pytest.mark.parametrize("unit", PUZZLES)
def test_no_such_text_takes_long(unit):
    text = (unit * 30_000)[:30_000]
    started = time.process_time()

    mask_text(text)

    assert time.process_time() - started < 2
