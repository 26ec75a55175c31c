"""The settings in effect, as the services themselves read them."""

import subprocess
from pathlib import Path

import procfile
import secure


class WrongSetting(Exception):
    """A service refuses a setting; the message is the service's own."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


def in_effect(root: Path) -> dict[str, dict[str, str]]:
    """The settings of each process of the Procfile, by process and name.

    Each program is asked, so that flag, environment, `.env` and default mean the same here and there.
    """
    return {name: _of(name, command, root) for name, command in procfile.read(root / "Procfile").items()}


def _of(name: str, command: str, root: Path) -> dict[str, str]:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} --print-settings"],
        cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60, check=False,
        env=secure.environment(name, root),
    )  # fmt: skip
    if done.returncode != 0:
        raise WrongSetting(done.stderr.strip() or f"“{command}” failed: {done.returncode}", done.returncode)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())
