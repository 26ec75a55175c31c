"""What a program in namespaces of its own leaves behind: nothing, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services import wait_until

HERE = Path(__file__).resolve().parent
# Starts a process that ignores what it can, in a session of its own, and says where it is.
PROGRAM = """
import os, subprocess, sys
import isolation
folder = isolation.enter(own_network=True)
subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 0.1; done", folder], start_new_session=True)
print(folder, flush=True)
sys.stdin.read()
"""


def _ends_of_input(process):
    process.stdin.close()


@pytest.mark.parametrize("end, code", [
    (_ends_of_input, 0),
    (lambda process: process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    (lambda process: process.send_signal(signal.SIGINT), None),
    (lambda process: process.kill(), -signal.SIGKILL),
])  # fmt: skip
def test_nothing_is_left_behind(end, code):
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    )
    folder = process.stdout.readline().strip()
    assert _processes(folder), "the process that is to end is there"
    end(process)
    ended = process.wait(60)
    assert code is None or ended == code
    wait_until(lambda: not _processes(folder), "all processes have ended", 60)
    # Whoever is killed cannot remove anything.
    if ended >= 0:
        assert not Path(folder).exists()
    else:
        Path(folder).rmdir()


def _processes(folder):
    return subprocess.run(["pgrep", "-f", f"sleep 0.1; done {folder}"], capture_output=True, text=True).stdout.split()
