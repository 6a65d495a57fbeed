"""`mlflow-mcp demo`: a small store of made-up evaluations, and the real server answering questions about it."""
