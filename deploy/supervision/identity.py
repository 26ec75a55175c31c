"""Tells a process from a later one that was given the same pid."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """A process: its pid, and when it was started, in clock ticks since the boot that is named."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The process that has the pid now; None if there is none, or only one that has ended and was not reaped."""
        try:
            # The name, in parentheses, may hold anything; the state and the other fields follow it (proc(5)).
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] == b"Z" else cls(pid, int(fields[19]), _boot())

    @property
    def is_running(self) -> bool:
        return Identity.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """Sends a signal to this process, never to another one; whether it was sent."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                # The handle belongs to whoever has the pid; only if that is this process, the signal reaches it.
                if self.is_running:
                    signal.pidfd_send_signal(handle, number)
                    return True
            finally:
                os.close(handle)
        return False


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
