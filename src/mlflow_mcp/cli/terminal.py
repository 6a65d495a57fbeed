"""What the commands for people write on: a terminal with its width and colours, or a plain file."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

WIDEST = 110
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


class Terminal:
    """stdout. Styles are written only where they are seen as such: on a tty, unless NO_COLOR is set."""

    def __init__(self) -> None:
        self.width = min(shutil.get_terminal_size((100, 24)).columns, WIDEST)
        self._styled = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        # A console that cannot write an arrow shows a question mark instead of ending the program.
        getattr(sys.stdout, "reconfigure", lambda **_: None)(errors="replace")

    def say(self, text: str = "", style: str = "", *, end: str = "\n") -> None:
        """Write at once: what follows may take seconds."""
        marked = f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self._styled and style else text
        try:
            sys.stdout.write(marked + end)
            sys.stdout.flush()
        except BrokenPipeError:  # `| head` has read enough: the rest is written to nobody
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def paragraph(self, text: str, style: str = "", *, indent: str = "", hanging: str | None = None) -> None:
        """Write text broken at the terminal's width; lines after the first begin with `hanging`."""
        for line in wrapped(text, self.width, indent, hanging):
            self.say(line, style)


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """The text in lines of at most `width`; a longer word, such as a path to copy, is left whole."""
    later = indent if hanging is None else hanging
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
