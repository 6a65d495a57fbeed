"""What Claude Desktop starts out of the bundle: the server, over stdio."""

import sys

from mlflow_mcp.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["serve"]))
