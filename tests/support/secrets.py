"""Made-up keys of well-known kinds, joined here so that no scanner takes these files for a leak."""

from __future__ import annotations


def fake(*parts: str) -> str:
    return "".join(parts)


SECRETS = {
    "AWS": fake("AKIA", "IOSFODNN7EXAMPLE"),
    "Hugging Face": fake("hf", "_", "abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    "OpenAI": fake("sk", "-", "proj-", "a1B2c3D4e5F6g7H8i9J0k1L2"),
    "Anthropic": fake("sk", "-", "ant-", "api03-", "a1B2c3D4e5F6g7H8i9J0k1L2"),
    "NVIDIA": fake("nvapi", "-", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"),
    "GitHub": fake("ghp", "_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"),
    "GitLab": fake("glpat", "-", "a1B2c3D4e5F6g7H8i9J0"),
    "Slack": fake("xoxb", "-", "123456789012-abcdefghij"),
    "Google": fake("AIza", "SyA1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q"),
    "Databricks": fake("dapi", "0123456789abcdef0123456789abcdef"),
    "a web token": fake("eyJ", "hbGciOiJIUzI1NiJ9.", "eyJ", "zdWIiOiIxMjM0NTY3ODkwIn0.", "SflKxwRJSMeKKF2QT4"),
}
