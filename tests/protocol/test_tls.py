"""Servers behind TLS, good and bad: each failure is a sentence of its own, for the agent and in the doctor."""

from __future__ import annotations

import socketserver
import ssl
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme

from mlflow_mcp.cli.doctor import run_doctor
from mlflow_mcp.settings import Settings
from tests.support.servers import HOST, QuietServer, answering, server_environment, serving, tls_server

LONG_AGO = datetime.now(timezone.utc) - timedelta(days=30)
YESTERDAY = datetime.now(timezone.utc) - timedelta(days=1)
TOMORROW = datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def both_say(ask, capsys, monkeypatch):
    """`both_say(uri, sentence, variables)`: a tool's error is the sentence, and the doctor prints it too."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "50")  # the doctor is in a hurry: not so this whole process

    def check(uri: str, sentence: str, variables: dict[str, str] | None = None) -> None:
        for name, value in (variables or {}).items():
            monkeypatch.setenv(name, value)
        answer = ask(uri, "search_experiments")
        assert answer.is_error
        assert answer.text == sentence
        assert run_doctor(Settings(tracking_uri=uri)) == 1
        assert sentence in " ".join(capsys.readouterr().out.split())

    return check


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_a_server_with_a_trusted_certificate_is_read(ask, authority, ca_file, mlflow_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(ca_file))
    with tls_server(mlflow_server.uri, context_of(authority.issue_cert(HOST))) as uri:
        answer = ask(uri, "get_invocation", invocation_id=mlflow_server.seeded.candidate)

    assert len(answer.data["tasks"]["rows"]) == 4


def test_a_certificate_of_an_unknown_authority(authority, both_say):
    with answering(200, "OK") as plain, tls_server(plain, context_of(authority.issue_cert(HOST))) as uri:
        both_say(
            uri,
            f"The TLS certificate of {uri} could not be verified (unable to get local issuer certificate). "
            "Set MLFLOW_TRACKING_SERVER_CERT_PATH to the CA file (PEM), or MLFLOW_TRACKING_INSECURE_TLS=true for a "
            "server you trust.",
        )


def test_a_self_signed_certificate(both_say, tmp_path):
    with answering(200, "OK") as plain, tls_server(plain, self_signed(tmp_path)) as uri:
        both_say(
            uri,
            f"The TLS certificate of {uri} could not be verified (self-signed certificate). "
            "Set MLFLOW_TRACKING_SERVER_CERT_PATH to the CA file (PEM), or MLFLOW_TRACKING_INSECURE_TLS=true for a "
            "server you trust.",
        )


def self_signed(folder: Path) -> ssl.SSLContext:
    """An authority's own certificate, served as a host's."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "own.pem"))
    authority.private_key_pem.write_to_path(str(folder / "own.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "own.key")
    return context


@pytest.mark.slow
def test_the_doctors_command_ends_without_a_traceback(authority, forked_python):
    with answering(200, "OK") as plain, tls_server(plain, context_of(authority.issue_cert(HOST))) as uri:
        ended = subprocess.run(
            [forked_python, "-m", "mlflow_mcp", "doctor"],
            env=server_environment() | {"MLFLOW_TRACKING_URI": uri},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "Traceback" not in ended.stdout
    assert f"The TLS certificate of {uri} could not be verified" in " ".join(ended.stdout.split())


@pytest.mark.parametrize("host", [HOST, "localhost"])
def test_a_certificate_of_another_host(host, authority, ca_file, both_say):
    certificate = authority.issue_cert("mlflow.example.com")
    with answering(200, "OK") as plain, tls_server(plain, context_of(certificate)) as address:
        uri = address.replace(HOST, host)
        both_say(
            uri,
            f"The TLS certificate of {uri} was issued for another host name. "
            "Use the host name that the certificate names in MLFLOW_TRACKING_URI.",
            {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(ca_file)},
        )


@pytest.mark.parametrize(
    ("first", "last", "state"), [(LONG_AGO, YESTERDAY, "has expired"), (TOMORROW, None, "is not valid yet")]
)
def test_a_certificate_of_another_time(first, last, state, authority, ca_file, both_say):
    certificate = authority.issue_cert(HOST, not_before=first, not_after=last or first + timedelta(days=30))
    with answering(200, "OK") as plain, tls_server(plain, context_of(certificate)) as uri:
        both_say(
            uri,
            f"The TLS certificate of {uri} {state}. "
            "Check this machine's clock; if it is right, ask the server's administrator to renew the certificate.",
            {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(ca_file)},
        )


def test_https_in_the_address_of_a_server_that_speaks_http(both_say):
    with answering(200, "OK") as uri:
        https = uri.replace("http:", "https:")
        both_say(
            https,
            f"The server at {https} does not speak https on this port. "
            f"Set MLFLOW_TRACKING_URI={uri}, or correct the port.",
        )


def test_http_in_the_address_of_a_server_that_speaks_https(authority, both_say):
    with answering(200, "OK") as plain, tls_server(plain, context_of(authority.issue_cert(HOST))) as https:
        uri = https.replace("https:", "http:")
        both_say(
            uri,
            f"{uri} closed the connection without an HTTP answer. If that server speaks https, set "
            f"MLFLOW_TRACKING_URI={https}; if not, try once more or ask its operator.",
        )


def test_a_server_that_wants_a_clients_certificate(authority, ca_file, both_say):
    context = context_of(authority.issue_cert(HOST))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with answering(200, "OK") as plain, tls_server(plain, context) as uri:
        both_say(
            uri,
            f"The server at {uri} accepts only clients that have a TLS certificate. Set "
            "MLFLOW_TRACKING_CLIENT_CERT_PATH to the file (PEM) with yours and its key, in the host's env block.",
            {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(ca_file)},
        )


def test_a_server_that_refuses_the_handshake(both_say):
    """By bytes that a server sends which has no TLS version in common with the client: an alert of its own."""

    class Refuse(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(b"\x15\x03\x03\x00\x02\x02\x46")

    with serving(QuietServer((HOST, 0), Refuse)) as address:
        uri = address.replace("http:", "https:")
        both_say(
            uri,
            f"The TLS connection to {uri} failed (TLSV1_ALERT_PROTOCOL_VERSION). Check MLFLOW_TRACKING_URI (http or "
            "https, port), or ask the server's operator which TLS versions it accepts.",
        )


def test_a_ca_file_that_is_not_there(authority, both_say, tmp_path):
    with answering(200, "OK") as plain, tls_server(plain, context_of(authority.issue_cert(HOST))) as uri:
        both_say(
            uri,
            "A file for TLS cannot be read: Could not find a suitable TLS CA certificate bundle, invalid path: "
            f"{tmp_path}/ca.pem. Correct MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH in the "
            "host's env block.",
            {"MLFLOW_TRACKING_SERVER_CERT_PATH": f"{tmp_path}/ca.pem"},
        )


def test_a_ca_file_that_holds_no_certificate(authority, both_say, tmp_path):
    (tmp_path / "ca.pem").write_text("-----")
    with answering(200, "OK") as plain, tls_server(plain, context_of(authority.issue_cert(HOST))) as uri:
        both_say(
            uri,
            "A file for TLS holds no certificate or key in PEM form (NO_CERTIFICATE_OR_CRL_FOUND). Correct "
            "MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH in the host's env block.",
            {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(tmp_path / "ca.pem")},
        )


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_check_that_is_switched_off_is_not_made(ask, authority, mlflow_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    with tls_server(mlflow_server.uri, context_of(authority.issue_cert("mlflow.example.com"))) as uri:
        answer = ask(Settings(tracking_uri=uri), "search_experiments")

    assert not answer.is_error
