"""How requests reach MLflow: one identity's connection, HTTP, threads, local stores."""
