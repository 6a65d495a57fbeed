"""Failed TLS connections as sentences, by the codes that OpenSSL gives."""

from __future__ import annotations

import ssl

from mlflow_mcp.errors import Problem, Unreachable
from mlflow_mcp.text import short

# OpenSSL's numbers for why a certificate was refused (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED, _WRONG_HOST, _WRONG_ADDRESS = 9, 10, 62, 64


# What OpenSSL calls an answer that is not TLS. Which one depends on its version and on the first bytes that come.
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
)


def of_tls(error: ssl.SSLError, where: str) -> Problem:
    """The sentence for a TLS connection that failed, by the codes that OpenSSL gives."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, where)
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return Unreachable(
            f"The server at {where} does not speak https on this port.",
            f"Set MLFLOW_TRACKING_URI=http://{where.removeprefix('https://')}, or correct the port.",
        )
    if reason.endswith("CERTIFICATE_REQUIRED"):
        return Unreachable(
            f"The server at {where} accepts only clients that have a TLS certificate.",
            "Set MLFLOW_TRACKING_CLIENT_CERT_PATH to the file (PEM) with yours and its key, in the host's env block.",
        )
    if error.library in ("X509", "PEM"):
        return Problem(
            f"A file for TLS holds no certificate or key in PEM form ({reason}).",
            "Correct MLFLOW_TRACKING_SERVER_CERT_PATH or MLFLOW_TRACKING_CLIENT_CERT_PATH in the host's env block.",
        )
    return Unreachable(
        f"The TLS connection to {where} failed ({reason or short(str(error))}).",
        "Check MLFLOW_TRACKING_URI (http or https, port), or ask the server's operator which TLS versions it accepts.",
    )


def _of_certificate(error: ssl.SSLCertVerificationError, where: str) -> Unreachable:
    if error.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        return Unreachable(
            f"The TLS certificate of {where} was issued for another host name.",
            "Use the host name that the certificate names in MLFLOW_TRACKING_URI.",
        )
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        state = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return Unreachable(
            f"The TLS certificate of {where} {state}.",
            "Check this machine's clock; if it is right, ask the server's administrator to renew the certificate.",
        )
    return Unreachable(
        f"The TLS certificate of {where} could not be verified ({error.verify_message}).",
        "Set MLFLOW_TRACKING_SERVER_CERT_PATH to the CA file (PEM), or MLFLOW_TRACKING_INSECURE_TLS=true for a server you trust.",
    )
