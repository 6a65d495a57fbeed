"""Hosts pass on a setting that was left empty as an empty variable: it must be as good as none."""

from __future__ import annotations

import ssl

import pytest
import trustme

from tests.support.servers import HOST, answering, tls_server

CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
TLS = (
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
)


@pytest.mark.slow
def test_an_empty_variable_does_not_switch_off_the_check_of_certificates(ask, monkeypatch):
    for name in (*CREDENTIALS, *TLS):
        monkeypatch.setenv(name, "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    with answering(200, "OK") as plain, tls_server(plain, context) as uri:
        answer = ask(uri, "search_experiments")

    assert answer.is_error
    assert "could not be verified" in answer.text
