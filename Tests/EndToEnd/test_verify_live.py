"""`daybook verify` beside a live log."""

import random
import signal
import subprocess
import time

import pytest

from load import Load
from services import PROGRAMS, environment


@pytest.mark.parametrize("target", ["verify", "log"])
def test_B6_verify_beside_a_live_log_that_is_held_up_at_random_raises_no_false_alarm(start_daybook, target):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS="1")
    chance = random.Random(6)
    daybook.gateway.open("a", 0)
    for _ in range(200):
        daybook.gateway.deposit("a", 1)
    with Load(daybook, threads=2) as load:
        for _ in range(12):
            verify = subprocess.Popen(
                [PROGRAMS / "daybook", "verify"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                cwd=daybook.directory, env=environment(daybook.settings),
            )  # fmt: skip
            held = verify if target == "verify" else daybook.event_log.process
            try:
                while verify.poll() is None:
                    time.sleep(chance.uniform(0.001, 0.03))
                    held.send_signal(signal.SIGSTOP)
                    time.sleep(chance.uniform(0.05, 0.15))
                    held.send_signal(signal.SIGCONT)
            finally:
                held.send_signal(signal.SIGCONT)
                output, _ = verify.communicate(timeout=60)
            assert verify.returncode == 0, output
        load.wait_for("acknowledged", 5, 60)
