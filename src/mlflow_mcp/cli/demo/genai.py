"""The demo's prompt with two versions and its evaluation dataset. A scorer is left out: MLflow's client writes one only with
the full mlflow package installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROMPT = "support-answer"
DATASET = "support-golden"
_FIRST = "You are the support agent of a shop.\nLook orders up before you answer.\n\nQuestion: {{question}}"
_RULE = "Never promise a date that you did not read."
_EXPECTED = {
    "Where is my order 10400?": "It arrives on Thursday.",
    "I want a refund for order 10407.": "42.50 EUR are on their way.",
    "My parcel 10421 arrived broken.": "A replacement ships tomorrow.",
}


def seed_genai(client: MlflowClient, experiment_id: str) -> None:
    """Version 1 of the prompt is in production, version 2 has a rule more; the dataset has three records."""
    client.register_prompt(PROMPT, _FIRST, "First version")
    second = _FIRST.replace("\n\n", f"\n{_RULE}\n\n")
    client.register_prompt(PROMPT, second, "No invented dates")
    client.set_prompt_alias(PROMPT, "production", 1)
    dataset = client.create_dataset(DATASET, experiment_id, {"team": "support"})
    source = {"source_type": "HUMAN", "source_data": {"user_name": "ana"}}
    records = [
        {"inputs": {"question": question}, "expectations": {"expected_response": answer}, "source": source}
        for question, answer in _EXPECTED.items()
    ]
    # The dataset's own method needs pandas.
    client._tracking_client.store.upsert_dataset_records(dataset.dataset_id, records)
