"""When a service is started again, and what is shown of its end, without waiting for it."""

import signal
import subprocess
import sys

import pytest
from deployment import ROOT
from services import wait_until

sys.path.append(str(ROOT / "deploy" / "supervision"))

import identity  # noqa: E402
import procfile  # noqa: E402
import service  # noqa: E402


@pytest.fixture
def run(tmp_path):
    """Runs a command under supervision to its end, as often as it is called; gives the service."""
    with (tmp_path / "lock").open("w") as lock:
        made = {}

        def run(command):
            if command not in made:
                made[command] = service.Service("part", command, tmp_path, tmp_path / "part.log")
            part = made[command]
            part.start(lock.fileno())
            wait_until(lambda: part.poll() is not None, f"{command} has ended", 60)
            return part

        yield run


def test_the_pause_grows_to_half_a_minute(run):
    assert [run("exit 3").last_pause for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_the_pause_is_short_again_after_a_minute_of_health(run, monkeypatch):
    assert [run("exit 3").last_pause for _ in range(3)] == [1, 2, 4]
    monkeypatch.setattr(service, "HEALTHY_AFTER", 0.0)
    assert run("exit 3").last_pause == 1


def test_a_setting_that_has_become_wrong_is_tried_again_after_the_longest_pause(run):
    assert run("exit 64").last_pause == 30


@pytest.mark.parametrize(
    "command, reason", [("exit 3", "exit status 3"), ("kill -9 $$", "signal 9 (SIGKILL)"), ("exit 0", "exit status 0")]
)
def test_the_end_is_told_with_its_reason_and_last_lines(run, command, reason):
    part = run(f"echo early; echo 'late \033[2J'; {command}")
    assert part.last_end.startswith(reason)
    assert part.last_lines() == ["early", "late \\x1b[2J"]


def test_a_long_log_is_kept_in_two_files(run, tmp_path, monkeypatch):
    monkeypatch.setattr(service, "MAX_LOG_BYTES", 1000)
    for _ in range(3):
        run("printf '%999s\\n' x; exit 3")
    assert sorted(path.name for path in tmp_path.glob("part*")) == ["part.log", "part.log.1"]
    assert all(path.stat().st_size <= 3000 for path in tmp_path.glob("part*"))


def test_a_process_is_told_from_a_later_one_with_its_pid():
    with subprocess.Popen(["sleep", "600"]) as process:
        it = identity.Identity.of(process.pid)
        later = [identity.Identity(it.pid, it.start - 1, it.boot), identity.Identity(it.pid, it.start, "another boot")]
        assert it.is_running and not any(other.is_running or other.send(signal.SIGKILL) for other in later)
        assert it.send(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
    assert not it.is_running and not it.send(signal.SIGKILL)


@pytest.mark.parametrize("text", ["a", "a b: c", "a:", "a: b\na: c"])
def test_a_procfile_that_cannot_be_read_is_refused(tmp_path, text):
    (tmp_path / "Procfile").write_text(text)
    with pytest.raises(ValueError, match="line"):
        procfile.read(tmp_path / "Procfile")


def test_the_procfile_names_the_three_services():
    assert procfile.read(ROOT / "Procfile") == {
        "event-log": "exec .build/release/event-log-service",
        "command": "exec .build/release/command-service",
        "query": "exec .build/release/query-service",
    }
