"""Two event logs on one store: one leads, the other stands by and takes over. On one machine both have the same endpoints,
for a log that stands by binds none; unless one is frozen, and keeps its own."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import postgresql
from commands import deposit, keyed, obeyed
from daybook_tool import Tool
from load import Load
from services import BY_DEFAULT, STOP_DEADLINE, Ports, Service, wait_until
from timing import within

TIMEOUT = 120


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request, start_daybook, tmp_path):
    """The services, and a second event log that is not started yet."""
    if request.param == "postgresql":
        database = postgresql.shared().create_database()
        request.addfinalizer(database.drop)
        daybook = start_daybook(database=database, **BY_DEFAULT)
    else:
        daybook = start_daybook(EVENT_STORE=f"sqlite:{tmp_path}/daybook.db", EVENT_LOG_STANDBY="yes", **BY_DEFAULT)
    port = Ports.take()
    settings = daybook.settings | {"EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{port}"}
    second = Service("event-log-service", port, settings, tmp_path)
    yield daybook, second
    second.kill()
    second.client.close()


@contextmanager
def standing_by(log):
    log.start(wait=False)
    wait_until_standby(log)
    yield


def wait_until_standby(log):
    def stands_by():
        assert log.is_running, log.output
        return log.health("/readyz") == 503 and log.missing().startswith("standby: ")

    wait_until(stands_by, "it stands by", TIMEOUT)


def metric(log, name):
    lines = log.client.get("/metrics").body.decode().splitlines()
    return [line.split()[-1] for line in lines if line.startswith(f"daybook_event_log_{name} ")]


def check_it_goes_on(daybook, log, load):
    """Commands are obeyed after everything that was acknowledged before."""
    log.wait_until_ready(TIMEOUT)
    load.wait_for("acknowledged", 50, TIMEOUT)


@within(STOP_DEADLINE)
def test_a_log_that_stands_by_says_so_and_can_be_stopped(pair, limit):
    daybook, second = pair
    with standing_by(second):
        figures = second.figures()
        assert figures["role"] == "standby" and figures["leader"] == 0, figures
        assert second.health("/livez") == 200
        assert metric(second, "leader") == ["0"] and metric(second, "ready") == ["0"]
        assert daybook.event_log.figures()["role"] == "leader"
        assert metric(daybook.event_log, "leader") == ["1"]
        assert metric(second, "epoch") == ["0"]
        daybook.gateway.open("a", "5.00")
        assert second.stop(deadline=limit) == 0
    assert "standing by" in second.output
    assert daybook.gateway.deposit("a", "1.00").status == 200


def test_the_standby_takes_over_from_a_leader_that_is_killed_or_stopped(pair):
    daybook, second = pair
    first = daybook.event_log
    with Load(daybook) as load:
        load.wait_for("acknowledged", 50, TIMEOUT)
        with standing_by(second):
            first.kill()
            check_it_goes_on(daybook, second, load)
        assert second.figures()["role"] == "leader"
        with standing_by(first):
            # It gives the lead back.
            assert second.stop() == 0
            check_it_goes_on(daybook, first, load)
        assert int(metric(first, "epoch")[0]) >= int("postgresql" in daybook.settings["EVENT_STORE"])
    daybook.wait_until_caught_up(TIMEOUT)
    load.check()
    assert Tool(daybook).verify()[0] == 0 or "postgresql" in daybook.settings["EVENT_STORE"]


def test_commands_leave_a_leader_that_is_frozen(start_daybook, tmp_path, request):
    """What has a key, or records nothing, is answered by the next leader within its deadline; only of the rest is it not
    known what became of it. On SQLite a frozen leader keeps its lock, so nobody takes over."""
    database = postgresql.shared().create_database()
    request.addfinalizer(database.drop)
    daybook = start_daybook(start=False, database=database)
    first = daybook.event_log
    port = Ports.take()
    names = [f"EVENT_LOG_{name}_ENDPOINT" for name in ("APPEND", "EVENTS", "READ")]
    own = {name: f"tcp://127.0.0.1:{Ports.take()}" for name in names}
    both = {name: f"{daybook.settings[name]},{own[name]}" for name in names}
    second = Service("event-log-service", port, daybook.settings | own | {"EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{port}"},
                     tmp_path)  # fmt: skip
    daybook.command.settings = daybook.query.settings = daybook.settings | both
    try:
        daybook.start()
        daybook.gateway.open("a", "5.00")
        daybook.gateway.open("b", "5.00")
        with standing_by(second), ThreadPoolExecutor(2) as pool:
            first.freeze()
            post = daybook.gateway.post
            unkeyed = pool.submit(post, "b", deposit("1.00"), timeout=TIMEOUT)
            waiting = pool.submit(post, "a", deposit("1.00"), timeout=TIMEOUT, headers=keyed("k"))
            assert obeyed(waiting.result())["version"] == 2
            assert not unkeyed.done()
            # What comes later goes to the one that leads; and the key was used once.
            assert obeyed(post("a", deposit("1.00")))["version"] == 3
            assert obeyed(post("a", deposit("1.00"), headers=keyed("k")))["version"] == 2
            assert unkeyed.result().status == 504
        assert second.figures()["role"] == "leader"
        first.thaw()
        # It was deposed; what it was asked before is not done.
        wait_until_standby(first)
        assert obeyed(post("a", deposit("1.00")))["version"] == 4
        assert obeyed(post("b", deposit("1.00")))["version"] == 2
    finally:
        second.kill()
        second.client.close()
