"""One process under supervision: started, watched, and started again."""

import ctypes
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import secure
import text
from identity import Identity

WRONG_SETTING = 64
"""The exit status of a program whose settings are wrong (EX_USAGE)."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0
"""After so many seconds of running, the next pause is the first one again."""

MAX_LOG_BYTES = 16 << 20
_LAST_LINES = 20
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Service:
    """A process of the Procfile. Its output goes straight into a file, whatever happens to the supervisor."""

    def __init__(self, name: str, command: str, root: Path, log: Path):
        self.name = name
        self.starts = 0
        self.last_end = ""
        self.next_start = 0.0
        self.last_pause = 0.0
        self.identity: Identity | None = None
        self._command = command
        self._root = root
        self._log = log
        self._process: subprocess.Popen | None = None
        self._started_at = 0.0
        self._log_start = 0
        self._pause = FIRST_PAUSE

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self, lock: int) -> None:
        """Starts it, and hands the instance's lock on to it."""
        self.look_after_log()
        supervisor = os.getpid()

        def prepare() -> None:
            os.setpgid(0, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            # If the supervisor is killed, its services end in an orderly way instead of being left behind.
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)

        with self._log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", self._command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._root, pass_fds=[lock],
                preexec_fn=prepare, env=secure.environment(self.name, self._root),
            )  # fmt: skip
        self.identity = Identity.of(self._process.pid)
        self._started_at = time.monotonic()
        self.starts += 1

    def poll(self) -> int | None:
        """The exit status if it has ended since the last call, negative for a signal; its next start is then set."""
        if self._process is None or self._process.poll() is None:
            return None
        status = self._process.returncode
        ran = time.monotonic() - self._started_at
        self._process = self.identity = None
        if ran >= HEALTHY_AFTER:
            self._pause = FIRST_PAUSE
        # What was right before is wrong now, and stays so until somebody corrects it.
        self.last_pause = LONGEST_PAUSE if status == WRONG_SETTING else self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.next_start = time.monotonic() + self.last_pause
        self.last_end = f"{_reason(status)} after {ran:.0f} s"
        return status

    @property
    def pause(self) -> float:
        """The seconds until it is to be started again."""
        return max(0.0, self.next_start - time.monotonic())

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                pass

    def last_lines(self) -> list[str]:
        """The end of what it wrote since it was started."""
        try:
            with self._log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start if self._log_start <= end else 0, end - (16 << 10)))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError as error:
            return [f"(cannot read {self._log}: {error.strerror})"]
        return [text.on_one_line(line) for line in lines[-_LAST_LINES:]]

    def look_after_log(self) -> None:
        """Keeps the file of its output within bounds."""
        if shorten(self._log):
            self._log_start = 0


def shorten(log: Path) -> bool:
    """Moves the content of a log that has grown long into a second file, in place of what was there.

    Whoever writes appends, so the file itself stays, and is made empty.
    """
    try:
        if log.stat().st_size <= MAX_LOG_BYTES:
            return False
        shutil.copyfile(log, log.with_suffix(".log.1"))
    except FileNotFoundError:
        return False
    except OSError:
        # No room for a copy: the newest lines matter more than the old ones.
        pass
    try:
        os.truncate(log, 0)
    except OSError:
        # It was removed meanwhile, or is another user's: that must not end the services.
        return False
    return True


def _reason(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"
