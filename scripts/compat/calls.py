"""What every server is asked: each read tool with right and with wrong arguments. `{name}` is the id of what fill.py called so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

UNKNOWN = "0123456789abcdef0123456789abcdef"
INVOCATION = "c0ffee71f3f3199e"


@dataclass(frozen=True)
class Call:
    tool: str
    arguments: dict[str, Any]
    is_refused: bool = False
    """Whether the right answer is an error."""

    @property
    def name(self) -> str:
        written = ", ".join(f"{name}={json.dumps(value)}" for name, value in self.arguments.items())
        return f"{self.tool}({written})"

    def arguments_for(self, ids: dict[str, str]) -> dict[str, Any]:
        text = json.dumps(self.arguments)
        for name, value in ids.items():
            text = text.replace(f"{{{name}}}", value)
        arguments: dict[str, Any] = json.loads(text)
        return arguments


def right(tool: str, **arguments: Any) -> Call:
    return Call(tool, arguments)


def wrong(tool: str, **arguments: Any) -> Call:
    return Call(tool, arguments, is_refused=True)


CALLS = (
    right("get_server_info"),
    right("resolve_id", id="{trial-0}"),
    right("resolve_id", id=INVOCATION),
    right("resolve_id", id=f"{INVOCATION}.1"),
    right("resolve_id", id="{gone}"),
    right("resolve_id", id="training"),
    wrong("resolve_id", id=UNKNOWN),
    right("search_experiments"),
    right("search_experiments", name="train"),
    right("search_experiments", query="name = 'training'"),
    right("search_experiments", limit=1),
    right("search_experiments", name="no such"),
    wrong("search_experiments", query="name = training"),
    right("describe_experiment", experiment_id="training"),
    right("describe_experiment", experiment_id="evaluations"),
    wrong("describe_experiment", experiment_id="no such"),
    wrong("describe_experiment", experiment_id="old plans"),
    right("query_runs"),
    right("query_runs", experiment_id="training", query="params.lr = '0.1'"),
    right("query_runs", experiment_id="training", query="metrics.loss < 1.5", order_by=["metrics.loss ASC"]),
    right("query_runs", experiment_id="training", query="attributes.status = 'FAILED'"),
    right("query_runs", experiment_id="training", limit=2),
    right("query_runs", experiment_id="training", deleted=True),
    right("query_runs", experiment_id="training", query="tags.team LIKE '%nl%'", metrics=["loss"], params=["lr"]),
    wrong("query_runs", query="metrics.loss < 'abc'"),
    wrong("query_runs", query="params.lr = '0.1' OR params.lr = '0.01'"),
    right("search_runs_by_tags", tags={"invocation_id": INVOCATION}),
    right("search_runs_by_tags", tags={"invocation_id": "nothing"}),
    right("get_invocation", invocation_id=INVOCATION),
    right("get_invocation", invocation_id=INVOCATION[:6]),
    right("get_invocation", invocation_id=INVOCATION, verify=True),
    wrong("get_invocation", invocation_id="ffffffffffffffff"),
    right("get_run", run_id="{job0}"),
    right("get_run", run_id="{sweep}"),
    right("get_run", run_id="{trial-1}"),
    right("get_run", run_id="trial-0"),
    right("get_run", run_id="{gone}"),
    wrong("get_run", run_id=UNKNOWN),
    right("best_runs", metric="accuracy", mode="max"),
    right("best_runs", metric="loss", mode="min", experiment_id="training"),
    wrong("best_runs", metric="acuracy", mode="max"),
    right("compare_runs", run_ids=["{trial-0}", "{trial-1}"]),
    right("compare_runs", run_ids=["{job0}", "{job1}"]),
    wrong("compare_runs", run_ids=["{trial-0}", UNKNOWN]),
    right("find_similar_runs", run_id="{trial-0}"),
    right("find_similar_runs", params={"lr": 0.1}),
    right("compare_samples", run_ids=["{trial-0}", "{trial-1}"]),
    wrong("compare_samples", run_ids=["{job0}", "{job1}"]),
    right("check_run", run_ids=["{trial-1}"]),
    right("check_run", run_ids=["{failed}"]),
    wrong("check_run", run_ids=[UNKNOWN]),
    right("aggregate_runs", metrics=["accuracy"], group_by=["params.model"]),
    right("aggregate_runs", metrics=["loss"], experiment_id="training"),
    right("get_metric_history", run_ids=["{trial-0}", "{trial-1}"], metrics=["loss"], max_points=5),
    right("get_metric_history", run_ids=["{trial-1}"], metrics=["loss"], start_step=140, end_step=160, exact=True),
    wrong("get_metric_history", run_ids=["{trial-0}"], metrics=["los"]),
    right("plot_metrics", run_ids=["{trial-0}", "{trial-1}"], metrics=["loss"]),
    right("export_runs", path="runs.csv", experiment_id="training", overwrite=True),
    right("list_artifacts", run_id="{job0}"),
    right("list_artifacts", run_id="{job0}", recursive=True),
    right("list_artifacts", run_id="{job0}", pattern="**/*.log"),
    right("list_artifacts", run_id="{still}"),
    right("list_artifacts", run_id="models:/shop/1"),
    wrong("list_artifacts", run_id="{job0}", path="no/such"),
    wrong("list_artifacts", run_id=UNKNOWN),
    right("get_artifact_content", run_id="{job0}", artifact_path="config.yml"),
    right("get_artifact_content", run_id="{job0}", artifact_path="config.yaml"),
    right("get_artifact_content", run_id="{job0}", artifact_path="client-4815.log", tail=3),
    right("get_artifact_content", run_id="{job0}", artifact_path="artifacts/results.yml", select="results.tasks"),
    right("get_artifact_content", run_id="models:/shop@best", artifact_path="MLmodel"),
    wrong("get_artifact_content", run_id="models:/shop/1", artifact_path="nope"),
    wrong("get_artifact_content", run_id="{job0}", artifact_path="client.lg"),
    wrong("get_artifact_content", run_id="{job0}", artifact_path="simple_evals.gpqa"),
    wrong("get_artifact_content", run_id="{still}", artifact_path="config.yml"),
    wrong("get_artifact_content", run_id=UNKNOWN, artifact_path="config.yml"),
    right("search_artifacts", run_ids=["{job0}", "{job1}"], pattern="ERROR \\d+", max_matches=2),
    right("search_artifacts", run_ids=[INVOCATION], pattern="no such words"),
    right("diff_artifacts", run_ids=["{job0}", "{job1}"], artifact_path="config"),
    right("diff_artifacts", run_ids=["{job0}", "{job1}"], artifact_path="run_config.yml"),
    wrong("diff_artifacts", run_ids=["{job0}", "{still}"], artifact_path="results.yml"),
    right("download_artifacts", run_ids=["{job0}"], paths=["config.yml"]),
    wrong("download_artifacts", run_ids=["{job0}"], paths=["no-such.txt"]),
    right("search_models"),
    right("search_models", experiment_id="training", query="name LIKE 'check%'"),
    right("search_models", registered=True),
    wrong("search_models", query="name = check"),
    right("get_model", model="shop"),
    right("get_model", model="models:/shop@best"),
    right("get_model", model="{logged}"),
    wrong("get_model", model="no such"),
    right("search_traces", experiment_id="traced"),
    right("search_traces", experiment_id="traced", query="status = 'ERROR'"),
    right("search_traces", experiment_id="traced", query="name = 'agent'", limit=2),
    wrong("search_traces", experiment_id="traced", query="no.such = 'x'"),
    right("get_trace", trace_id="{trace}"),
    right("get_trace", trace_id="{trace}", span="search"),
    wrong("get_trace", trace_id=f"tr-{UNKNOWN}"),
    right("summarize_traces", experiment_id="traced"),
    right("summarize_traces", experiment_id="traced", group_by="status"),
    wrong("summarize_traces", experiment_id="traced", group_by="colour"),
    right("search_genai", kind="prompts"),
    right("search_genai", kind="datasets"),
    wrong("search_genai", kind="poems"),
    right("get_prompt", prompt="greeting"),
    right("get_prompt", prompt="greeting", compare_to="1"),
    wrong("get_prompt", prompt="no such"),
    right("get_dataset", dataset="questions"),
    wrong("get_dataset", dataset="no such"),
)

# The first right and the first wrong call of each tool.
BRIEFLY = tuple({(call.tool, call.is_refused): call for call in reversed(CALLS)}.values())
