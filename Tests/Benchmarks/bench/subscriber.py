"""Subscribers in C, as processes of their own: they look at what is published, and repair nothing."""

from __future__ import annotations

import json
import subprocess
from array import array
from contextlib import AbstractContextManager
from pathlib import Path

from bench import native
from services import Daybook

_GRACE = 60.0


class Subscriber(AbstractContextManager["Subscriber"]):
    """Used as a context its subscription is live at the beginning."""

    def __init__(self, daybook: Daybook, seconds: float, trace: Path | None = None) -> None:
        self._command = [native.program("log_subscribe"), daybook.settings["EVENT_LOG_EVENTS_ENDPOINT"],
                         str(seconds + _GRACE), *([trace] if trace else [])]  # fmt: skip

    def __enter__(self) -> Subscriber:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        if line != "ready\n":
            self.__exit__()
            raise RuntimeError(f"a subscriber was not ready, but said {line!r}")
        return self

    def seen_up_to(self, position: int) -> dict:
        """What it saw, once the log has ended at the position."""
        printed, _ = self._process.communicate(f"{position}\n", timeout=_GRACE)
        return json.loads(printed)

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def read_trace(path: Path) -> dict[int, int]:
    """Nanoseconds by position."""
    pairs = array("Q", path.read_bytes())
    return dict(zip(pairs[::2], pairs[1::2], strict=True))
