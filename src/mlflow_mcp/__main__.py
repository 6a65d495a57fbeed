"""The command line: `mlflow-mcp` serves over stdio; `demo` and `doctor` help a person to begin."""

from __future__ import annotations

import argparse
import os
import sys

from mlflow_mcp import __version__
from mlflow_mcp.settings import Settings, SettingsError, unknown_variables


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="mlflow-mcp",
        description="An MCP server that gives AI agents exact, small answers from an MLflow tracking server.",
        epilog="Without a command it serves over stdio, as Claude Code, Cursor and other hosts start it. "
        "MLFLOW_TRACKING_URI names the MLflow server.",
    )
    parser.add_argument("--version", action="version", version=f"mlflow-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve over stdio (the default)")
    commands.add_parser("doctor", help="say whether the configured MLflow server can be used, and what to set when not")
    demo = commands.add_parser(
        "demo", help="make a small local store and ask it five questions, without any MLflow server"
    )
    demo.add_argument(
        "--folder", default="mlflow-mcp-demo", help="where the store is made or found (default: %(default)s)"
    )
    arguments = parser.parse_args(argv)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(f"mlflow-mcp: {error}", file=sys.stderr)  # noqa: T201  # the operator's channel
        return 2
    if arguments.command == "demo":
        from mlflow_mcp.cli.demo.story import run_demo

        return run_demo(arguments.folder)
    if arguments.command == "doctor":
        from mlflow_mcp.cli.doctor import run_doctor

        return run_doctor(settings, unknown_variables(os.environ))
    for warning in unknown_variables(os.environ):
        print(f"mlflow-mcp: {warning}", file=sys.stderr)  # noqa: T201  # the operator's channel
    serve(settings)
    return 0


def serve(settings: Settings) -> None:
    """Serve over stdio until stdin closes, then end at once: a thread that still waits for MLflow is not waited for."""
    from mlflow_mcp.server.app import build_server

    try:
        build_server(settings).run("stdio")
    except KeyboardInterrupt:
        pass
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
