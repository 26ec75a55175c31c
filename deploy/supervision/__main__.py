"""What deploy/up and deploy/down do with the services: start them under supervision, and stop them.

Uses nothing but Python's own library, since it runs before anything could be installed for it.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import addresses
import secure
import settings
import text
from identity import Identity
from instance import Instance
from supervisor import STOP_SECONDS, supervise

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
# A service that ends so often while all start will not come up by itself.
MAX_ENDS_AT_START = 3


def fail(message: str, status: int = 1) -> NoReturn:
    script = "down" if sys.argv[1] == "down" else "up"
    print(f"deploy/{script}: {message}", file=sys.stderr)
    sys.exit(status)


def tell(gateway: addresses.Health, found: dict[str, dict[str, str]]) -> None:
    is_secured = secure.is_secured(ROOT)
    proof = f"""--cacert {secure.FOLDER}/ca.pem -H "Authorization: Bearer $MANAGER" \\\n         """
    print(
        f"Daybook is up at {gateway.url} (log: data/daybook.log; deploy/down stops it). Try:\n\n"
        f"    curl -X POST {gateway.url}/accounts/acc-001 {proof if is_secured else ''}-H 'Content-Type: application/json' \\\n"
        """         -d '{"type": "OpenAccount", "owner": "Alice", "initial_balance": 1000.0}'"""
    )
    if is_secured:
        print(secure.how_to_follow(found["query"]))


def read_settings() -> dict[str, dict[str, str]]:
    try:
        return settings.in_effect(ROOT)
    except settings.WrongSetting as error:
        fail(str(error), error.status)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        fail(str(error))


def running() -> int:
    """Exit status 0 if Daybook runs from this folder."""
    instance = Instance(ROOT)
    if instance.is_running and instance.supervisor() is None:
        # The services of a supervisor that was killed are about to end.
        instance.wait_until_ended(STOP_SECONDS)
    return 0 if instance.is_running else 1


def show() -> int:
    """Tells where the running Daybook is."""
    if Instance(ROOT).supervisor() is None:
        fail("services run whose supervisor is gone: deploy/down ends them")
    found = read_settings()
    health = addresses.of_health(found)
    not_ready = [f"{name} ({at.url}/readyz)" for name, at in health.items() if not addresses.is_ready(at)]
    if not_ready:
        print(f"Daybook runs, but is not ready: {', '.join(not_ready)}; data/daybook.log says more")
        return 1
    tell(health["command"], found)
    return 0


def up() -> int:
    instance = Instance(ROOT)
    if former := instance.former_runner():
        fail(f"Daybook runs, started by an earlier version (pid {former}): deploy/down stops it")
    found = read_settings()
    health = addresses.of_health(found)
    if reason := addresses.why_not_free(found):
        fail(reason)
    begin = instance.log.stat().st_size if instance.log.exists() else 0
    with instance.log.open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-B", Path(__file__).parent, "run"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    def give_up(message: str, status: int = 1) -> NoReturn:
        for line in written_since(instance, begin)[-30:]:
            print(line, file=sys.stderr)
        fail(f"{message}; the lines above are from data/daybook.log", status)

    deadline = time.monotonic() + START_SECONDS
    while waiting := [name for name, address in health.items() if not addresses.is_ready(address)]:
        if (status := supervisor.poll()) is not None:
            give_up("the services stopped", status or 1)
        ended = [
            name for name, service in instance.read_state().get("services", {}).items()
            if instance.supervisor() and service["starts"] > MAX_ENDS_AT_START
        ]  # fmt: skip
        if ended:
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait()
            give_up(f"{', '.join(ended)} ended {MAX_ENDS_AT_START} times, and everything was stopped")
        if time.monotonic() >= deadline:
            places = ", ".join(f"{name} ({health[name].url}/readyz)" for name in waiting)
            fail(f"not ready after {START_SECONDS:.0f} s, and still tried: {places}; data/daybook.log says more")
        time.sleep(0.1)
    tell(health["command"], found)
    return 0


def written_since(instance: Instance, begin: int) -> list[str]:
    with instance.log.open("rb") as log:
        log.seek(begin)
        return [text.on_one_line(line) for line in log.read().decode(errors="replace").splitlines()]


def down() -> int:
    instance = Instance(ROOT)
    if former := instance.former_runner():
        os.kill(former, signal.SIGTERM)
        end = time.monotonic() + 2 * STOP_SECONDS
        while instance.former_runner() == former and time.monotonic() < end:
            time.sleep(0.05)
        if instance.former_runner() == former:
            fail(f"still running: the runner of an earlier version (pid {former})")
        print("Daybook is down")
        return 0
    if not instance.is_running:
        print("Daybook is not running")
        return 0
    deadline = time.monotonic() + STOP_SECONDS + 5
    told = set()
    while instance.is_running and time.monotonic() < deadline:
        # One that has just been started is known a moment later than its lock.
        for process in processes(instance) - told:
            process.send(signal.SIGTERM)
            told.add(process)
        instance.wait_until_ended(0.5)
    if instance.is_running:
        # A supervisor that hangs, or processes without one that were stopped or do not obey.
        for process in processes(instance) | set(instance.services().values()):
            process.send(signal.SIGKILL)
        if not instance.wait_until_ended(5):
            pids = ", ".join(f"{name} (pid {process.pid})" for name, process in instance.services().items())
            fail(f"still running: {pids or 'a process that has data/daybook.lock open'}")
    print("Daybook is down")
    return 0


def processes(instance: Instance) -> set[Identity]:
    """Whom to tell: the supervisor, who tells its services, or these if it is gone."""
    supervisor = instance.supervisor()
    return {supervisor} if supervisor else set(instance.services().values())


if __name__ == "__main__":
    # The logs name accounts and clients.
    os.umask(0o077)
    commands = {"running": running, "show": show, "up": up, "down": down, "run": lambda: supervise(ROOT)}
    try:
        sys.exit(commands[sys.argv[1]]())
    except PermissionError as error:
        what = f" for {error.filename}" if error.filename else ""
        fail(f"no permission{what}: only the user who started Daybook, and root, may see to it")
    except KeyboardInterrupt:
        fail("interrupted; what was started goes on, and deploy/down stops it", 130)
