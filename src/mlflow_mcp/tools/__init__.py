"""The tools, one module per noun of MLflow. Plain functions: ask MLflow, shape, return a model."""
