"""The event stream as an outsider meets it: real services, real sockets, and only what the specification promises."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

import daybook_subscriber
import pytest
import zmq
from daybook_frames import (
    ANY_VERSION, APPEND, HEAD, HEADER, MAGIC, OUTCOME, READ_LOG, READ_STREAM, STATUS, Command, Event, Record,
    Write, append_body, genesis, read_append_reply, sized, stream_bytes,
)  # fmt: skip
from daybook_services import PATIENCE, STOP_DEADLINE, Services, at_once, wait_for
from daybook_subscriber import Refused, Requester, Subscriber, append, received

Socket = zmq.Socket[bytes]
LIMIT = struct.pack(">II", 10_000, 4 << 20)
SPECIFICATION = (
    Path(__file__).resolve().parents[2] / "Sources/EventLogProtocol/EventLogProtocol.docc/Specification.md"
)


# MARK: what the tests work with


@pytest.fixture
def services() -> Iterator[Services]:
    with Services() as services:
        yield services


@pytest.fixture
def log(services: Services) -> Services:
    """Only the event-log service runs."""
    services.start("event-log-service")
    return services


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.close()


class Peers:
    """Makes the sockets of a test, and closes them with it."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.context.linger = 0
        self.opened: list[Subscriber | Requester | Socket] = []

    def subscriber(self, services: Services, after: Record | int = 0, receive_queue: int = 1000) -> Subscriber:
        made = Subscriber(self.context, services.events, services.read, after, receive_queue)
        self.opened.append(made)
        return made

    def requester(self, endpoint: str) -> Requester:
        made = Requester(self.context, endpoint, patience=PATIENCE)
        self.opened.append(made)
        return made

    def socket(
        self, role: int, endpoint: str, subscribe: bytes | None = None, receive_queue: int = 1000
    ) -> Socket:
        made = self.context.socket(role)
        made.setsockopt(zmq.RCVHWM, receive_queue)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.RCVTIMEO, int(PATIENCE * 1000))
        made.setsockopt(zmq.SNDTIMEO, int(PATIENCE * 1000))
        if subscribe is not None:
            made.setsockopt(zmq.SUBSCRIBE, subscribe)
        made.connect(endpoint)
        self.opened.append(made)
        return made

    def close(self) -> None:
        for opened in self.opened:
            opened.close()
        self.context.destroy(linger=0)


def event(type_: str = "Happened", data: bytes = b"{}", metadata: bytes = b"") -> Event:
    milliseconds = time.time_ns() // 1_000_000
    return Event(UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | random.getrandbits(62)), type_, data, metadata)


def fill(requester: Requester, requests: int, events: int = 1, data: bytes = b'{"amount":"1.00"}') -> None:
    """Appends so many requests of so many events each, all of them sent at once, and checks that each is recorded."""
    bodies = [
        append_body([Write(f"account/a-{number % 50}", None, [event(data=data) for _ in range(events)])])
        for number in range(requests)
    ]
    for reply in requester.ask_all(APPEND, bodies):
        assert read_append_reply(reply).result == "committed"


def malformed(services: Services) -> int:
    return int(services.readiness()["malformed_frames"])


def head(services: Services) -> tuple[int, str]:
    readiness = services.readiness()
    return readiness["position"], readiness["hash"]


def check_sequence(records: list[Record], services: Services) -> None:
    """Positions 1 to n, stream versions 1 to n, a chain from the genesis hash to the head that the service tells."""
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    assert (len(records), records[-1].hash.hex()) == head(services)
    previous = genesis(records[0].log_id)
    versions: dict[bytes, int] = {}
    last_time = 0
    for record in records:
        assert record.hash == record.hash_after(previous)
        stream = f"{record.category}/{record.name}".encode()
        versions[stream] = versions.get(stream, 0) + 1
        assert record.stream_version == versions[stream]
        assert record.recorded_at >= last_time
        previous, last_time = record.hash, record.recorded_at


def works(services: Services, peers: Peers) -> None:
    """A normal append is obeyed and is published."""
    reply = append(peers.requester(services.append), Write("check/works", None, [event()]))
    assert reply.result == "committed"
    subscriber = peers.subscriber(services, after=reply.position - 1)
    assert next(subscriber).position == reply.position


# MARK: what is published


def test_an_event_is_three_frames_with_the_bytes_that_are_stored(services: Services, peers: Peers) -> None:
    services.start()
    subscription = peers.socket(zmq.SUB, services.events, b"")
    subscription.recv_multipart()
    services.command("acc-001", type="OpenAccount", owner="Zoë", initial_balance="1000.00")
    services.command("acc-001", type="Deposit", amount=500.0)
    services.command("acc-001", type="Withdraw", amount=200)
    messages: list[list[bytes]] = []
    while len(messages) < 3:
        message = subscription.recv_multipart()
        if message[0] != b"heartbeat/":
            messages.append(message)

    with sqlite3.connect(services.database) as database:
        (log_id,) = database.execute("SELECT id FROM log").fetchone()
        rows = database.execute(
            "SELECT position, category, type, stream, schema_version, version, recorded_at, id, hash, "
            "CAST(metadata AS BLOB), CAST(data AS BLOB) FROM events ORDER BY position"
        ).fetchall()
    assert len(rows) == 3
    for message, row in zip(messages, rows):
        position, category, type_, stream, schema, version, at, event_id, digest, metadata, data = row
        topic, header, published = message
        assert topic == f"{category}/{type_}/{stream}/".encode()
        assert header[:96] == HEADER.pack(MAGIC, 1, 0, schema, log_id, position, version, at, event_id, digest)
        assert header[96:] == metadata
        assert published == data
        assert UUID(bytes=event_id).version == 7
    assert [message[0] for message in messages] == [
        b"account/AccountOpened/acc-001/", b"account/MoneyDeposited/acc-001/", b"account/MoneyWithdrawn/acc-001/",
    ]  # fmt: skip
    assert messages[1][2] == b'{"amount":"500.00"}'


def test_whatever_was_appended_is_published_byte_for_byte(log: Services, peers: Peers) -> None:
    data = '{ "text" : "Zoë \\u0000 \\/ 🪙",\n"n":1e400, "n":2 }'.encode()
    metadata = b' {"by":"an outsider"}'
    reply = append(peers.requester(log.append), Write("any.thing~x/A-1_b", 0, [event("T", data, metadata)]))
    record = next(peers.subscriber(log))
    assert (reply.result, reply.position, reply.versions) == ("committed", 1, (1,))
    assert (record.topic, record.data, record.metadata) == (b"any.thing~x/T/A-1_b/", data, metadata)
    assert record.recorded_at == reply.recorded_at


def test_positions_have_no_gaps_and_the_chain_begins_with_the_log_id(services: Services, peers: Peers) -> None:
    services.start()
    subscriber = peers.subscriber(services)
    for number in range(5):
        services.command(f"a-{number}", type="OpenAccount", owner="A", initial_balance=10)

    def deposit(number: int) -> None:
        for _ in range(10):
            services.command(f"a-{number}", type="Deposit", amount=1)

    with at_once(*(partial(deposit, number) for number in range(5))):
        pass
    check_sequence(list(subscriber.up_to(55)), services)
    assert str(subscriber.log_id) == services.readiness()["log"]


@pytest.mark.timing
def test_a_heartbeat_comes_at_once_on_subscription(log: Services, peers: Peers) -> None:
    fill(peers.requester(log.append), 3)
    waits = []
    for _ in range(15):
        began = time.monotonic()
        topic, header, data = peers.socket(zmq.SUB, log.events, b"heartbeat/").recv_multipart()
        waits.append(time.monotonic() - began)
        assert (topic, data, len(header)) == (b"heartbeat/", b"", 96)
        position, digest = head(log)
        log_id = UUID(log.readiness()["log"]).bytes
        assert header == HEADER.pack(MAGIC, 2, 0, 0, log_id, position, 0, 0, bytes(16), bytes.fromhex(digest))
    # Every half second alone would make it a quarter on average.
    assert statistics.median(waits) < 0.15, waits


@pytest.mark.timing
def test_a_heartbeat_comes_about_every_500_ms(log: Services, peers: Peers) -> None:
    subscription = peers.socket(zmq.SUB, log.events, b"heartbeat/")
    subscription.recv_multipart()
    times = []
    for _ in range(7):
        subscription.recv_multipart()
        times.append(time.monotonic())
    assert statistics.median(b - a for a, b in zip(times, times[1:])) == pytest.approx(0.5, abs=0.1)


def test_the_heartbeat_of_an_empty_log_carries_the_genesis_hash(log: Services, peers: Peers) -> None:
    header = peers.socket(zmq.SUB, log.events, b"heartbeat/").recv_multipart()[1]
    assert header[24:32] == bytes(8)
    assert header[64:] == genesis(UUID(bytes=header[8:24]))


def test_a_topic_prefix_does_not_catch_a_longer_name(log: Services, peers: Peers) -> None:
    subscription = peers.socket(zmq.SUB, log.events, b"account/Happened/acc-1/")
    subscription.setsockopt(zmq.SUBSCRIBE, b"heartbeat/")
    assert subscription.recv_multipart()[0] == b"heartbeat/"
    requester = peers.requester(log.append)
    for name in ("acc-10", "acc-1", "acc-11", "acc-1"):
        append(requester, Write(f"account/{name}", None, [event()]))
    found: list[tuple[bytes, int]] = []
    while not found or found[-1][0] != b"heartbeat/" or found[-1][1] < 4:
        topic, header, _ = subscription.recv_multipart()
        found.append((topic, int.from_bytes(header[24:32], "big")))
    assert [position for topic, position in found if topic != b"heartbeat/"] == [2, 4]


# MARK: joining and repairing


def test_a_late_subscriber_gets_everything(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    fill(requester, 200, events=100)
    subscriber = peers.subscriber(log)
    records = list(subscriber.up_to(20_000))
    fill(requester, 10)
    records += subscriber.up_to(20_010)
    check_sequence(records, log)


def test_a_subscriber_goes_on_from_the_record_or_the_position_that_it_holds(log: Services, peers: Peers) -> None:
    fill(peers.requester(log.append), 100)
    held = list(peers.subscriber(log).up_to(60))[-1]
    assert [record.position for record in peers.subscriber(log, after=held).up_to(100)] == list(range(61, 101))
    assert [record.position for record in peers.subscriber(log, after=90).up_to(100)] == list(range(91, 101))


def test_a_subscriber_joins_while_events_pour_in(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)

    def append_on() -> None:
        for _ in range(20):
            fill(requester, 50, events=10)

    with at_once(append_on):
        subscribers = [peers.subscriber(log) for _ in range(3)]
        taken = [list(subscriber.up_to(10_000)) for subscriber in subscribers]
    for records in taken:
        check_sequence(records, log)


def lose_an_event(subscriber: Subscriber) -> None:
    """Takes the next event that is published away from the subscriber, and the heartbeats before it."""
    subscriber.socket.rcvtimeo = int(PATIENCE * 1000)
    while subscriber.socket.recv_multipart()[0] == b"heartbeat/":
        pass


def test_a_gap_is_found_and_repaired(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    fill(requester, 3)
    subscriber = peers.subscriber(log)
    records = list(subscriber.up_to(3))
    fill(requester, 10)
    for _ in range(4):
        lose_an_event(subscriber)
    fill(requester, 1)
    records += subscriber.up_to(14)
    assert subscriber.counts.gaps + subscriber.counts.lost_tails >= 1
    check_sequence(records, log)


def test_a_lost_tail_is_found_by_the_heartbeat(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    fill(requester, 3)
    subscriber = peers.subscriber(log)
    records = list(subscriber.up_to(3))
    fill(requester, 1)
    lose_an_event(subscriber)
    records += subscriber.up_to(4)
    assert (subscriber.counts.gaps, subscriber.counts.lost_tails) == (0, 1)
    check_sequence(records, log)


def test_a_subscriber_that_loses_thousands_of_events_repairs_itself(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    fill(requester, 1)
    subscriber = peers.subscriber(log, receive_queue=1)
    records = list(subscriber.up_to(1))
    # More than the queue of the log for one subscriber and the system's buffers between them hold.
    fill(requester, 5000, events=6, data=b'{"text":"' + b"x" * 1000 + b'"}')
    records += subscriber.up_to(30_001)
    fill(requester, 10)
    records += subscriber.up_to(30_011)
    check_sequence(records, log)
    print(f"gaps {subscriber.counts.gaps}, lost tails {subscriber.counts.lost_tails}, reads {subscriber.counts.reads}")
    assert subscriber.counts.gaps + subscriber.counts.lost_tails > 0, "nothing was lost, so nothing was tested"
    assert subscriber.counts.malformed == 0


def test_a_frozen_subscriber_delays_nobody_and_costs_bounded_memory(log: Services, peers: Peers) -> None:
    bound = 300 << 20
    fill(peers.requester(log.append), 10)
    with outside_process(log) as (process, output):
        wait_for("the subscriber has the first events", lambda: output.read_text().count("\n") >= 10)
        process.send_signal(signal.SIGSTOP)
        requester = peers.requester(log.append)
        before = log.resident_bytes()
        slowest, largest = 0.0, before
        for _ in range(100):
            began = time.monotonic()
            fill(requester, 50, events=10, data=b'{"text":"' + b"x" * 800 + b'"}')
            slowest = max(slowest, time.monotonic() - began)
            largest = max(largest, log.resident_bytes())
        print(f"resident: {before >> 20} MiB before, at most {largest >> 20} MiB; slowest 500 events: {slowest:.3f} s")
        assert largest < bound
        process.send_signal(signal.SIGCONT)
        total, last_hash = head(log)
        assert total == 50_010
        wait_for("the subscriber has everything", lambda: f"\n{total} {last_hash} " in output.read_text(), 2 * PATIENCE)
        lines = output.read_text().splitlines()
    assert [int(line.split(" ")[0]) for line in lines] == list(range(1, total + 1))


@contextmanager
def outside_process(services: Services) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A subscriber in a process of its own, which writes a line for every record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        program = [sys.executable, daybook_subscriber.__file__, services.events, services.read]
        with open(path, "wb") as output, subprocess.Popen(program, stdout=output) as process:
            try:
                yield process, path
            finally:
                process.kill()


def test_after_a_crash_the_log_goes_on_with_the_same_chain(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    subscriber = peers.subscriber(log)
    fill(requester, 20)
    records = list(subscriber.up_to(20))
    log_id = log.readiness()["log"]
    for restart in range(1, 4):
        held = head(log)
        log.kill()
        log.start("event-log-service")
        assert (log.readiness()["log"], head(log)) == (log_id, held)
        fill(peers.requester(log.append), 20)
        # The same subscriber: it connects again by itself.
        records += subscriber.up_to(20 + 20 * restart)
    check_sequence(records, log)


def test_nothing_acknowledged_is_lost_by_a_kill_under_load(log: Services, peers: Peers) -> None:
    acknowledged: list[int] = []
    enough = threading.Event()

    def append_on() -> None:
        requester = peers.requester(log.append)
        # After the kill it waits for so long.
        requester.patience = 10.0
        try:
            while True:
                acknowledged.append(append(requester, Write("account/a", None, [event()])).position)
                if len(acknowledged) == 200:
                    enough.set()
        except TimeoutError:
            pass

    with at_once(append_on):
        assert enough.wait(PATIENCE)
        log.kill()
    log.start("event-log-service")
    records = list(peers.subscriber(log).up_to(acknowledged[-1]))
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    assert acknowledged == list(range(1, len(acknowledged) + 1))
    assert head(log)[0] - len(acknowledged) in (0, 1), "at most the one under way was recorded too"


# MARK: appending


def test_a_conflict_tells_the_actual_version_and_what_was_missed(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    events = [event(data=b'{"n":%d}' % number) for number in range(5)]
    assert append(requester, Write("account/a", 0, events[:2])).versions == (2,)
    assert append(requester, Write("account/a", 2, events[2:4], last_event=events[1].id)).versions == (4,)

    reply = append(requester, Write("account/a", 1, events[4:]))
    assert (reply.result, reply.conflict.write, reply.conflict.actual) == ("conflict", 0, 4)
    missed = reply.conflict.missed
    assert [record.stream_version for record in missed] == [2, 3, 4]
    assert [record.data for record in missed] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
    assert missed[1].hash_after(missed[0].hash) == missed[1].hash

    ahead = append(requester, Write("account/a", 9, events[4:])).conflict
    assert (ahead.actual, [record.stream_version for record in ahead.missed]) == (4, [4])
    other_course = append(requester, Write("account/a", 4, events[4:], last_event=events[0].id)).conflict
    assert [record.event_id for record in other_course.missed] == [events[3].id]
    nothing = append(requester, Write("account/b", 3, events[4:])).conflict
    assert (nothing.stream, nothing.actual, nothing.missed) == ("account/b", 0, ())
    assert head(log)[0] == 4
    assert log.readiness()["conflicts"] == 4


def test_an_append_to_several_streams_is_whole_or_nothing(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    both = append(requester, Write("account/a", 0, [event(), event()]), Write("account/b", 0, [event()]))
    assert (both.result, both.position, both.versions) == ("committed", 3, (2, 1))
    torn = append(requester, Write("account/a", 2, [event()]), Write("account/b", 0, [event()]))
    assert (torn.result, torn.conflict.write, torn.conflict.actual) == ("conflict", 1, 1)
    records = list(peers.subscriber(log).up_to(3))
    assert [(record.name, record.stream_version) for record in records] == [("a", 1), ("a", 2), ("b", 1)]
    check_sequence(records, log)


def test_a_conflict_and_a_replay_name_all_streams(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    command = Command(b"key", bytes(32))
    writes = [Write("account/a", 0, [event()]), Write("account/b", 0), Write("account/c", 0, [event()])]
    assert append(requester, *writes, command=command).versions == (1, 0, 1)
    replayed = append(requester, *writes, command=command)
    assert (replayed.result, replayed.versions) == ("replayed", (1, 0, 1))
    assert replayed.streams == ("account/a", "account/b", "account/c")
    refused = append(requester, *writes)
    assert [(conflict.write, conflict.stream, conflict.actual) for conflict in refused.conflicts] == [
        (0, "account/a", 1), (2, "account/c", 1),
    ]  # fmt: skip
    assert [len(conflict.missed) for conflict in refused.conflicts] == [1, 1]
    # One without events and without a key asks whether what it expects holds, and records nothing.
    check = append(requester, Write("account/a", 1), Write("account/b", 0))
    assert (check.result, check.position, check.versions) == ("committed", 2, (1, 0))
    assert append(requester, Write("account/a", 1), Write("account/b", 1)).conflict.stream == "account/b"
    assert head(log)[0] == 2


def test_each_record_says_whether_its_append_goes_on(log: Services, peers: Peers) -> None:
    subscription = peers.socket(zmq.SUB, log.events, b"")
    subscription.recv_multipart()
    requester = peers.requester(log.append)
    sizes = [(1,), (2, 0, 1), (1,), (4,)]
    for number, size in enumerate(sizes):
        append(requester, *(Write(f"account/{number}-{index}", 0, [event() for _ in range(events)])
                            for index, events in enumerate(size)))  # fmt: skip
    expected = [False, True, True, False, False, True, True, True, False]
    live: list[bytes] = []
    while len(live) < len(expected):
        message = subscription.recv_multipart()
        if message[0] == b"heartbeat/":
            assert message[1][5] == 0
        else:
            live.append(message[1])
    assert [header[5] for header in live] == [int(flag) for flag in expected]
    records = list(peers.subscriber(log).up_to(len(expected)))
    assert [record.continues for record in records] == expected
    assert [record.header for record in records] == [header[:96] for header in live]
    # All records of an append have one time; the head is never inside one.
    times = [{record.recorded_at for record in records[a:b]} for a, b in ((0, 1), (1, 4), (4, 5), (5, 9))]
    assert [len(time) for time in times] == [1, 1, 1, 1]
    check_sequence(records, log)
    reads = peers.requester(log.read)
    reply = reads.ask(READ_STREAM, stream_bytes("account/1-0") + struct.pack(">QII", 0, 10, 1 << 20))
    reply.integer(8)
    assert [record.continues for record in reply.records()] == [True, True]


def test_a_key_has_one_outcome_for_good(log: Services, peers: Peers) -> None:
    requester = peers.requester(log.append)
    command = Command(b"key-1", bytes(range(32)), b"an outcome")
    first = append(requester, Write("account/a", 0, [event()]), command=command)
    append(requester, Write("account/a", 1, [event()]))
    expected = ("replayed", first.position, first.recorded_at, first.versions, ("account/a",), b"an outcome")
    for _ in range(2):
        again = append(requester, Write("account/a", 0, [event("Other")]), command=command)
        found = (again.result, again.position, again.recorded_at, again.versions, again.streams, again.outcome)
        assert found == expected
        other = append(requester, Write("account/a", 2, [event()]), command=Command(b"key-1", bytes(32)))
        assert other.result == "key reused"
        assert append(requester, Write("account/b", None), command=command).result in ("committed", "replayed")
        log.kill()
        log.start("event-log-service")
        requester = peers.requester(log.append)
    assert head(log)[0] == 2

    reads = peers.requester(log.read)
    bound = reads.ask(OUTCOME, stream_bytes("account/a") + sized(1, b"key-1"))
    assert (bound.integer(1), bound.take(32), bound.integer(8)) == (1, bytes(range(32)), first.position)
    assert reads.ask(OUTCOME, stream_bytes("account/a") + sized(1, b"key-2")).rest == b"\0"


@pytest.mark.parametrize(
    ("writes", "reason"),
    [
        ([], "names no stream"),
        ([Write("account/a", None, [event()]), Write("account/a", None, [event()])], "named twice"),
        ([Write("account/a", 0, [event()], last_event=UUID(int=1))], "last event"),
        ([Write("account/a", None, [event("With space")])], "type"),
        ([Write("account/a", None, [event("")])], "type"),
        ([Write("account/a", None, [Event(UUID(int=1), "T", b"{}", schema_version=0)])], "schema version 0"),
        ([Write("account/a", None, [event(data=b"{")])], "not JSON"),
        ([Write("account/a", None, [event(data=b"")])], "not JSON"),
        ([Write("account/a", None, [event(data=b'"\xff"')])], "not JSON"),
        ([Write("account/a", None, [event(metadata=b"[]")])], "metadata"),
        ([Write("account/a", None, [event(data=b'"' + b"x" * (1 << 20) + b'"')])], "more than 1048576"),
        ([Write("account/a", None, [event()] * 10_001)], "more than 10000"),
    ],
)
def test_an_append_that_breaks_a_rule_is_invalid(
    log: Services, peers: Peers, writes: list[Write], reason: str
) -> None:
    reply = append(peers.requester(log.append), *writes)
    assert reply.result == "invalid"
    assert reason in reply.reason
    assert (head(log)[0], malformed(log)) == (0, 0)


# MARK: reading


def test_reads_keep_to_their_limits_and_tell_the_head(log: Services, peers: Peers) -> None:
    fill(peers.requester(log.append), 30, events=10)
    reads = peers.requester(log.read)

    def page(after: int, events: int, size: int) -> tuple[int, list[Record]]:
        reply = reads.ask(READ_LOG, struct.pack(">QII", after, events, size))
        head, records = reply.head(), reply.records()
        reply.finish()
        return head.position, records

    assert [record.position for record in page(7, 5, 1 << 20)[1]] == [8, 9, 10, 11, 12]
    assert [record.position for record in page(7, 5, 1)[1]] == [8], "never nothing where there is something"
    assert [record.position for record in page(0, 100, 3 * len(b'{"amount":"1.00"}'))[1]] == [1, 2, 3]
    for beyond in (300, 301, 2**63, 2**64 - 1):
        assert page(beyond, 5, 1 << 20) == (300, [])

    reply = reads.ask(READ_STREAM, stream_bytes("account/a-7") + struct.pack(">QII", 4, 2, 1 << 20))
    assert reply.integer(8) == 10
    assert [(record.name, record.stream_version) for record in reply.records()] == [("a-7", 5), ("a-7", 6)]
    missing = reads.ask(READ_STREAM, stream_bytes("account/none") + struct.pack(">QII", 0, 2, 1 << 20))
    assert missing.rest == bytes(12)

    status = reads.ask(STATUS).head()
    assert (str(status.log_id), status.position, status.hash.hex()) == (log.readiness()["log"], *head(log))


def test_many_requests_may_share_a_message_and_numbers_come_back(log: Services, peers: Peers) -> None:
    for endpoint, kind, body in ((log.append, APPEND, one_append()), (log.read, STATUS, b"")):
        dealer = peers.socket(zmq.DEALER, endpoint)
        numbers = [2**64 - 1 - number for number in range(64)]
        dealer.send_multipart([HEAD.pack(MAGIC, kind, 0, 0, number) + body for number in numbers])
        replies: list[bytes] = []
        while len(replies) < 64:
            replies += dealer.recv_multipart()
        assert [HEAD.unpack(reply[:16]) for reply in replies] == [(MAGIC, kind | 0x80, 0, 0, n) for n in numbers]


def test_a_socket_refuses_requests_of_the_others_kind(log: Services, peers: Peers) -> None:
    with pytest.raises(Refused) as refusal:
        peers.requester(log.append).ask(STATUS)
    assert refusal.value.code == 3
    with pytest.raises(Refused) as refusal:
        peers.requester(log.read).ask(APPEND, one_append())
    assert refusal.value.code == 3
    assert (head(log)[0], malformed(log)) == (0, 0)


# MARK: peers that break the grammar


def one_append() -> bytes:
    return append_body([Write("account/a", None, [event()])])


def frame(kind: int, body: bytes = b"", magic: bytes = MAGIC, flags: int = 0, reserved: int = 0) -> bytes:
    return HEAD.pack(magic, kind, flags, reserved, 1) + body


FINE = append_body([Write("account/a", 0, [Event(UUID(int=1), "T", b"{}")])])
READ = struct.pack(">QII", 0, 1, 1)

MALFORMED_ON_EITHER = {
    "nothing": b"",
    "a cut head": frame(STATUS)[:15],
    "another magic": frame(STATUS, magic=b"DBK2"),
    "an unknown kind": frame(0x24),
    "flags": frame(STATUS, flags=1),
    "reserved bytes": frame(STATUS, reserved=1),
    "a reply": frame(APPEND | 0x80, b"\2"),
    "a refusal": frame(0xFF, b"\1\0\0"),
    "random bytes": random.Random(1).randbytes(100),
}
MALFORMED_APPENDS = {
    "an append without body": frame(APPEND),
    "an append cut short": frame(APPEND, FINE[:-1]),
    "an append with bytes behind": frame(APPEND, FINE + b"\0"),
    "an append with a cut key": frame(APPEND, b"\5abc"),
    "an append without a fingerprint": frame(APPEND, b"\1k" + bytes(10)),
    "an append with an endless outcome": frame(APPEND, b"\1k" + bytes(32) + b"\xff" * 4 + b"\0\0"),
    "an append that announces 65,535 streams": frame(APPEND, b"\0\xff\xff" + FINE[3:]),
    "an append to a stream without name": frame(APPEND, append_body([Write("account/", 0, [event()])])),
    "an append to a stream with a slash": frame(APPEND, append_body([Write("account/a/b", 0, [event()])])),
    "an append to a stream with a long name": frame(APPEND, append_body([Write("account/" + "a" * 129, 0)])),
    "an append to a long category": frame(APPEND, append_body([Write("a" * 33 + "/a", 0)])),
    "an append with unknown version flags": frame(APPEND, FINE[:21] + b"\2" + FINE[22:]),
    "an append to any version with an id": frame(
        APPEND, b"\0\0\1" + stream_bytes("account/a") + struct.pack(">QB", ANY_VERSION, 1) + bytes(18)
    ),
    "an append that announces 65,535 events": frame(APPEND, FINE[:22] + b"\xff\xff" + FINE[24:]),
    "an append with a type that is not UTF-8": frame(APPEND, FINE.replace(b"\1T", b"\1\xff")),
    "an append with endless data": frame(APPEND, FINE[:-6] + b"\x7f\xff\xff\xff{}"),
}
MALFORMED_READS = {
    "a read without body": frame(READ_LOG),
    "a read of no events": frame(READ_LOG, struct.pack(">QII", 0, 0, 1)),
    "a read of no bytes": frame(READ_LOG, struct.pack(">QII", 0, 1, 0)),
    "a read with bytes behind": frame(READ_LOG, READ + b"\0"),
    "a read of a stream without name": frame(READ_STREAM, b"\7account\0" + READ),
    "a read of a stream cut short": frame(READ_STREAM, stream_bytes("account/a") + READ[:-1]),
    "a status with bytes behind": frame(STATUS, b"\0"),
    "an outcome without key": frame(OUTCOME, stream_bytes("account/a") + b"\0"),
    "an outcome with a cut key": frame(OUTCOME, stream_bytes("account/a") + b"\5abc"),
}


def each_of(frames: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("nonsense", frames.values(), ids=frames.keys())


@pytest.fixture(scope="module")
def shared_log() -> Iterator[Services]:
    with Services() as services:
        services.start("event-log-service")
        yield services


@each_of(MALFORMED_ON_EITHER | MALFORMED_APPENDS)
def test_a_malformed_append_is_ignored_and_counted(shared_log: Services, peers: Peers, nonsense: bytes) -> None:
    before, position = malformed(shared_log), head(shared_log)[0]
    dealer = peers.socket(zmq.DEALER, shared_log.append)
    dealer.send_multipart([nonsense, HEAD.pack(MAGIC, APPEND, 0, 0, 77) + one_append()])
    (reply,) = dealer.recv_multipart()
    assert HEAD.unpack(reply[:16]) == (MAGIC, 0x90, 0, 0, 77)
    assert (malformed(shared_log), head(shared_log)[0]) == (before + 1, position + 1)


@each_of(MALFORMED_ON_EITHER | MALFORMED_READS)
def test_a_malformed_read_is_ignored_and_counted(shared_log: Services, peers: Peers, nonsense: bytes) -> None:
    before = malformed(shared_log)
    dealer = peers.socket(zmq.DEALER, shared_log.read)
    dealer.send_multipart([nonsense, HEAD.pack(MAGIC, STATUS, 0, 0, 77)])
    (reply,) = dealer.recv_multipart()
    assert HEAD.unpack(reply[:16]) == (MAGIC, 0xA2, 0, 0, 77)
    assert malformed(shared_log) == before + 1


def test_a_message_of_too_many_frames_is_dropped_and_counted(log: Services, peers: Peers) -> None:
    for endpoint, kind, body in ((log.append, APPEND, one_append()), (log.read, STATUS, b"")):
        before, position = malformed(log), head(log)[0]
        dealer = peers.socket(zmq.DEALER, endpoint)
        dealer.send_multipart([frame(kind, body)] * 65)
        dealer.send(HEAD.pack(MAGIC, kind, 0, 0, 77) + body)
        (reply,) = dealer.recv_multipart()
        assert HEAD.unpack(reply[:16])[4] == 77
        assert head(log)[0] - position == (1 if kind == APPEND else 0)
        assert malformed(log) > before


def test_nonsense_on_the_events_socket_is_ignored_and_counted(log: Services, peers: Peers) -> None:
    before = malformed(log)
    publisher_side = peers.socket(zmq.XSUB, log.events)
    publisher_side.send(b"\1")
    publisher_side.recv_multipart()
    for nonsense in ([b""], [b"\2nonsense"], [random.Random(2).randbytes(1000)], [b"\xff"] * 3):
        publisher_side.send_multipart(nonsense)
    works(log, peers)
    wait_for("it was counted", lambda: malformed(log) >= before + 4)


def test_random_frames_on_all_sockets_stop_nothing(log: Services, peers: Peers) -> None:
    generator = random.Random(3)
    seeds = [frame(APPEND, FINE), frame(READ_LOG, READ), frame(STATUS), frame(OUTCOME, stream_bytes("a/a") + b"\1k")]
    before = malformed(log)
    sent = 0
    for endpoint in (log.append, log.read):
        dealer = peers.socket(zmq.DEALER, endpoint)
        for _ in range(300):
            frames = []
            for _ in range(generator.randrange(1, 8)):
                mutated = bytearray(generator.choice(seeds))
                for _ in range(generator.randrange(1, 5)):
                    mutated[generator.randrange(len(mutated))] = generator.randrange(256)
                frames.append(bytes(mutated[: generator.randrange(len(mutated) + 1)]))
            dealer.send_multipart(frames)
            sent += len(frames)
    wait_for("most are counted", lambda: malformed(log) - before > sent // 2)
    works(log, peers)


def test_frames_beyond_the_limit_cost_only_their_connection(log: Services, peers: Peers) -> None:
    for endpoint, size in ((log.append, (8 << 20) + 1), (log.read, (64 << 10) + 1), (log.events, 1025)):
        role = zmq.XSUB if endpoint == log.events else zmq.DEALER
        greedy = peers.socket(role, endpoint)
        greedy.send(bytes(size))
    works(log, peers)


def test_garbage_without_zeromq_stops_nothing(log: Services, peers: Peers) -> None:
    generator = random.Random(4)
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 32)
    garbage = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", generator.randbytes(10_000), b"\xff" * 64, b"\0" * 64, greeting[:20],
        greeting + generator.randbytes(1000),
    ]  # fmt: skip
    connections = []
    for port in log.zeromq_ports:
        for bytes_ in garbage:
            connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
            connections.append(connection)
            try:
                connection.sendall(bytes_)
            except ConnectionError:
                continue  # It may hang up as soon as it has seen enough.
    works(log, peers)
    for connection in connections:
        connection.close()
    works(log, peers)


@pytest.mark.timing
@pytest.mark.parametrize("flood", [frame(0x24), frame(STATUS)], ids=["malformed", "refused"])
def test_a_flood_on_the_append_socket_disturbs_nobody(log: Services, peers: Peers, flood: bytes) -> None:
    before = log.resident_bytes()
    with flooding(log.append, [flood] * 64, processes=2):
        subscription = peers.socket(zmq.SUB, log.events, b"heartbeat/")
        requester = peers.requester(log.append)
        requester.patience = 5.0
        for _ in range(20):
            began = time.monotonic()
            assert append(requester, Write("account/a", None, [event()])).result == "committed"
            assert time.monotonic() - began < 2
            assert subscription.poll(2000), "no heartbeat for 2 s"
            received(subscription)
        log.readiness()
        print(f"resident: {before >> 20} MiB before, {log.resident_bytes() >> 20} MiB in the flood")
        assert log.resident_bytes() < before + (200 << 20)


@contextmanager
def flooding(endpoint: str, message: list[bytes], processes: int) -> Iterator[None]:
    """Processes that send one message for ever, as fast as they can, and read nothing."""
    program = (
        "import sys, zmq; socket = zmq.Context().socket(zmq.DEALER); socket.connect(sys.argv[1]);"
        "message = [bytes.fromhex(text) for text in sys.argv[2:]]\n"
        "for _ in range(1000): socket.send_multipart(message)\n"
        "print('started', flush=True)\n"
        "while True: socket.send_multipart(message)"
    )
    arguments = [sys.executable, "-c", program, endpoint, *(part.hex() for part in message)]
    with tempfile.TemporaryFile() as output:
        started = [subprocess.Popen(arguments, stdout=output) for _ in range(processes)]
        try:
            wait_for("the flood is there", lambda: os.fstat(output.fileno()).st_size >= len("started\n") * processes)
            yield
        finally:
            for process in started:
                process.kill()
                process.wait()


def test_replies_that_nobody_reads_cost_bounded_memory(log: Services, peers: Peers) -> None:
    fill(peers.requester(log.append), 40, events=1, data=b'"' + b"x" * 100_000 + b'"')
    before = largest = log.resident_bytes()
    greedy = peers.socket(zmq.DEALER, log.read, receive_queue=1)
    request = frame(READ_LOG, struct.pack(">Q", 0) + LIMIT)
    for _ in range(4):
        greedy.send_multipart([request] * 64)
        peers.requester(log.read).ask(STATUS)
        largest = max(largest, log.resident_bytes())
    print(f"resident: {before >> 20} MiB before, at most {largest >> 20} MiB after")
    assert largest < before + (300 << 20)
    works(log, peers)


@pytest.mark.timing
def test_the_service_ends_in_time_under_load(log: Services, peers: Peers) -> None:
    with flooding(log.append, [frame(APPEND, one_append())] * 8, processes=1):
        wait_for("the load is there", lambda: head(log)[0] > 500)
        assert log.stop(deadline=STOP_DEADLINE) == 0


# MARK: the specification


def test_the_example_of_the_specification_is_right() -> None:
    """Every number of the worked example, computed here from its plain values."""
    page = re.sub(r"\s+", "", SPECIFICATION.read_text())
    log_id = UUID("00010203-0405-0607-0809-0a0b0c0d0e0f")
    data = b'{"owner":"Alice","initial_balance":"1000.00","currency":"USD"}'
    first = Event(UUID("019b7ca9-8f2e-7000-8000-000000000001"), "AccountOpened", data, b'{"by":"example"}', 2)
    request = HEAD.pack(MAGIC, APPEND, 0, 0, 1) + append_body([Write("account/acc-001", 0, [first])])
    at = 1_767_323_045_678_901
    values = (MAGIC, 1, 0, 2, log_id.bytes, 1, 1, at, first.id.bytes)
    unproven = Record(HEADER.pack(*values, bytes(32)), b"account/AccountOpened/acc-001/", first.metadata, first.data)
    digest = unproven.hash_after(genesis(log_id))
    reply = HEAD.pack(MAGIC, 0x90, 0, 0, 1) + struct.pack(">BQQHQ", 0, 1, at, 1, 1)
    heartbeat = HEADER.pack(MAGIC, 2, 0, 0, log_id.bytes, 1, 0, 0, bytes(16), digest)
    led_heartbeat = HEADER.pack(MAGIC, 2, 0, 0, log_id.bytes, 1, 5, 0, bytes(16), digest)
    led_status = HEAD.pack(MAGIC, STATUS | 0x80, 1, 0, 7) + log_id.bytes + struct.pack(">Q32sQQ", 1, digest, at, 5)
    second_values = (MAGIC, 1, 0, 2, log_id.bytes, 2, 2, at + 1000, UUID(int=first.id.int + 1).bytes)
    second = Record(HEADER.pack(*second_values, bytes(32)), b"account/MoneyDeposited/acc-001/", b"",
                    b'{"amount":"500.00"}')  # fmt: skip
    headers = []
    previous = second.hash_after(digest)
    for flags, position, version, topic in ((1, 3, 3, b"account/MoneyWithdrawn/acc-001/"),
                                            (0, 4, 1, b"account/MoneyDeposited/acc-002/")):  # fmt: skip
        event_id = UUID(int=first.id.int + position - 1).bytes
        of_append = (MAGIC, 1, flags, 2, log_id.bytes, position, version, at + 2000, event_id)
        record = Record(HEADER.pack(*of_append, bytes(32)), topic, b"", b'{"amount":"5.00"}')
        previous = record.hash_after(previous)
        headers.append(HEADER.pack(*of_append, previous))
    for number in (genesis(log_id), request, HEADER.pack(*values, digest), digest, reply, heartbeat, led_heartbeat, led_status,
                   second.hash_after(digest), *headers):  # fmt: skip
        assert number.hex() in page
