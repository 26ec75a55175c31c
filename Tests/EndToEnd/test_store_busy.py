"""Other programs that have the store open: the log waits for them, says so, and goes on by itself."""

import sqlite3
import threading
import time
from contextlib import closing

import zmq

import pytest

import secured
import store
from daybook_tool import Tool
from load import Load
from services import STOP_DEADLINE, wait_until
from timing import within


def outsider(daybook):
    """A connection of another program."""
    return sqlite3.connect(daybook.database, isolation_level=None, timeout=30, check_same_thread=False)


def check_refused(daybook):
    """A command is refused with the reason to come again, and nothing is recorded."""
    answer = daybook.gateway.deposit("a", 1)
    assert answer.status == 503 and answer.headers["Retry-After"], answer


def check_it_goes_on(daybook, version):
    wait_until(lambda: daybook.event_log.health("/readyz") == 200, "the log is ready")
    assert daybook.gateway.insist("a", {"type": "Deposit", "amount": 1}).json["version"] == version
    assert Tool(daybook).verify()[0] == 0


class Heartbeats:
    """The longest time without a heartbeat while it is used as a context."""

    def __init__(self, daybook):
        self._port = daybook.events_port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.longest = 0.0
        self.count = 0

    def _run(self):
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.linger = 0
            socket.subscribe(b"heartbeat/")
            secured.connect_socket(socket, f"tcp://127.0.0.1:{self._port}")
            last = None
            while not self._ended.is_set():
                if socket.poll(50):
                    # The frames of a message arrive together.
                    socket.recv_multipart(zmq.NOBLOCK)
                    self.count += 1
                    last = time.monotonic()
                if last is not None:
                    self.longest = max(self.longest, time.monotonic() - last)

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: self.count > 0, "a heartbeat")
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


@pytest.mark.sqlite_only("a reader of PostgreSQL keeps nobody from opening the log")
def test_C7_a_log_that_is_restarted_while_somebody_reads_waits_and_goes_on(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    with closing(outsider(daybook)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
        assert daybook.gateway.deposit("a", 1).status == 200
        assert daybook.event_log.stop() == 0
        daybook.event_log.start(wait=False)
        reason = "cannot be opened now: another program holds a lock"
        wait_until(lambda: reason in daybook.event_log.missing(), "the log says why it is not ready")
        assert daybook.event_log.health("/readyz") == 503
        assert daybook.event_log.health("/livez") == 200
        check_refused(daybook)
        assert daybook.event_log.is_running
        reader.execute("ROLLBACK")
        check_it_goes_on(daybook, 3)
    assert daybook.event_log.output.count("cannot be opened now") == 1, daybook.event_log.output


def test_C7_a_log_that_is_started_while_somebody_holds_the_write_lock_waits_and_goes_on(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    assert daybook.event_log.stop() == 0
    with store.write_lock(daybook.database) as release:
        daybook.event_log.start(wait=False)
        wait_until(lambda: daybook.event_log.health("/readyz") == 503, "the log says that it is not ready")
        check_refused(daybook)
        release()
        check_it_goes_on(daybook, 2)


@within(STOP_DEADLINE)
def test_C7_a_log_that_waits_for_its_store_can_be_stopped(start_daybook, limit):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    assert daybook.event_log.stop() == 0
    with store.write_lock(daybook.database):
        daybook.event_log.start(wait=False)
        wait_until(lambda: daybook.event_log.health("/readyz") == 503, "the log says that it is not ready")
        assert daybook.event_log.stop(deadline=limit) == 0


# Without a heartbeat.
@within(4)
def test_C7_a_write_lock_held_for_8_s_is_refused_told_and_survived(start_daybook, limit):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    pid = daybook.event_log.pid
    # With PostgreSQL the lock ends the log's lease after 3 s: it may have been deposed, and so reads and heartbeats end, too.
    has_lease = store.is_database(daybook.database)
    with Load(daybook) as load:
        load.wait_for("acknowledged", 50)
        with Heartbeats(daybook) as heartbeats, store.write_lock(daybook.database) as release:
            end = time.monotonic() + 8
            load.wait_for("nothing recorded", 20)
            wait_until(lambda: "takes no writes" in daybook.event_log.missing(), "/readyz says so")
            while time.monotonic() < end:
                check_refused(daybook)
                # Reads go on.
                assert has_lease or daybook.gateway.get("/accounts/a").status == 200
                time.sleep(0.1)
            release()
        assert has_lease or heartbeats.longest < limit, "the loop was held up"
        load.wait_for("acknowledged", 50)
    assert not [outcome for outcome in load.outcomes if outcome.kind == "unknown"]
    daybook.wait_until_caught_up()
    load.check()
    check_it_goes_on(daybook, 2)
    assert daybook.event_log.pid == pid and daybook.event_log.is_running
    assert daybook.event_log.output.count("takes no writes") == 1, daybook.event_log.output
    assert daybook.event_log.output.count("takes writes again") == 1, daybook.event_log.output
    assert daybook.event_log.figures()["refused"] >= 20


# ---- the write-ahead log


def wal_size(daybook):
    return daybook.database.with_name("daybook.db-wal").stat().st_size


def refusal(daybook, number):
    answer = daybook.gateway.post(
        "a", {"type": "Withdraw", "amount": 1}, headers={"Idempotency-Key": f"refused-{number}"}
    )
    assert answer.status == 400, answer


@pytest.mark.sqlite_only("PostgreSQL keeps its own write-ahead log in bounds")
def test_C1_refusals_under_keys_alone_keep_the_write_ahead_log_in_bounds(start_daybook):
    limit = 1 << 20
    daybook = start_daybook(EVENT_STORE_WAL_BYTES=limit)
    daybook.gateway.open("a", 0)
    largest = written = 0
    for number in range(1200):
        before = wal_size(daybook)
        refusal(daybook, number)
        after = wal_size(daybook)
        written += max(0, after - before)
        largest = max(largest, after)
    # It is looked at after each thousand pages of 4 KiB.
    assert written > 3 * limit, "too little was written to show anything"
    assert largest < limit + 5 * (1 << 20), largest


@pytest.mark.sqlite_only("PostgreSQL keeps its own write-ahead log in bounds")
def test_C6_a_reader_that_keeps_the_write_ahead_log_from_being_emptied_is_told_of_once(start_daybook):
    limit = 1 << 20
    daybook = start_daybook(EVENT_STORE_WAL_BYTES=limit)
    daybook.gateway.open("a", 0)
    with closing(outsider(daybook)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        numbers = iter(range(10_000))
        while wal_size(daybook) < 6 * limit:
            refusal(daybook, next(numbers))
        warning = "another program has been reading the log for long"
        wait_until(lambda: warning in daybook.event_log.output, "the log warns")
        size = daybook.event_log.figures()["store_pending_bytes"]
        assert size == wal_size(daybook)
        assert daybook.event_log.figures()["store_bytes"] == daybook.database.stat().st_size
        metrics = daybook.event_log.client.get("/metrics").body.decode()
        assert f"daybook_event_log_store_pending_bytes {size}" in metrics
        for _ in range(100):
            refusal(daybook, next(numbers))
        reader.execute("ROLLBACK")
    while wal_size(daybook) > limit:
        refusal(daybook, next(numbers))
    wait_until(lambda: "the store's space is as usual again" in daybook.event_log.output, "the log says so")
    assert daybook.event_log.output.count(warning) == 1, daybook.event_log.output
