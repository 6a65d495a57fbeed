"""Page tokens of MLflow's own stores, and of others."""

from __future__ import annotations

import pytest
from mlflow.utils.search_utils import SearchLoggedModelsPaginationToken

from mlflow_mcp.client.page_tokens import completed, one_earlier, shortened, token_at

OTHERS = ["", "abc", "W10=", "no token", "eyJvZmZzZXQiOiA1fQ", "Q2FSU0FBPT0="]


def models_from(place):
    return SearchLoggedModelsPaginationToken(
        ["1", "2"], "name = 'ä'", [{"field_name": "metrics.f1", "ascending": False}], place
    ).encode()


def test_the_row_before_is_a_place_earlier():
    assert one_earlier(token_at(7)) == (token_at(6), 1)
    assert one_earlier(token_at(1)) == (None, 1)
    assert one_earlier(models_from(7)) == (models_from(6), 1)


@pytest.mark.parametrize("token", OTHERS)
def test_tokens_of_other_servers_stay(token):
    known = {"experiment_ids": ["1"]}

    assert one_earlier(token) == (token, 0)
    assert shortened(token, known) == token
    assert completed(token, known) == token


def test_what_is_known_of_a_search_is_left_out_and_put_back():
    known = {"experiment_ids": ["1", "2"], "filter_string": "name = 'ä'"}

    short = shortened(models_from(7), known)

    assert len(short) < len(models_from(7))
    assert SearchLoggedModelsPaginationToken.decode(completed(short, known)) == (
        SearchLoggedModelsPaginationToken.decode(models_from(7))
    )
    assert completed(one_earlier(short)[0], known) == completed(shortened(models_from(6), known), known)


def test_what_is_said_otherwise_stays():
    other = {"experiment_ids": ["9"], "filter_string": "name = 'y'"}

    assert shortened(models_from(7), other) == models_from(7)
    assert completed(models_from(7), other) == models_from(7)
