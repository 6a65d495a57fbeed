"""Fill an MLflow store with the demo's data: evaluations with their traps, fine-tuning curves, a sweep.

    mlflow server --port 5000 &
    python examples/seed_store.py http://127.0.0.1:5000

Everything is made up. A store that was filled before is left as it is, and MLflow says so.
"""

import sys

from mlflow_mcp.cli.demo.data import seed

if len(sys.argv) != 2:
    sys.exit("usage: python examples/seed_store.py <tracking URI>")
seeded = seed(sys.argv[1])
print(f"{len(seeded.runs)} runs in {', '.join(seeded.experiments)}.")
print(f"Ask for invocation {seeded.candidate}, or compare it with {seeded.baseline}.")
