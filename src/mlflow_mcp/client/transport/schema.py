"""The schema of a database, compared with the one that the installed MLflow reads.

MLflow migrates a database in place when it opens one that lacks a newer table. Nothing is changed by looking: such a database
is refused before MLflow sees it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


def check_schema(uri: str) -> None:
    """Raise Problem when `uri` names a database whose schema is not the one of the installed MLflow. One that cannot be
    opened is left to MLflow, which says why."""
    if "://" not in uri or uri.startswith(("http://", "https://", "file:", "databricks")):
        return
    import mlflow
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        with create_engine(uri, poolclass=NullPool).connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    except (SQLAlchemyError, ImportError):
        return
    scripts = _migrations()
    expected = scripts.get_current_head()
    if revision == expected:
        return
    where = safe_uri(uri)
    if revision is None:
        raise Problem(f"The database {where} holds no MLflow data.", "Correct MLFLOW_TRACKING_URI.")
    is_older = any(script.revision == revision for script in scripts.walk_revisions())
    raise Problem(
        f"The database {where} was made by another version of MLflow: its schema is {revision}, and the MLflow "
        f"{mlflow.__version__} of this server reads {expected}.",
        f"Take a backup, then run `mlflow db upgrade {where}` with MLflow {mlflow.__version__}; or set MLFLOW_TRACKING_URI to a server that "
        "runs on it."
        if is_older
        else "It is newer: install a newer MLflow beside mlflow-mcp.",
    )


@cache
def _migrations() -> ScriptDirectory:
    """The migrations of the installed MLflow. To find the newest all of them are imported, once."""
    import mlflow.store.db_migrations
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(next(iter(mlflow.store.db_migrations.__path__)))))
