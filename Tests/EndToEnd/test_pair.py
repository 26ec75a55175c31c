"""Two event logs on one store: one leads, the other stands by and takes over. On one machine both have the same endpoints,
for a log that stands by binds none."""

from contextlib import contextmanager

import pytest

import postgresql
from daybook_tool import Tool
from load import Load
from services import Ports, Service, wait_until

PATIENCE = 90


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request, start_daybook, tmp_path):
    """The services, and a second event log that is not started yet."""
    if request.param == "postgresql":
        database = postgresql.shared().create_database()
        request.addfinalizer(database.drop)
        daybook = start_daybook(database=database)
    else:
        daybook = start_daybook(EVENT_STORE=f"sqlite:{tmp_path}/daybook.db", EVENT_LOG_STANDBY="yes")
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
        return log.health("/readyz") == 503 and log.figures().get("missing", [""])[0].startswith("standby: ")

    wait_until(stands_by, "it stands by", PATIENCE)


def metric(log, name):
    lines = log.client.get("/metrics").body.decode().splitlines()
    return [line.split()[-1] for line in lines if line.startswith(f"daybook_event_log_{name} ")]


def check_it_goes_on(daybook, log, load):
    """Commands are obeyed after everything that was acknowledged before."""
    log.wait_until_ready(PATIENCE)
    load.wait_for("acknowledged", 50, PATIENCE)


def test_a_log_that_stands_by_says_so_and_can_be_stopped(pair):
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
        assert second.stop() == 0
    assert "standing by" in second.output
    assert daybook.gateway.deposit("a", "1.00").status == 200


def test_the_standby_takes_over_from_a_leader_that_is_killed_or_stopped(pair):
    daybook, second = pair
    first = daybook.event_log
    with Load(daybook) as load:
        load.wait_for("acknowledged", 50, PATIENCE)
        with standing_by(second):
            first.kill()
            check_it_goes_on(daybook, second, load)
        assert second.figures()["role"] == "leader"
        with standing_by(first):
            # It gives the lead back.
            assert second.stop() == 0
            check_it_goes_on(daybook, first, load)
        assert int(metric(first, "epoch")[0]) >= int("postgresql" in daybook.settings["EVENT_STORE"])
    daybook.wait_until_caught_up(PATIENCE)
    load.check()
    assert Tool(daybook).verify()[0] == 0 or "postgresql" in daybook.settings["EVENT_STORE"]
