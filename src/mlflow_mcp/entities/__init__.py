"""Pure views on MLflow entities: no I/O."""
