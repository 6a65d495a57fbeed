"""An MCP server that gives AI agents exact, small answers from an MLflow tracking server."""

__version__ = "0.1.0"
