"""What is kept of a running Daybook in the folder `data`: a lock, a state, and logs."""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path

from identity import Identity


class Instance:
    """The one Daybook that may run from a copy of the repository.

    A lock says whether it runs. The supervisor takes it and hands it on to each service, so that it is held until the
    last of them has ended, however that came about. No file has to be removed, and none can be out of date.
    """

    def __init__(self, root: Path):
        self.root = root
        self.folder = root / "data"
        self.log = self.folder / "daybook.log"
        self.logs = self.folder / "log"
        self._state = self.folder / "daybook.state"

    def acquire(self) -> int | None:
        """The descriptor of the lock, to be closed or kept; None if a process of the instance holds it."""
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "daybook.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    @property
    def is_running(self) -> bool:
        descriptor = self.acquire()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def wait_until_ended(self, seconds: float) -> bool:
        """Whether everything has ended, at the latest after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.is_running:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        return True

    def write_state(self, state: dict) -> None:
        """Raises OSError if the state cannot be written; the earlier one then stays."""
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps(state), encoding="utf-8")
        new.replace(self._state)

    def read_state(self) -> dict:
        """The state that was written last; empty if there is none, or none that can be read."""
        with contextlib.suppress(OSError, ValueError):
            state = json.loads(self._state.read_text(encoding="utf-8"))
            if isinstance(state, dict):
                return state
        return {}

    def supervisor(self) -> Identity | None:
        """The supervisor, if it runs."""
        return _running(self.read_state().get("supervisor"))

    def former_runner(self) -> int | None:
        """The process id of foreman or honcho, with which earlier versions of deploy/up started the services."""
        try:
            pid = int((self.folder / "foreman.pid").read_text(encoding="utf-8"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            is_here = Path(f"/proc/{pid}/cwd").resolve() == self.root.resolve()
        except (OSError, ValueError):
            return None
        return pid if is_here and (b"foreman" in command or b"honcho" in command) else None

    def services(self) -> dict[str, Identity]:
        """The services that run, by name."""
        services = self.read_state().get("services", {})
        found = {name: _running(service.get("process")) for name, service in services.items()}
        return {name: identity for name, identity in found.items() if identity}


def _running(fields: dict | None) -> Identity | None:
    try:
        identity = Identity(**fields) if fields else None
    except TypeError:
        return None
    return identity if identity and identity.is_running else None
