"""The commands for people where several servers are named."""

from __future__ import annotations

import argparse

import pytest

from mlflow_mcp.cli.doctor import run_doctor
from mlflow_mcp.cli.wait import BAD_INPUT, add_arguments, run_wait
from mlflow_mcp.settings import Settings
from tests.support.servers import refused_uri


@pytest.fixture(autouse=True)
def _own_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "50")


def test_the_doctor_checks_every_server(store, empty_store, capsys):
    code = run_doctor(Settings(servers=f"prod={store.uri},dev={empty_store}"))
    said = " ".join(capsys.readouterr().out.split())

    assert code == 0
    assert f"prod, the default server ok tools {said.partition('ok tools ')[2].partition(' ')[0]} tools" in said
    assert f"dev, its ids are written dev:… ok address {empty_store} " in said
    assert said.count("ok tools") == 1
    assert "Yes, it can use all of them." in said


@pytest.mark.slow
def test_the_doctor_goes_on_behind_a_server_that_fails(store, capsys):
    with refused_uri() as uri:
        code = run_doctor(Settings(servers=f"dead={uri},good={store.uri}"))
    said = " ".join(capsys.readouterr().out.split())

    assert code == 1
    assert f"NO answer The MLflow server at {uri} cannot be reached" in said
    assert "Check MLFLOW_MCP_SERVERS (its dead)" in said
    assert f"good, its ids are written good:… ok address {store.uri}" in said
    assert "Not all of them: 'dead' cannot be used, 'good' can." in said


def test_waiting_takes_the_name_of_a_server(store, empty_store, capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    settings = Settings(servers=f"dev={empty_store},prod={store.uri}")

    there = run_wait(settings, parser.parse_args([f"prod:{store.seeded.log_run}"]))
    said = capsys.readouterr().out
    here = run_wait(settings, parser.parse_args([store.seeded.log_run]))

    assert there == 0, said
    assert store.seeded.log_run in said
    assert here == BAD_INPUT
