"""deploy/up and deploy/down, in a copy of the repository: what they start, supervise and stop."""

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from deployment import DEADLINE, NAMES
from services import wait_until

PROGRAMS = {"event-log": "event-log-servi", "command": "command-service", "query": "query-service"}


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


@pytest.fixture
def sleeper():
    """A process that has nothing to do with Daybook."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_up_starts_the_three_services_and_down_stops_them(deployment):
    output = deployment.up()
    assert f"Daybook is up at http://127.0.0.1:{deployment.ports['command']}" in output
    deployment.gateway.open("acc-001", "10")
    assert sorted(deployment.processes().values()) == sorted([*PROGRAMS.values(), "python3"])
    assert "Daybook is down" in deployment.down()
    assert deployment.processes() == {}
    assert "Daybook is not running" in deployment.down()
    deployment.up()
    assert deployment.gateway.get("/accounts/acc-001").json["balance"] == 10


def test_a_second_up_changes_nothing(deployment):
    deployment.up()
    before = deployment.processes()
    assert "Daybook is up at" in deployment.up()
    assert deployment.processes() == before


def test_of_two_at_once_one_starts_the_services_and_the_other_finds_them(deployment):
    both = [deployment.begin("up", "--no-build") for _ in range(2)]
    for process in both:
        output, errors = process.communicate(timeout=2 * DEADLINE)
        assert process.returncode == 0 and "Daybook is up at" in output, (output, errors)
    assert sorted(deployment.processes().values()) == sorted([*PROGRAMS.values(), "python3"])


def test_a_killed_service_comes_back_and_its_end_is_in_the_log(deployment):
    deployment.up()
    deployment.gateway.open("acc-001", "10")
    for name in NAMES:
        former = deployment.pid(name)
        others = {other: deployment.pid(other) for other in NAMES if other != name}
        os.kill(former, signal.SIGKILL)
        deployment.wait_until_back(name, former)
        assert {other: deployment.pid(other) for other in others} == others, "the others run on"
        assert f"{name} ended: signal 9 (SIGKILL)" in deployment.log
        assert f"    {name} | " in deployment.log, "its last lines are kept"
    wait_until(lambda: deployment.is_ready("command"), "the gateway is ready", DEADLINE)
    assert deployment.gateway.post("acc-001", {"type": "Deposit", "amount": 5}).json["balance"] == 15


def test_a_service_that_ends_by_itself_is_started_again(deployment):
    deployment.up()
    former = deployment.pid("query")
    os.kill(former, signal.SIGTERM)
    deployment.wait_until_back("query", former)
    assert "query ended: exit status 0" in deployment.log


def test_the_pause_before_a_restart_grows(deployment):
    deployment.up()
    for pause in (1, 2, 4):
        former = wait_until(lambda: deployment.pid("query"), "the query service runs", DEADLINE)
        os.kill(former, signal.SIGKILL)
        wait_until(lambda: deployment.pid("query") != former, "its end is noticed", DEADLINE)
        assert f"started again in {pause} s" in deployment.log
    deployment.down()
    assert deployment.processes() == {}, "also of what waits to be started"


def test_the_pid_of_another_process_is_left_alone(deployment, sleeper):
    # What a Daybook leaves behind if the machine loses its power; another process has the pid afterwards.
    deployment.up()
    state = deployment.state
    deployment.down()
    state["supervisor"] |= {"pid": sleeper.pid}
    for service in state["services"].values():
        service["process"] = state["supervisor"]
    deployment.write_state(state)
    assert "Daybook is not running" in deployment.down()
    assert "Daybook is up at" in deployment.up()
    assert deployment.is_ready("command")
    assert "Daybook is down" in deployment.down()
    assert sleeper.poll() is None


def test_what_an_earlier_version_started_is_known_and_stopped(deployment):
    (deployment.folder / "data").mkdir(exist_ok=True)
    former = subprocess.Popen(["sleep", "600"], executable="/bin/sleep", cwd=deployment.folder)
    named = subprocess.Popen(["bash", "-c", "exec -a foreman sleep 600"], cwd=deployment.folder)
    try:
        pid_file = deployment.folder / "data" / "foreman.pid"
        wait_until(lambda: b"foreman" in Path(f"/proc/{named.pid}/cmdline").read_bytes(), "it has its name")
        # Another process has the pid by now.
        pid_file.write_text(f"{former.pid}\n")
        assert "Daybook is not running" in deployment.down()
        pid_file.write_text(f"{named.pid}\n")
        status, _, errors = deployment.run("up", "--no-build")
        assert status == 1 and "earlier version" in errors, errors
        assert named.poll() is None
        threading.Thread(target=named.wait, daemon=True).start()
        assert "Daybook is down" in deployment.down()
        assert former.poll() is None
    finally:
        former.kill()
        named.kill()


def test_services_of_a_killed_supervisor_end_and_are_started_anew(deployment):
    deployment.up()
    deployment.gateway.open("acc-001", "10")
    os.kill(deployment.supervisor, signal.SIGKILL)
    deployment.up()
    assert sorted(deployment.processes().values()) == sorted([*PROGRAMS.values(), "python3"])
    assert deployment.gateway.get("/accounts/acc-001").json["balance"] == 10


def test_down_says_down_only_when_nothing_runs(deployment):
    # A process that does not obey, and whose supervisor is gone.
    (deployment.folder / "stubborn").write_text(
        'if [ "$1" = --print-settings ]; then exit; fi\ntrap "" TERM HUP\nwhile :; do sleep 0.1; done\n'
    )
    with (deployment.folder / "Procfile").open("a") as procfile:
        procfile.write("stubborn: exec sh stubborn\n")
    deployment.up()
    os.kill(deployment.supervisor, signal.SIGKILL)
    status, _, errors = deployment.run("up", "--no-build")
    assert status == 1 and "services run whose supervisor is gone" in errors
    assert "Daybook is down" in deployment.down()
    assert deployment.processes() == {}


def test_a_service_that_does_not_stop_is_killed(deployment):
    deployment.up()
    os.kill(deployment.pid("event-log"), signal.SIGSTOP)
    begin = time.monotonic()
    assert "Daybook is down" in deployment.down()
    assert time.monotonic() - begin >= 9, "it had 10 s to finish"
    assert deployment.processes() == {}
    assert "event-log did not stop within 10 s" in deployment.log


@pytest.mark.parametrize(
    "line, words",
    [
        ("LOG_LEVEL=loud", ["LOG_LEVEL in .env, line 7", "“loud”"]),
        ("LOG_LEVEL", [".env, line 7", "not followed by ="]),
        ("COMMAND_HTTP_ADDRESS=http://localhost:8080", ["COMMAND_HTTP_ADDRESS in .env, line 7", "without a scheme"]),
        ("EVENT_LOG_READ_ENDPOINT=tcp://log.example:5572", ["EVENT_LOG_READ_ENDPOINT", "not at a host name"]),
    ],
)
def test_a_wrong_setting_ends_the_start_with_its_message(deployment, line, words):
    deployment.write_settings(line, end="\r\n")
    status, _, errors = deployment.run("up", "--no-build")
    assert status == 64 and all(word in errors for word in words), (status, errors)
    assert deployment.processes() == {}


def test_who_interrupts_the_start_is_told_how_to_stop_it(deployment):
    # A gateway that is never ready.
    procfile = deployment.folder / "Procfile"
    procfile.write_text(procfile.read_text().replace("exec .build/release/command-service", "exec sh idle"))
    (deployment.folder / "idle").write_text(
        'if [ "$1" = --print-settings ]; then exec .build/release/command-service "$1"; fi\nexec sleep 600\n'
    )
    process = deployment.begin("up", "--no-build")
    wait_until(lambda: "sleep" in deployment.processes().values(), "all are started", DEADLINE)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130 and "deploy/down stops it" in errors and "Traceback" not in errors, errors
    assert "Daybook is down" in deployment.down()
    assert deployment.processes() == {}


def test_a_taken_port_is_named_with_its_setting(deployment):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", deployment.ports["read"]))
        other.listen()
        status, _, errors = deployment.run("up", "--no-build")
    assert status == 1 and "EVENT_LOG_READ_ENDPOINT" in errors and "taken by another program" in errors
    deployment.write_settings(QUERY_HTTP_ADDRESS=deployment.settings["COMMAND_HTTP_ADDRESS"])
    status, _, errors = deployment.run("up", "--no-build")
    assert status == 1 and "QUERY_HTTP_ADDRESS and COMMAND_HTTP_ADDRESS are both" in errors
    assert deployment.processes() == {}


def test_a_service_that_cannot_start_ends_the_start_and_says_why(deployment):
    (deployment.folder / "ledger").write_text("This is no ledger. " * 1000)
    deployment.write_settings(EVENT_STORE="sqlite:ledger")
    status, _, errors = deployment.run("up", "--no-build")
    assert status == 1 and "event-log ended 3 times" in errors, errors
    assert "EVENT_STORE is sqlite:ledger" in errors, errors
    assert deployment.processes() == {}


@needs_ipv6
def test_addresses_are_read_as_the_services_read_them(deployment):
    ports = deployment.ports
    deployment.write_settings(
        f"export EVENT_LOG_APPEND_ENDPOINT=tcp://localhost:{ports['append']} # a comment",
        f"EVENT_LOG_EVENTS_ENDPOINT='tcp://[::1]:{ports['events']}'",
        f'EVENT_LOG_READ_ENDPOINT="tcp://[::1]:{ports["read"]}"',
        f"EVENT_LOG_HTTP_ADDRESS = [::1]:{ports['event-log']}",
        f"QUERY_HTTP_ADDRESS=[::1]:{ports['query']}",
        "EVENT_STORE=sqlite:elsewhere/ledger.db",
        end="\r\n",
    )
    deployment.up()
    deployment.gateway.open("acc-001", "10")
    assert deployment.gateway.get("/accounts/acc-001").json["balance"] == 10
    assert [path.name for path in (deployment.folder / "elsewhere").glob("*.db")] == ["ledger.db"]
    with socket.create_connection(("::1", ports["events"])):
        pass
    deployment.down()
