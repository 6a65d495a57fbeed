"""Page tokens of model searches without the ids of all experiments, and back."""

from __future__ import annotations

import base64
import json

import pytest

from mlflow_mcp.client.models.tokens import shortened, whole

IDS = [str(number) for number in range(500)]
CONTENT = {"experiment_ids": IDS, "filter_string": "name = 'ä'", "order_by": None, "offset": 20}
TOKEN = base64.b64encode(json.dumps(CONTENT).encode()).decode()


def test_a_token_of_mlflow_comes_back_as_it_was():
    short = shortened(TOKEN, IDS)

    assert short is not None
    assert len(short) < 150
    assert whole(short, IDS) == TOKEN


@pytest.mark.parametrize("token", [None, "", "opaque", base64.b64encode(b"[1]").decode(), TOKEN])
def test_any_other_token_is_left_alone(token):
    assert shortened(token, ["1"]) == token
    assert whole(token, ["1"]) == token


def test_a_broken_token_is_left_for_mlflow_to_refuse():
    assert whole("~{", IDS) == "~{"
