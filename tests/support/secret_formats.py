"""Made-up keys as providers draw them today, and the ways in which one stands in a file, an answer or a sentence."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable
from typing import Any, NamedTuple

_ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "w": string.ascii_letters + string.digits + "-_",
    "l": string.ascii_letters,
    "h": "0123456789abcdef",
    "d": string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "s": string.ascii_lowercase + string.digits,
    "u": string.ascii_uppercase + string.digits,
    "U": string.ascii_uppercase + "234567",
    "p": string.ascii_letters + string.digits + "!#%^*+-_=~.",
}
_PART = re.compile(r"\{([a-zA-Z])(\d+)\}")

# `{a20}`: twenty random characters of the alphabet `a`. What begins with no sign of its own is told by its name alone.
SHAPED = {
    "OpenAI (old)": ("OPENAI_API_KEY", "sk-{a20}T3BlbkFJ{a20}"),
    "OpenAI project": ("OPENAI_API_KEY", "sk-proj-{w74}T3BlbkFJ{w74}"),
    "OpenAI project (first)": ("OPENAI_API_KEY", "sk-proj-{a48}"),
    "OpenAI service account": ("OPENAI_API_KEY", "sk-svcacct-{w74}T3BlbkFJ{w74}"),
    "OpenAI admin": ("OPENAI_ADMIN_KEY", "sk-admin-{w58}T3BlbkFJ{w58}"),
    "Anthropic": ("ANTHROPIC_API_KEY", "sk-ant-api03-{w93}AA"),
    "Anthropic OAuth": ("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-{w93}AA"),
    "Hugging Face": ("HF_TOKEN", "hf_{l34}"),
    "Hugging Face organization": ("HF_TOKEN", "api_org_{l34}"),
    "NVIDIA": ("NVIDIA_API_KEY", "nvapi-{w64}"),
    "Google API": ("GOOGLE_API_KEY", "AIza{w35}"),
    "Google OAuth": ("GOOGLE_ACCESS_TOKEN", "ya29.{w180}"),
    "Google client secret": ("CLIENT_SECRET", "GOCSPX-{w28}"),
    "GitHub classic": ("GITHUB_TOKEN", "ghp_{a36}"),
    "GitHub server": ("GITHUB_TOKEN", "ghs_{a36}"),
    "GitHub fine-grained": ("GITHUB_TOKEN", "github_pat_{a22}_{a59}"),
    "GitLab": ("GITLAB_TOKEN", "glpat-{w20}"),
    "GitLab routable": ("GITLAB_TOKEN", "glpat-{w27}.{s2}{s7}"),
    "GitLab runner": ("RUNNER_TOKEN", "glrt-{w20}"),
    "GitLab trigger": ("TRIGGER_TOKEN", "glptt-{h40}"),
    "AWS key id": ("AWS_ACCESS_KEY_ID", "AKIA{U16}"),
    "AWS temporary key id": ("AWS_ACCESS_KEY_ID", "ASIA{U16}"),
    "AWS Bedrock": ("AWS_BEARER_TOKEN_BEDROCK", "ABSK{b109}="),
    "Azure client secret": ("AZURE_CLIENT_SECRET", "{a3}8Q~{w34}"),
    "Slack bot": ("SLACK_BOT_TOKEN", "xoxb-{d12}-{d13}-{a24}"),
    "Slack user": ("SLACK_TOKEN", "xoxp-{d12}-{d12}-{d13}-{h32}"),
    "Slack app": ("SLACK_APP_TOKEN", "xapp-1-A{u10}-{d13}-{h64}"),
    "Stripe": ("STRIPE_API_KEY", "sk_live_{a99}"),
    "Stripe restricted": ("STRIPE_API_KEY", "rk_live_{a24}"),
    "Stripe webhook": ("STRIPE_WEBHOOK_SECRET", "whsec_{a32}"),
    "Twilio": ("TWILIO_API_KEY", "SK{h32}"),
    "SendGrid": ("SENDGRID_API_KEY", "SG.{w22}.{w43}"),
    "Mailgun": ("MAILGUN_API_KEY", "key-{h32}"),
    "npm": ("NPM_TOKEN", "npm_{a36}"),
    "PyPI": ("PYPI_TOKEN", "pypi-AgEIcHlwaS5vcmc{w150}"),
    "Docker Hub": ("DOCKER_TOKEN", "dckr_pat_{w27}"),
    "Databricks": ("DATABRICKS_TOKEN", "dapi{h32}"),
    "Groq": ("GROQ_API_KEY", "gsk_{a52}"),
    "Replicate": ("REPLICATE_API_TOKEN", "r8_{a37}"),
    "xAI": ("XAI_API_KEY", "xai-{a80}"),
    "Perplexity": ("PERPLEXITY_API_KEY", "pplx-{a48}"),
    "Fireworks": ("FIREWORKS_API_KEY", "fw_{a22}"),
    "Together": ("TOGETHER_API_KEY", "tgp_v1_{w43}"),
    "OpenRouter": ("OPENROUTER_API_KEY", "sk-or-v1-{h64}"),
    "DeepSeek": ("DEEPSEEK_API_KEY", "sk-{h32}"),
    "Langfuse": ("LANGFUSE_SECRET_KEY", "sk-lf-{h8}-{h4}-{h4}-{h4}-{h12}"),
    "LangSmith": ("LANGSMITH_API_KEY", "lsv2_pt_{h32}_{h10}"),
    "W&B": ("WANDB_API_KEY", "wandb_v1_{a77}"),
    "Pinecone": ("PINECONE_API_KEY", "pcsk_{a6}_{a63}"),
    "Voyage": ("VOYAGE_API_KEY", "pa-{w43}"),
    "Cerebras": ("CEREBRAS_API_KEY", "csk-{s48}"),
    "RunPod": ("RUNPOD_API_KEY", "rpa_{u42}"),
    "Tavily": ("TAVILY_API_KEY", "tvly-dev-{a32}"),
    "Jina": ("JINA_API_KEY", "jina_{h32}{w27}"),
    "ElevenLabs": ("ELEVENLABS_API_KEY", "sk_{h48}"),
    "Vault": ("VAULT_TOKEN", "hvs.{w90}"),
    "Vault batch": ("VAULT_TOKEN", "hvb.{w138}"),
    "Telegram": ("TELEGRAM_BOT_TOKEN", "{d10}:AA{w33}"),
    "Discord": ("DISCORD_TOKEN", "MT{a24}.G{w5}.{w38}"),
    "Grafana": ("GRAFANA_TOKEN", "glsa_{a32}_{h8}"),
    "Sentry": ("SENTRY_AUTH_TOKEN", "sntrys_eyJpYXQiOj{a120}_{b43}"),
    "Tailscale": ("TS_AUTHKEY", "tskey-auth-k{a11}CNTRL-{a32}"),
    "DigitalOcean": ("DIGITALOCEAN_TOKEN", "dop_v1_{h64}"),
    "Shopify": ("SHOPIFY_TOKEN", "shpat_{h32}"),
    "Postman": ("POSTMAN_API_KEY", "PMAK-{h24}-{h34}"),
    "Atlassian": ("ATLASSIAN_API_TOKEN", "ATATT3xFfGF0{w172}={u8}"),
    "Linear": ("LINEAR_API_KEY", "lin_api_{a40}"),
    "Figma": ("FIGMA_TOKEN", "figd_{w40}"),
    "Notion": ("NOTION_TOKEN", "ntn_{d11}{a35}"),
    "Airtable": ("AIRTABLE_TOKEN", "pat{a14}.{h64}"),
    "Supabase": ("SUPABASE_ACCESS_TOKEN", "sbp_{h40}"),
    "PlanetScale": ("PLANETSCALE_TOKEN", "pscale_tkn_{w43}"),
    "Doppler": ("DOPPLER_TOKEN", "dp.pt.{a43}"),
    "New Relic": ("NEW_RELIC_API_KEY", "NRAK-{u27}"),
    "Terraform": ("TFE_TOKEN", "{a14}.atlasv1.{w67}"),
    "Prefect": ("PREFECT_API_KEY", "pnu_{a36}"),
    "Pulumi": ("PULUMI_ACCESS_TOKEN", "pul-{h40}"),
    "Netlify": ("NETLIFY_AUTH_TOKEN", "nfp_{a36}"),
    "Artifactory": ("ARTIFACTORY_API_KEY", "AKCp{a69}"),
    "SonarQube": ("SONAR_TOKEN", "squ_{h40}"),
    "Brevo": ("BREVO_API_KEY", "xkeysib-{h64}-{a16}"),
    "HubSpot": ("HUBSPOT_TOKEN", "pat-na1-{h8}-{h4}-{h4}-{h4}-{h12}"),
    "Dynatrace": ("DYNATRACE_TOKEN", "dt0c01.{u24}.{u64}"),
    "age": ("AGE_SECRET_KEY", "AGE-SECRET-KEY-1{u58}"),
    "OpenShift": ("OPENSHIFT_TOKEN", "sha256~{w43}"),
    "a web token": ("ID_TOKEN", "eyJhbGciOiJIUzI1NiJ9.eyJ{a60}.{w43}"),
    "Slack webhook": ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T{u10}/B{u10}/{a24}"),
    "Azure shared access": ("SAS_URL", "https://a.blob.core.windows.net/c?sv=2024-11-04&sig={a43}%3D"),
    "Azure storage": ("AZURE_STORAGE_CONNECTION_STRING", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={b86}==;EndpointSuffix=core.windows.net"),
    "an address with a password": ("DATABASE_URL", "postgresql://ana:{a20}@db.example:5432/mlflow"),
}  # fmt: skip
NAMED = {
    "AWS secret": ("AWS_SECRET_ACCESS_KEY", "{b40}"),
    "AWS session": ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2Vj{b300}"),
    "W&B (old)": ("WANDB_API_KEY", "{h40}"),
    "Azure OpenAI": ("AZURE_OPENAI_API_KEY", "{h32}"),
    "Cohere": ("COHERE_API_KEY", "{a40}"),
    "Mistral": ("MISTRAL_API_KEY", "{a32}"),
    "Datadog": ("DD_API_KEY", "{h32}"),
    "Kaggle": ("KAGGLE_KEY", "{h32}"),
    "a UUID": ("EXA_API_KEY", "{h8}-{h4}-{h4}-{h4}-{h12}"),
    "a password": ("DB_PASSWORD", "{p16}"),
    "a password of capitals": ("db_password", "{u14}"),
    "a client secret": ("client_secret", "{w40}"),
    "a signing key": ("JWT_SIGNING_KEY", "{b43}="),
    "a refresh token": ("refresh_token", "{w64}"),
}


class MadeUp(NamedTuple):
    """One key, the name that it usually stands under, and its random parts."""

    name: str
    key: str
    parts: list[str]


def made_up(name: str, form: str, drawn: random.Random) -> MadeUp:
    """A key of this form."""
    parts: list[str] = []

    def draw(match: re.Match[str]) -> str:
        alphabet = _ALPHABETS[match[1]]
        part = "".join(drawn.choice(alphabet) for _ in range(int(match[2])))
        parts.append(part)
        return part

    return MadeUp(name, _PART.sub(draw, form), parts)


def left_of(made: MadeUp, shown: str, most: int = 5) -> str:
    """The first piece of the key's random parts, longer than `most` characters, that is in what is shown; else nothing."""
    for part in made.parts:
        for at in range(max(1, len(part) - most)):
            piece = part[at : at + most + 1]
            if len(piece) > 3 and piece in shown:
                return piece
    return ""


# A text, or a value of an answer. Those of OF_SHAPES give no name: only a key's own look tells it there.
Carrier = Callable[[MadeUp], Any]

OF_SHAPES: dict[str, Carrier] = {
    "a plain line": lambda made: f"2026-10-12 02:00:01 INFO using {made.key} for requests",
    "at a line's end": lambda made: f"using {made.key}\nnext",
    "brackets": lambda made: f"Client(({made.key}), 'x')",
    "a neutral YAML key": lambda made: f"x:\n  value: {made.key}\n",
    "a neutral JSON value": lambda made: json.dumps({"value": made.key}),
    "JSON in JSON": lambda made: json.dumps({"body": json.dumps({"value": made.key})}),
    "a bearer header": lambda made: f"Authorization: Bearer {made.key}",
    "a sentence of an error": lambda made: f"Incorrect key provided: '{made.key}'. You can find your key at x.",
    "Python's repr": lambda made: repr({"value": made.key, "n": [made.key]}),
    "a file's name": lambda made: f"logs/{made.key}.yml",
    "a URL's query": lambda made: f"GET https://api.example/v1?q={made.key}&page=2",
    "a neutral cell": lambda made: {"columns": ["run_id", "params.x"], "rows": [["r", made.key]]},
    "a key of an object": lambda made: {made.key: 1},
    "a neutral CSV line": lambda made: f"1,{made.key},0.5\n2,{made.key},0.25",
    "with a colour": lambda made: f"\x1b[32m{made.key}\x1b[0m",
    "glued to a word": lambda made: f"key={made.key};next=1",
}
BY_NAME: dict[str, Carrier] = {
    "a line of YAML": lambda made: f"env:\n  {made.name}: {made.key}\n  x: 1",
    "quoted YAML": lambda made: f"{made.name}: '{made.key}'",
    "a list item of YAML": lambda made: f"- {made.name.lower()}: \"{made.key}\"",
    "JSON": lambda made: json.dumps({made.name: made.key, "x": 1}),
    "indented JSON": lambda made: json.dumps({"a": {made.name.lower(): made.key}}, indent=2),
    "JSON in JSON": lambda made: json.dumps({"body": json.dumps({made.name: made.key})}),
    "JSON in JSON in JSON": lambda made: json.dumps({"b": json.dumps({"c": json.dumps({made.name: made.key})})}),
    "an environment line": lambda made: f"export {made.name}={made.key}",
    "a quoted environment line": lambda made: f'{made.name}="{made.key}" python run.py',
    "a header": lambda made: f"{made.name.replace('_', '-')}: {made.key}",
    "a URL's query": lambda made: f"https://api.example/v1?{made.name.lower()}={made.key}&page=2"
    if "&" not in made.key else f"{made.name}={made.key}",
    "an option": lambda made: f"run --{made.name.lower().replace('_', '-')} '{made.key}' --x 1",
    "an option with =": lambda made: f"run --{made.name.lower()}='{made.key}' --x 1",
    "Python's repr": lambda made: repr({made.name: made.key, "x": 1}),
    "a keyword of Python": lambda made: f"Client({made.name.lower()}={made.key!r}, n=1)",
    "an environment list": lambda made: f"- name: {made.name}\n  value: \"{made.key}\"\n- name: X\n  value: 1",
    "an environment list in JSON": lambda made: json.dumps([{"name": made.name, "value": made.key}]),
    "TOML": lambda made: f'[a]\n{made.name.lower()} = "{made.key}"\n',
    "a key of an answer": lambda made: {"params": {f"config.env.{made.name}": made.key}},
    "a column": lambda made: {"columns": ["run_id", f"params.{made.name}"], "rows": [["r", made.key]]},
    "a cell beside its name": lambda made: {"columns": ["param", "A", "B"], "rows": [[made.name, made.key, [made.key]]]},
    "a note": lambda made: f"Param '{made.name}' has in all 5 runs the values '{made.key}'.",
    "an error": lambda made: f"Error: invalid {made.name.lower()}='{made.key}' for request",
    "a table of Markdown": lambda made: f"| {made.name} | {made.key} |",
    "a CSV file": lambda made: f"run,{made.name},score\n1,{made.key},0.5\n2,{made.key},0.25\n",
    "a unified diff": lambda made: f"@@ -1 +1 @@\n-{made.name}: {made.key}\n+{made.name}: {made.key}\n",
    "a docker option": lambda made: f"docker run -e {made.name}='{made.key}' image:1",
}  # fmt: skip
