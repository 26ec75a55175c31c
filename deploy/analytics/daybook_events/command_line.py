"""What programs on this package share: their options for the log, and how they end."""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Callable

from daybook_events.endpoints import Endpoints
from daybook_events.failures import DaybookError
from daybook_events.keys import Keys


def add_endpoints(parser: argparse.ArgumentParser) -> None:
    events = os.environ.get("EVENT_LOG_EVENTS_ENDPOINT") or Endpoints.events
    read = os.environ.get("EVENT_LOG_READ_ENDPOINT") or Endpoints.read
    parser.add_argument("--events", default=events, metavar="ENDPOINT",
                        help="where events are published; of services that lead in turn, all, separated by commas "
                             "(EVENT_LOG_EVENTS_ENDPOINT, %(default)s)")  # fmt: skip
    parser.add_argument("--read", default=read, metavar="ENDPOINT",
                        help="where the log is read; likewise (EVENT_LOG_READ_ENDPOINT, %(default)s)")  # fmt: skip


def endpoints(options: argparse.Namespace) -> Endpoints:
    """Where the options say that the log is, and the keys that the environment names: keys are no options."""
    try:
        return Endpoints(options.events, options.read, Keys.from_environment())
    except ValueError as error:
        raise DaybookError(str(error)) from error


def at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return value


def printable(value: object) -> str:
    """A value for a terminal: names come from whoever opened an account, and must not steer it."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


# How many seconds a program that is not there to wait gives the log.
PATIENCE = 5.0


class Stop:
    """Becomes true when the process is asked to end, so that what is under way is finished first."""

    def __init__(self) -> None:
        self._is_asked = False
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._ask)

    def __bool__(self) -> bool:
        return self._is_asked

    def _ask(self, *_: object) -> None:
        self._is_asked = True


def run(program: Callable[[Stop], None]) -> int:
    """The exit code of a program: 0, or 1 after the line that says why."""
    try:
        program(Stop())
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has enough. Python's own flush at the end must not complain about it either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (DaybookError, sqlite3.Error, OSError) as error:
        print(f"{os.path.basename(sys.argv[0])}: {printable(error)}", file=sys.stderr)
        return 1
    return 0
