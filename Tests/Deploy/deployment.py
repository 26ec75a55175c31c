"""A copy of the repository as far as deploy/up and deploy/down need it, around the programs that are built already."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import services
from client import Client
from services import Ports, wait_until

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["event-log", "command", "query"]
DEADLINE = 60.0


class Deployment:
    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("analytics", "__pycache__"))
        for name in ("Procfile", ".foreman"):
            shutil.copy(ROOT / name, folder / name)
        (folder / ".build").mkdir()
        (folder / ".build" / "release").symlink_to(services.PROGRAMS)
        self.ports = {name: Ports.take() for name in ("append", "events", "read", *NAMES)}
        self.settings = {
            "EVENT_LOG_APPEND_ENDPOINT": f"tcp://127.0.0.1:{self.ports['append']}",
            "EVENT_LOG_EVENTS_ENDPOINT": f"tcp://127.0.0.1:{self.ports['events']}",
            "EVENT_LOG_READ_ENDPOINT": f"tcp://127.0.0.1:{self.ports['read']}",
            "EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{self.ports['event-log']}",
            "COMMAND_HTTP_ADDRESS": f"127.0.0.1:{self.ports['command']}",
            "QUERY_HTTP_ADDRESS": f"127.0.0.1:{self.ports['query']}",
        }
        self.write_settings()
        self.gateway = Client(self.ports["command"])
        self.gateway.catches_up = True

    def write_settings(self, *further, end="\n", **settings):
        """Writes `.env`: the settings with what is given here, and then further lines."""
        self.settings |= settings
        lines = [f"{name}={value}" for name, value in self.settings.items()] + list(further)
        (self.folder / ".env").write_bytes("".join(line + end for line in lines).encode())

    def begin(self, script, *arguments, **options):
        return subprocess.Popen(
            [self.folder / "deploy" / script, *arguments],
            **{
                "env": services.environment({}), "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE, "text": True,
            } | options,
        )  # fmt: skip

    def run(self, script, *arguments, **options):
        """The exit status, the output and the errors."""
        process = self.begin(script, *arguments, **options)
        try:
            output, errors = process.communicate(timeout=2 * DEADLINE)
        finally:
            process.kill()
        return process.returncode, output, errors

    def up(self, *arguments):
        status, output, errors = self.run("up", "--no-build", *arguments)
        assert status == 0, (output, errors)
        return output

    def down(self):
        status, output, errors = self.run("down")
        assert status == 0, (output, errors)
        return output

    @property
    def log(self):
        file = self.folder / "data" / "daybook.log"
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def state(self):
        return json.loads((self.folder / "data" / "daybook.state").read_text())

    def write_state(self, state):
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "data" / "daybook.state").write_text(json.dumps(state))

    def pid(self, name):
        process = self.state["services"][name]["process"]
        return process and process["pid"]

    @property
    def supervisor(self):
        return self.state["supervisor"]["pid"]

    def processes(self):
        """The pids of all processes that work in the copy's folder, by the names of their programs."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if (entry / "cwd").readlink() == self.folder.resolve():
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
            except OSError:
                continue
        return found

    def is_ready(self, name):
        return Client(self.ports[name]).get("/readyz").status == 200 if self.is_answering(name) else False

    def is_answering(self, name):
        try:
            return Client(self.ports[name]).get("/livez", timeout=5).status == 200
        except services.NoAnswer:
            return False

    def wait_until_back(self, name, former):
        """Waits until a service runs with another pid than its former one, and can do its job."""
        wait_until(lambda: self.pid(name) not in (None, former), f"{name} was started again", DEADLINE)
        wait_until(lambda: self.is_ready(name), f"{name} is ready again", DEADLINE)

    def close(self):
        # The supervisor first, so that it does not start again what is ended here.
        for pid in sorted(self.processes(), key=lambda pid: "python" not in self.processes().get(pid, "")):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not self.processes(), "everything of the copy has ended", DEADLINE)
