"""Starts the services of the Procfile, starts again whichever ends, and ends them all when told to."""

import os
import signal
import time
from dataclasses import asdict
from pathlib import Path

import procfile
from identity import Identity
from instance import Instance
from service import WRONG_SETTING, Service, shorten

# The contract allows a service 5 s to finish what it accepted.
STOP_SECONDS = 10.0
_LONGEST_SLEEP = 5.0
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Supervisor:
    def __init__(self, instance: Instance, lock: int):
        self._instance = instance
        self._lock = lock
        self._services = [
            Service(name, command, instance.root, instance.logs / f"{name}.log")
            for name, command in procfile.read(instance.root / "Procfile").items()
        ]

    def run(self) -> int:
        """Supervises until a signal ends it; gives the exit status."""
        # They are waited for below; a handler could run at any other moment too.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._say("starting " + ", ".join(service.name for service in self._services))
        status = 0
        try:
            while True:
                self._start_what_is_due()
                received = signal.sigtimedwait(_SIGNALS, self._seconds_to_next_start())
                if received and received.si_signo in (signal.SIGTERM, signal.SIGINT):
                    self._say(f"stopping, told by {signal.Signals(received.si_signo).name}")
                    break
                if any([self._take_note_of_end(service) for service in self._services]):
                    status = WRONG_SETTING
                    break
                self._look_after_logs()
        finally:
            self._stop()
        return status

    def _start_what_is_due(self) -> None:
        due = [service for service in self._services if not service.is_running and service.pause == 0]
        for service in due:
            try:
                service.start(self._lock)
            except OSError as error:
                service.next_start = time.monotonic() + _LONGEST_SLEEP
                self._say(f"{service.name} cannot be started: {error}")
        if due:
            self._write_state()

    def _seconds_to_next_start(self) -> float:
        return min([_LONGEST_SLEEP, *(service.pause for service in self._services if not service.is_running)])

    def _take_note_of_end(self, service: Service) -> bool:
        """Whether the service ended, and with it the start of all: its settings were wrong from the beginning."""
        status = service.poll()
        if status is None:
            return False
        is_wrong_start = status == WRONG_SETTING and service.starts == 1
        what_follows = "not started again" if is_wrong_start else f"started again in {service.last_pause:.0f} s"
        self._say(f"{service.name} ended: {service.last_end}; {what_follows}. Its last lines:")
        for line in service.last_lines():
            self._say(f"    {service.name} | {line}")
        self._write_state()
        return is_wrong_start

    def _stop(self) -> None:
        for service in self._services:
            service.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(service.is_running for service in self._services):
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                for service in self._services:
                    if service.is_running:
                        self._say(f"{service.name} did not stop within {STOP_SECONDS:.0f} s: killed")
                    service.send(signal.SIGKILL)
                deadline += STOP_SECONDS
                continue
            signal.sigtimedwait({signal.SIGCHLD}, min(seconds, 0.5))
            for service in self._services:
                if service.poll() is not None:
                    self._say(f"{service.name} stopped: {service.last_end}")
        self._say("stopped")

    def _write_state(self) -> None:
        me = Identity.of(os.getpid())
        try:
            self._instance.write_state(
                {
                    "supervisor": asdict(me) if me else None,
                    "services": {
                        service.name: {
                            "process": asdict(service.identity) if service.identity else None,
                            "starts": service.starts,
                            "last_end": service.last_end,
                        }
                        for service in self._services
                    },
                }
            )
        except OSError as error:
            self._say(f"cannot write the state: {error}")

    def _look_after_logs(self) -> None:
        shorten(self._instance.log)
        for service in self._services:
            service.look_after_log()

    @staticmethod
    def _say(line: str) -> None:
        try:
            print(time.strftime("%Y-%m-%dT%H:%M:%S%z"), line, flush=True)
        except OSError:
            # The disk of the log is full; supervising goes on.
            pass


def supervise(root: Path) -> int:
    instance = Instance(root)
    # Whoever looks whether Daybook runs holds the lock for a moment.
    deadline = time.monotonic() + 2
    while (lock := instance.acquire()) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if lock is None:
        print("Daybook runs already, started from this folder")
        return 1
    return Supervisor(instance, lock).run()
