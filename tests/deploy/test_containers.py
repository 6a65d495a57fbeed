"""The image, the compose file and the Kubernetes example: what is promised of them, read out of the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlflow_mcp
from mlflow_mcp.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
IMAGE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IMAGES = [IMAGE, (DEPLOY / "mlflow.Dockerfile").read_text(encoding="utf-8")]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
KUBERNETES = DEPLOY / "kubernetes"

PORT = 8000
SECRETS = re.compile(r"PASSWORD|TOKEN|SECRET|_KEY$|BACKEND_STORE_URI")


def manifests() -> dict[str, dict[str, Any]]:
    """What kustomization.yaml applies, by kind."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    parts = [yaml.safe_load((KUBERNETES / name).read_text(encoding="utf-8")) for name in listed]
    return {part["kind"]: part for part in parts}


APPLIED = manifests()
POD = APPLIED["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def sources_of_the_server() -> str:
    folder = Path(mlflow_mcp.__file__).parent / "server"
    return "".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))


# --- all of them


def test_every_variable_of_ours_is_a_setting():
    named = {
        name
        for file in DEPLOY.rglob("*")
        if file.is_file()
        for name in re.findall(r"\bMLFLOW_MCP_[A-Z_]*[A-Z]", file.read_text(encoding="utf-8"))
    }
    assert named - {field.alias for field in Settings.model_fields.values()} == set()


def test_all_speak_of_the_same_port():
    assert f"MLFLOW_MCP_PORT={PORT}" in IMAGE
    assert f"EXPOSE {PORT}" in IMAGE
    assert COMPOSE["services"]["mcp"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert CONTAINER["ports"] == [{"name": "http", "containerPort": PORT}]
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(PORT)
    assert APPLIED["NetworkPolicy"]["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": PORT}]


def test_nothing_takes_the_package_from_an_index():
    for file in (file for file in DEPLOY.rglob("*") if file.is_file()):
        text = "\n".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
        assert not re.search(r"(?:install|uvx|run)\s[^\n]*\s['\"]?mlflow-mcp(?:\[[\w,]*\])?['\"]?\s*$", text, re.M), (
            file
        )


# --- the image


@pytest.mark.parametrize("text", IMAGES, ids=["mlflow-mcp", "mlflow"])
def test_an_image_does_not_run_as_root(text):
    last_stage = text[text.rindex("\nFROM ") :]
    assert re.findall(r"^USER (.*)$", last_stage, re.M) == ["10001:10001"]


def test_what_the_image_copies_exists_and_is_not_ignored():
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", IMAGE, re.M) for name in line.split()]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied == ["pyproject.toml", "README.md", "LICENSE", "src"]
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_the_image_and_the_pod_have_the_same_user():
    security = POD["spec"]["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"]) == (10001, 10001)


# --- compose


def test_compose_publishes_to_this_machine_alone():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_holds_no_secret_and_does_not_start_without_one():
    example = (DEPLOY / "example.env").read_text(encoding="utf-8")
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if not SECRETS.search(name) or name == "AWS_ACCESS_KEY_ID":
                continue
            (variable,) = re.findall(r"\$\{(\w+):\?[^}]+\}", value)
            assert f"\n{variable}=\n" in example


def test_the_server_in_compose_can_write_to_its_temporary_folder_only():
    mcp = COMPOSE["services"]["mcp"]
    assert mcp["read_only"] is True
    assert mcp["tmpfs"] == ["/tmp"]
    assert mcp["cap_drop"] == ["ALL"]
    assert mcp["environment"]["MLFLOW_MCP_AUTH"] == "shared"


# --- Kubernetes


def test_the_pod_is_as_restricted_as_its_namespace_demands():
    assert APPLIED["Namespace"]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    assert POD["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["spec"]["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_secrets_come_by_reference():
    plain = [*APPLIED["ConfigMap"]["data"], *(each["name"] for each in CONTAINER["env"] if "value" in each)]
    assert [name for name in plain if SECRETS.search(name)] == []
    assert all("secretKeyRef" in each["valueFrom"] for each in CONTAINER["env"])
    assert "Secret" not in APPLIED


def test_the_probes_ask_what_the_server_answers():
    paths = {name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    assert POD["metadata"]["annotations"]["prometheus.io/path"] == "/metrics"
    server = sources_of_the_server()
    assert all(f'"{path}"' in server for path in (*paths.values(), "/metrics"))


def test_the_autoscalers_figure_is_one_that_the_server_has():
    (figure,) = [
        each["pods"]["metric"]["name"]
        for each in APPLIED["HorizontalPodAutoscaler"]["spec"]["metrics"]
        if each["type"] == "Pods"
    ]
    adapter = yaml.safe_load((KUBERNETES / "prometheus-adapter.yaml").read_text(encoding="utf-8"))
    (rule,) = adapter["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{figure}{{")
    assert f'"{figure}"' in sources_of_the_server()


def test_all_parts_speak_of_the_same_pods():
    labels = POD["metadata"]["labels"]
    assert APPLIED["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert APPLIED["Service"]["spec"]["selector"] == labels
    assert APPLIED["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert APPLIED["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert APPLIED["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "mlflow-mcp"


@pytest.mark.parametrize("grace", ["pod", "compose"])
def test_running_calls_may_finish_before_the_process_is_killed(grace):
    (finish,) = [
        field.default for field in Settings.model_fields.values() if field.alias == "MLFLOW_MCP_SHUTDOWN_SECONDS"
    ]
    if grace == "pod":
        waits = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][-1])
        assert POD["spec"]["terminationGracePeriodSeconds"] > waits + finish
    else:
        assert float(COMPOSE["services"]["mcp"]["stop_grace_period"].removesuffix("s")) > finish
