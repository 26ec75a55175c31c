"""A PostgreSQL server that ends, stands still, is full, or breaks off what the log asks: nothing acknowledged is lost,
nothing false is answered, and the log goes on by itself."""

import time

import pytest

import postgresql
import store
from load import Load
from server_faults import FaultyServer
from services import wait_until
from test_disk_faults import check_everything, check_file, failures, wait_until_obeyed

pytestmark = pytest.mark.skipif(not postgresql.IS_USED, reason="of PostgreSQL alone: DAYBOOK_EVENT_STORE=postgresql")

TIMEOUT = 60


@pytest.fixture
def faulty():
    faulty = FaultyServer()
    yield faulty
    faulty.close()


@pytest.fixture
def daybook(faulty, make_daybook):
    daybook = make_daybook(database=faulty.database)
    daybook.start()
    return daybook


def wait_until_ready(service):
    wait_until(lambda: service.health("/readyz") == 200, f"{service.program} is ready", TIMEOUT)


def check_it_was_no_end(daybook, pid):
    """The log went on in the same process, and said so to nobody as a failure."""
    assert daybook.event_log.pid == pid and daybook.event_log.is_running
    assert not failures(daybook.event_log), daybook.event_log.output


@pytest.mark.parametrize("kind", ["kill server", "restart server", "terminate sessions", "cancel sessions"])
def test_I1_I8_whatever_breaks_under_load_nothing_acknowledged_is_lost_and_commands_flow_again(faulty, daybook, kind):
    pid = daybook.event_log.pid
    with Load(daybook) as load:
        for _ in range(3):
            load.wait_for("acknowledged", 30, TIMEOUT)
            faulty.strike(kind)
            time.sleep(0.3)
            faulty.mend(kind)
        load.wait_for("acknowledged", 30, TIMEOUT)
    wait_until_ready(daybook.event_log)
    check_it_was_no_end(daybook, pid)
    check_everything(daybook, load)


@pytest.mark.parametrize("seconds", [1, 8])
def test_I8_a_server_that_stands_still_is_told_of_and_waited_for(faulty, daybook, seconds):
    pid = daybook.event_log.pid
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30, TIMEOUT)
        faulty.strike("freeze server")
        end = time.monotonic() + seconds
        if seconds > 4:
            wait_until(lambda: daybook.event_log.health("/readyz") == 503, "/readyz says so", TIMEOUT)
            # Whoever reads the log now would learn how it stood.
            assert daybook.event_log.health("/livez") == 200
        time.sleep(max(0, end - time.monotonic()))
        faulty.mend("freeze server")
        load.wait_for("acknowledged", 30, TIMEOUT)
    wait_until_ready(daybook.event_log)
    check_it_was_no_end(daybook, pid)
    check_everything(daybook, load)


def test_I1_a_server_without_space_refuses_appends_loses_nothing_and_is_recovered_from(faulty, daybook):
    if not faulty.can_be_full:
        pytest.skip("no file system can be mounted here")
    pid = daybook.event_log.pid
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30, TIMEOUT)
        faulty.strike("fill server")
        wait_until(lambda: "full" in daybook.event_log.missing(), "/readyz says so", TIMEOUT)
        load.wait_for("nothing recorded", 50, TIMEOUT)
        # Reads go on.
        assert daybook.gateway.get(f"/accounts/{load.ACCOUNTS[0]}").status == 200
        faulty.mend("fill server")
        load.wait_for("acknowledged", 30, TIMEOUT)
    wait_until_ready(daybook.event_log)
    assert daybook.event_log.output.count("the store takes no writes") == 1, daybook.event_log.output
    check_it_was_no_end(daybook, pid)
    check_everything(daybook, load)


def test_a_log_that_is_started_without_its_server_waits_for_it(faulty, make_daybook):
    daybook = make_daybook(database=faulty.database)
    faulty.kill()
    daybook.event_log.start(wait=False)
    place = faulty.database.place
    said = wait_until(
        lambda: text if place in (text := daybook.event_log.missing()) else "", "the log says why it is not ready", TIMEOUT
    )
    assert daybook.event_log.health("/readyz") == 503
    assert postgresql.PASSWORD not in daybook.event_log.output + said
    faulty.start()
    wait_until_ready(daybook.event_log)
    daybook.command.start(wait=False)
    wait_until(lambda: daybook.command.health("/livez") == 200, "the gateway is there", TIMEOUT)
    opening = {"type": "OpenAccount", "owner": "A", "initial_balance": 0}
    assert daybook.gateway.insist("a", opening).status == 201


def test_a_log_whose_database_lost_what_was_acknowledged_ends_and_names_both_heads(faulty, daybook):
    """As after a failover to a server that was not synchronous."""
    daybook.gateway.open("a", 0)
    for _ in range(5):
        assert daybook.gateway.deposit("a", 1).status == 200
    faulty.database.run("BEGIN; DELETE FROM daybook.records WHERE position > 4;"
                        " UPDATE daybook.writer SET position = 4, changes = changes - 2; COMMIT")  # fmt: skip
    faulty.strike("terminate sessions")
    faulty.mend("terminate sessions")
    assert daybook.event_log.wait_for_end(TIMEOUT) == 1
    (line,) = failures(daybook.event_log)
    assert "6" in line and "4" in line and "acknowledged" in line, line


# ---- a synchronous standby


@pytest.fixture
def pair():
    """A server whose commits wait for another one, and that one."""
    faulty = FaultyServer(can_be_full=False)
    with postgresql.Server(primary=faulty.server) as standby:
        faulty.server.wait_for_standby()
        yield faulty, standby
    faulty.close()


@pytest.mark.parametrize("function", ["cancel", "terminate"])
def test_I1_a_commit_that_is_broken_off_while_it_waits_for_the_standby_is_acknowledged_only_once_it_is_there(
    pair, make_daybook, function
):
    """PostgreSQL answers such a COMMIT with success and a warning, and shows its rows, which no standby has."""
    faulty, standby = pair
    daybook = make_daybook(database=faulty.database)
    daybook.start()
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30, TIMEOUT)
        standby.freeze()
        faulty.strike(f"{function} sessions")
        end = time.monotonic() + 2
        while time.monotonic() < end:
            load.wait_for("acknowledged", 0)
            time.sleep(0.1)
        faulty.mend(f"{function} sessions")
        # What the primary shows now is lost with it.
        daybook.event_log.kill()
        faulty.kill()
        standby.thaw()
        standby.run("SELECT pg_promote()")
        promoted = postgresql.Database(standby, faulty.database.name)
        daybook.database = promoted
        daybook.event_log.settings = daybook.settings | {"EVENT_STORE": promoted.url}
        # Its only standby is gone: commits wait for none.
        standby.run("ALTER SYSTEM RESET synchronous_standby_names")
        standby.run("SELECT pg_reload_conf()")
        daybook.event_log.start()
        load.wait_for("acknowledged", 30, TIMEOUT)
    check_file(daybook, load)


def test_the_log_says_whether_commits_are_on_more_than_one_machine(pair, make_daybook):
    faulty, _ = pair
    daybook = make_daybook(database=faulty.database)
    daybook.start()
    figures = daybook.event_log.figures()
    assert figures["store_replicated"] == 1, figures
    store.check_chain(*store.read(faulty.database))
    wait_until_obeyed_first(daybook)


def wait_until_obeyed_first(daybook):
    daybook.gateway.open("a", 0)
    assert wait_until_obeyed(daybook, "a", 1).json["version"] == 2
