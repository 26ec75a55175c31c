"""A Patroni that never reads again what it holds in memory is killed, and none that is well."""

import subprocess
from types import SimpleNamespace

import pytest
import stale_patroni

from services import wait_until

TRY = (
    b"2026-11-27 17:13:15,405 INFO: Assigning synchronous standby status to ['host-2']\n"
    b"2026-11-27 17:13:15,406 INFO: Synchronous replication key updated by someone else\n"
    b"2026-11-27 17:13:15,463 INFO: no action. I am (host-3), the leader with the lock\n"
)
WELL = b"2026-11-27 17:13:16,454 INFO: no action. I am (host-3), the leader with the lock\n"


@pytest.fixture
def host(tmp_path):
    """What is asked of a host here; `sleep` stands for its Patroni."""
    process = subprocess.Popen(["sleep", "60"])
    pids = {"patroni": [process.pid]}
    yield SimpleNamespace(folder=tmp_path, is_running=True, patroni_read=0, pids_of=pids.get, process=process)
    process.kill()
    process.wait()


def write(host, text):
    with open(host.folder / "patroni.log", "ab") as log:
        log.write(text)


def test_it_is_killed_and_the_next_one_is_not_judged_by_its_words(host):
    write(host, WELL * 1000 + TRY * 60)
    assert stale_patroni.restart(host) == 1
    wait_until(lambda: host.process.poll() is not None, "it is killed")
    assert stale_patroni.restart(host) == 0
    write(host, TRY * 3 + WELL)
    assert stale_patroni.restart(host) == 0


@pytest.mark.parametrize("text", [b"", WELL * 500, TRY * 3, TRY * 60 + WELL * 500], ids=["nothing", "well", "a few", "long ago"])
def test_none_that_is_well_is(host, text):
    write(host, text)
    assert stale_patroni.restart(host) == 0
    assert host.process.poll() is None


def test_none_of_a_host_that_is_down(host):
    write(host, TRY * 60)
    host.is_running = False
    assert stale_patroni.restart(host) == 0
