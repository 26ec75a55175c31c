"""Servers that a run starts: each is ended with the run, however that ends, and tells what it costs meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from services import wait_until

_TICKS = os.sysconf("SC_CLK_TCK")
_END_DEADLINE = 20.0


class Server(AbstractContextManager["Server"]):
    """A server of a peer, its output in a file; used as a context it is ready at the beginning and gone at the end."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path, is_ready: Callable[[], bool],
                 stop_signal: int = signal.SIGTERM, user: str | None = None,
                 environment: Mapping[str, str] | None = None) -> None:  # fmt: skip
        self.name = name
        self._command, self._folder, self._is_ready = command, folder, is_ready
        self._stop_signal, self._user, self._environment = stop_signal, user, environment
        self._output_file = folder / f"{name}.log"

    def __enter__(self) -> Server:
        with open(self._output_file, "wb") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder,
                user=self._user, group=self._user, extra_groups=[] if self._user else None,
                env=None if self._environment is None else os.environ | dict(self._environment),
            )  # fmt: skip
        try:
            wait_until(self._answers, f"{self.name} is ready", 30)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            output = self._output_file.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{output}")
        return self._is_ready()

    def _end(self) -> None:
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(_END_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def accepts(port: int) -> bool:
    """Whether somebody listens at the port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def processor_seconds(pid: int) -> float:
    """What the process has used of the processors, in its own code and in the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mebibytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def bytes_written(pid: int) -> int:
    """What the process has caused to be written to disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))
