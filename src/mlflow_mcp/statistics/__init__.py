"""Statistics of plain numbers: exact tests, intervals, families of tests. Knows neither MLflow nor an answer."""
