"""Random keys in every surrounding: nothing of them is left, wherever a part of the text begins and ends."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_mcp.answers.masking import HIDDEN, hide_named, mark_named, mask, mask_lines, mask_part, mask_text
from mlflow_mcp.answers.secrets.columns import SecretColumns
from tests.support.planted import BARE, CONFIG, KEY_LINES, LOG, NAMED, PIECES, TABLE
from tests.support.secret_formats import BY_NAME, OF_SHAPES, SHAPED, left_of, made_up
from tests.support.secret_formats import NAMED as NAMED_FORMATS

EVERY_FORMAT = SHAPED | NAMED_FORMATS


def shown_of(carrier, made):
    shown = mask(carrier(made))
    return shown if isinstance(shown, str) else json.dumps(shown)


@pytest.mark.parametrize("kind", SHAPED)
def test_a_key_is_known_by_its_look_in_every_surrounding(kind):
    drawn = random.Random(kind)
    for title, carrier in OF_SHAPES.items():
        made = made_up(*SHAPED[kind], drawn)
        assert not left_of(made, shown_of(carrier, made)), title


@pytest.mark.parametrize("kind", EVERY_FORMAT)
def test_a_key_is_known_by_its_name_in_every_notation(kind):
    drawn = random.Random(kind)
    for title, carrier in BY_NAME.items():
        made = made_up(*EVERY_FORMAT[kind], drawn)
        assert not left_of(made, shown_of(carrier, made)), title


@given(
    text=st.sampled_from([CONFIG, LOG, json.dumps({"text": CONFIG}), json.dumps({"a": json.dumps({"api_key": BARE})})]),
    data=st.data(),
)
@settings(deadline=None, max_examples=60)
def test_no_part_of_a_text_shows_a_part_of_a_secret(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    part = mask_text(mask_part(text, start, end))

    assert not any(piece in part for piece in (*PIECES, *KEY_LINES))


@given(st.text(st.sampled_from("ab:= \n\"'\\,{}[]|-x9"), max_size=60))
@settings(deadline=None)
def test_a_text_without_secrets_is_shown_as_it_is_in_every_part(text):
    assert mask_part(text, 3, 20) == text[3:20]
    assert mask_lines(text) == text.split("\n")


@pytest.mark.parametrize("text", [CONFIG, LOG, TABLE])
def test_masked_lines_are_as_many_as_the_lines(text):
    lines = mask_lines(text)

    assert len(lines) == len(text.split("\n"))
    assert not any(line in KEY_LINES for line in lines)


def test_a_row_of_a_table_is_hidden_by_its_header():
    columns = SecretColumns.of("user,password,score", ",")

    assert columns is not None
    assert columns.hide(f'ana,"{NAMED}",0.5\n') == f'ana,"{HIDDEN}",0.5\n'
    assert columns.hide("user,password,score\n") == "user,password,score\n"
    assert columns.hide('t horse, battery;9",0.5') == HIDDEN
    assert SecretColumns.of("user,score", ",") is None


def test_a_marked_secret_stays_hidden_wherever_it_is_taken_to():
    document = mark_named({"env": [{"name": "DB_PASSWORD", "value": BARE}], "columns": ["password"], "data": [[BARE]]})

    assert mask([document["env"][0]["value"], document["data"][0][0]]) == [HIDDEN, HIDDEN]
    assert document["env"][0]["value"] == BARE


def test_values_are_hidden_before_a_selection_drops_their_names():
    assert hide_named({"api_key": {"value": BARE}, "pair": ["DB_PASSWORD", BARE], "password": 12345678}) == {
        "api_key": {"value": HIDDEN}, "pair": ["DB_PASSWORD", HIDDEN], "password": HIDDEN,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "jsonschema/_keywords.py,sha256=r8_DrqAfn6QLwQnmXEggveiSU-UaIL2p2nuPINelfFc,14949",
        "integrity sha512-hf_Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9v==",
        "image: nvcr.io/nvidia/eval@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "model: jina-embeddings-v3-base-en, hf_Llama-3.1-8B-Instruct-GGUF-Q4_K_M",
        "password: str | None = None",
        "api_key = getattr(config, 'api_key', None)",
        "cache_key: 9f86d081884c7d659a2feaa0c55ad015",
        "next_page_token: eyJvZmZzZXQiOiA1MH0xyz",
        'export ANTHROPIC_API_KEY="sk-ant-..."',
        "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTestDatabaseSecret-a1b2c3",
        "-----BEGIN CERTIFICATE-----\n" + KEY_LINES[0] + "\n-----END CERTIFICATE-----",
        "The env file holds -----BEGIN PRIVATE KEY----- somewhere\nand this line stays",
        "| name | meaning |\n| --- | --- |\n| api_key | $KEY |\n| x | y |",
    ],
)
def test_what_only_looks_like_a_key_stays(text):
    assert mask_text(text).replace(HIDDEN, "-----BEGIN PRIVATE KEY-----") == text


@pytest.mark.slow
def test_the_texts_of_the_recorded_exports_stay(tmp_path):
    from tests.recorded.store import unpack

    texts = [
        path for path in Path(unpack(tmp_path)).rglob("*") if path.suffix in (".yml", ".yaml", ".json", ".log", ".csv")
    ]
    changed = [
        line for path in texts for text in [path.read_text("utf-8", "replace")]
        for line, shown in zip(text.split("\n"), mask_lines(text)) if line != shown
    ]  # fmt: skip

    assert len(texts) > 50
    assert changed == []
