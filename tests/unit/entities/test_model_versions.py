"""The registered versions that a logged model's tag names."""

from __future__ import annotations

import json

from mlflow_mcp.entities.model import ModelView


def test_a_version_that_mlflow_noted_twice_is_one():
    """Its client and its server both note it when a model is registered as it is logged."""
    from mlflow.entities import LoggedModel

    noted = [{"name": "shop", "version": 2}, {"name": "shop", "version": 2}, {"name": "kiosk", "version": "1"}]
    model = LoggedModel("1", "m-1", "clf", "s3://b/m-1", 1, 1, tags={"mlflow.modelVersions": json.dumps(noted)})

    assert ModelView.of(model, {}).versions == ("shop/2", "kiosk/1")
