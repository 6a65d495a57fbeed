"""The command line: `mlflow-mcp` serves over stdio; `setup`, `doctor` and `demo` help a person to begin; `wait` waits for runs."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from mlflow_mcp import __version__
from mlflow_mcp.installation import shown
from mlflow_mcp.settings import Settings, SettingsError, unknown_variables

INTERRUPTED = 130  # what shells give for a command that Ctrl-C ended


def main(argv: list[str] | None = None) -> int:
    # MLflow is a million objects that live to the end. To look through them for garbage as often as Python does by itself
    # costs a fifth of the time of its import.
    gc.set_threshold(50_000, 20, 100)
    arguments = _parser(sys.argv[1:] if argv is None else argv).parse_args(argv)
    try:
        settings = Settings.from_environment(_with_flags(os.environ, arguments))
    except SettingsError as error:
        _tell(str(error))
        return 2
    if arguments.command == "demo":
        from mlflow_mcp.cli.demo.story import run_demo

        return run_demo(arguments.folder)
    if arguments.command in ("doctor", "setup"):
        try:
            return _help_to_begin(settings, arguments)
        except (KeyboardInterrupt, EOFError):  # EOFError: a question was answered with the end of the input
            return INTERRUPTED
    if arguments.command == "wait":
        from mlflow_mcp.cli.wait import run_wait

        try:
            code = run_wait(settings, arguments)
        except KeyboardInterrupt:
            code = INTERRUPTED
        _end(code)  # a thread that still waits for MLflow is not waited for
    for warning in unknown_variables(os.environ, settings.servers):
        _tell(warning)
    return serve(settings)


def _help_to_begin(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.command == "setup":
        from mlflow_mcp.cli.setup.command import run_setup

        return run_setup(settings, arguments, os.environ)
    from mlflow_mcp.cli.doctor import run_doctor

    return run_doctor(settings, unknown_variables(os.environ, settings.servers))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """What the words may be. The arguments of `wait` and `setup` are known only where one of these stands."""
    parser = argparse.ArgumentParser(
        prog="mlflow-mcp",
        description="An MCP server that gives AI agents exact, small answers from an MLflow tracking server.",
        epilog="Without a command it serves over stdio, as Claude Code, Cursor and other hosts start it. "
        "MLFLOW_TRACKING_URI names the MLflow server.",
    )
    parser.add_argument("--version", action="version", version=f"mlflow-mcp {__version__}")
    _add_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="command")
    serving = commands.add_parser("serve", help="serve over stdio (the default) or HTTP")
    _add_flags(serving)
    for flag, (_, meaning) in _HTTP_FLAGS.items():
        serving.add_argument(f"--{flag.replace('_', '-')}", default=argparse.SUPPRESS, help=meaning)
    commands.add_parser("doctor", help="say whether the configured MLflow server can be used, and what to set when not")
    demo = commands.add_parser(
        "demo", help="make a small local store and ask it eight questions, without any MLflow server"
    )
    wait = commands.add_parser("wait", help="wait for the next event of runs, then report it and exit with its code")
    if "wait" in words:  # its module imports the tools, which take a while
        from mlflow_mcp.cli.wait import add_arguments

        add_arguments(wait)
    setup = commands.add_parser("setup", help="write this server into the configuration of an agent's host")
    _add_flags(setup)
    if "setup" in words:
        from mlflow_mcp.cli.setup.command import add_arguments as add_setup_arguments

        add_setup_arguments(setup)
    demo.add_argument(
        "--folder", default="mlflow-mcp-demo", help="where the store is made or found (default: %(default)s)"
    )
    return parser


# The flags of `serve` stand for variables, which hosts can set as well.
_FLAGS = {"toolsets": "MLFLOW_MCP_TOOLSETS", "tools": "MLFLOW_MCP_TOOLS", "read_only": "MLFLOW_MCP_READ_ONLY"}
_HTTP_FLAGS = {
    "transport": ("MLFLOW_MCP_TRANSPORT", "stdio, or http for a team"),
    "host": ("MLFLOW_MCP_HOST", "the address to listen at over http"),
    "port": ("MLFLOW_MCP_PORT", "the port to listen at over http"),
    "tls_cert": ("MLFLOW_MCP_TLS_CERT", "a certificate (PEM) to serve https with"),
    "tls_key": ("MLFLOW_MCP_TLS_KEY", "its key (PEM)"),
}


def _add_flags(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: the command's parser would put its default over what was given before the command.
    parser.add_argument(
        "--toolsets",
        metavar="NAMES",
        default=argparse.SUPPRESS,
        help="groups of tools to offer: names, default, lean or all",
    )
    parser.add_argument("--tools", metavar="NAMES", default=argparse.SUPPRESS, help="single tools to offer")
    parser.add_argument(
        "--read-only",
        action="store_const",
        const="true",
        default=argparse.SUPPRESS,
        help="only tools that change nothing",
    )


def _with_flags(environ: Mapping[str, str], arguments: argparse.Namespace) -> dict[str, str]:
    variables = _FLAGS | {flag: variable for flag, (variable, _) in _HTTP_FLAGS.items()}
    given = {variable: value for flag, variable in variables.items() if (value := getattr(arguments, flag, None))}
    return {**environ, **given}


def serve(settings: Settings) -> NoReturn:
    """Serve over stdio until stdin closes or Ctrl-C, or over HTTP until SIGTERM or Ctrl-C, then end at once: a thread that still waits for MLflow is not waited
    for. The exit code is 0, or 1 after a failure, whose reason is then on stderr."""
    if settings.over_http:
        _ended(settings, _serve_http)
    if sys.stdin is None or sys.stdout is None:
        _tell("stdin or stdout is closed: the host has to keep both open.")
        _end(1)
    if sys.stdin.isatty():
        _tell(
            "This is an MCP server. An agent's host starts it and speaks JSON with it over stdin and stdout. "
            f"To check your setup, run `{shown('doctor')}`. Ctrl-C ends this."
        )
    _ended(settings, _serve_stdio)


def _serve_stdio(settings: Settings) -> None:
    _end_on_interrupt()
    import anyio

    from mlflow_mcp.server.app import build_server
    from mlflow_mcp.server.transports.stdio import serve_stdio

    anyio.run(serve_stdio, build_server(settings))


def _serve_http(settings: Settings) -> None:
    from mlflow_mcp.server.transports.http import serve_http

    serve_http(settings)


def _ended(settings: Settings, work: Callable[[Settings], None]) -> NoReturn:
    """Do the work, then end the process with its exit code and, after a failure, the reason on stderr."""
    code = 0
    try:
        work(settings)
    except KeyboardInterrupt:
        pass
    except SettingsError as error:
        code = 2
        _tell(str(error))
    except BaseException as error:
        reason = _first_of(error)
        if not isinstance(reason, BrokenPipeError):  # the host is gone: that is how a session ends, too
            code = 1
            advice = "" if settings.log_level == "DEBUG" else " MLFLOW_MCP_LOG_LEVEL=DEBUG shows where."
            _tell(f"The server failed ({type(reason).__name__}: {reason}).{advice}")
            if settings.log_level == "DEBUG":
                traceback.print_exception(reason)
    _end(code)


def _end_on_interrupt() -> None:
    """End at the first Ctrl-C. asyncio would cancel the server and then wait for the thread that reads stdin, which no
    cancellation reaches. A process that was started with SIGINT ignored keeps ignoring it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: _end(0))


def _end(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, or never opened
            stream.flush()
    os._exit(code)


def _first_of(error: BaseException) -> BaseException:
    """The failure itself: what runs on the event loop is wrapped in groups."""
    while inner := getattr(error, "exceptions", None):
        error = inner[0]
    return error


def _tell(sentence: str) -> None:
    with contextlib.suppress(Exception):
        print(f"mlflow-mcp: {sentence}", file=sys.stderr, flush=True)  # noqa: T201  # the operator's channel


if __name__ == "__main__":
    sys.exit(main())
