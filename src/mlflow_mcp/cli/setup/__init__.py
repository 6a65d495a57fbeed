"""`mlflow-mcp setup`: writes this server into the configuration of an agent's host, and takes it out again."""
