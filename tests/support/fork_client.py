"""Stands for a process that `python_forks.py` forks. Run with nothing but Python's own library: it has to start at once."""

import json
import os
import signal
import socket
import sys


def main(address: str, executable: str, *arguments: str) -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    socket.send_fds(connection, [b"\0"], [0, 1, 2])
    request = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "executable": executable,
        "folder": os.getcwd(),  # noqa: PTH109  # pathlib takes as long to import as all of this
    }
    connection.sendall(json.dumps(request).encode() + b"\n")
    told = connection.makefile()
    pid = int(told.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: os.kill(pid, received))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # the process has them; who reads from it must see its end
        os.dup2(nowhere, stream)
    code = int(told.readline())
    if code < 0:  # a signal ended it
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main(*sys.argv[1:])
