"""Hostile and careless peers, byte by byte: none ends the log, stalls the others, or makes it allocate without bound."""

from __future__ import annotations

import os
import random
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
import zmq
from daybook_frames import APPEND, HEAD, MAGIC, READ_LOG, STATUS, Event, Write, append_body
from daybook_services import PATIENCE, Services, wait_for
from daybook_subscriber import Requester, append, received
from raw_peer import RawPeer, connect, frame, greeting, legacy_frame, message

MIB = 1 << 20
RECEIVE_TIMEOUT = int(PATIENCE * 1000)


@pytest.fixture
def log() -> Iterator[Services]:
    """Only the event-log service runs."""
    with Services() as services:
        services.start("event-log-service")
        yield services


def event(data: bytes = b"{}") -> Event:
    return Event(UUID(int=random.getrandbits(128)), "Happened", data)


def request(kind: int, body: bytes = b"", number: int = 1) -> bytes:
    return HEAD.pack(MAGIC, kind, 0, 0, number) + body


def append_request(stream: str, data: bytes = b"{}", expected: int | None = None, number: int = 1) -> bytes:
    return request(APPEND, append_body([Write(stream, expected, [event(data)])]), number)


def figure(log: Services, name: str) -> int:
    return int(log.readiness()[name])


def position(log: Services) -> int:
    return figure(log, "position")


def slowest_append(log: Services, seconds: float) -> float:
    """Appends one event after another for so long; gives how long the slowest took."""
    context = zmq.Context()
    requester = Requester(context, log.append, patience=PATIENCE)
    slowest, end = 0.0, time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            began = time.monotonic()
            assert append(requester, Write("account/honest", None, [event()])).result == "committed"
            slowest = max(slowest, time.monotonic() - began)
    finally:
        requester.close()
        context.destroy(linger=0)
    return slowest


def works(log: Services) -> None:
    """The log runs, and takes an append of a new peer."""
    assert log.process().poll() is None, log.output()
    assert slowest_append(log, 0) == 0
    assert slowest_append(log, 0.01) < 20


def nothing_was_recorded(log: Services, stream: str) -> bool:
    """Whether a stream is empty, as the log says to whoever appends its first event."""
    context = zmq.Context()
    requester = Requester(context, log.append, patience=PATIENCE)
    try:
        return append(requester, Write(stream, 0, [event()])).result == "committed"
    finally:
        requester.close()
        context.destroy(linger=0)


@contextmanager
def repeated(body: Callable[[], None], threads: int) -> Iterator[None]:
    """Has threads do something again and again, whatever becomes of it, while the test goes on."""
    done = threading.Event()

    def run() -> None:
        while not done.is_set():
            try:
                body()
            except (OSError, EOFError):
                pass  # The log ends such connections.

    started = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in started:
            thread.join(2 * PATIENCE)


# MARK: the events socket


def test_frames_that_libzmq_keeps_to_itself_do_not_end_the_log(log: Services) -> None:
    """Of a message `02 MORE, 00`, libzmq hands the first frame out and swallows the end of a shared subscription."""
    other = RawPeer(log.events, "SUB")
    other.send(b"\1")
    other.receive()
    peer = RawPeer(log.events, "SUB")
    peer.send(b"\1")
    peer.receive()
    before = figure(log, "malformed_frames")
    for last in (b"\0", b"\2", b"\0unknown", b"", b"\1a"):
        peer.socket.sendall(frame(b"\2", more=True) + frame(last))
    wait_for("it was counted", lambda: figure(log, "malformed_frames") >= before + 5)
    works(log)


def test_a_frame_that_announces_another_and_leaves_does_not_end_the_log(log: Services) -> None:
    for endpoint, kind in ((log.events, "SUB"), (log.append, "DEALER"), (log.read, "DEALER")):
        for abruptly in (False, True):
            peer = RawPeer(endpoint, kind)
            peer.socket.sendall(frame(b"x", more=True))
            time.sleep(0.05)
            peer.close(abruptly)
    follower = RawPeer(log.events, "SUB")
    follower.send(b"\1")
    assert follower.receive()[0] == b"heartbeat/"
    works(log)
    wait_for("an event arrives", lambda: follower.receive()[0].startswith(b"account/"))


@pytest.mark.parametrize("topic", [b"no such topic", b"a/b/c/d", b"/", b"x" * 33, b"\xff" * 900], ids=repr)
def test_a_topic_that_no_event_can_have_ends_the_connection(log: Services, topic: bytes) -> None:
    before = figure(log, "refused_subscriptions")
    peer = RawPeer(log.events, "SUB")
    peer.send(b"\1" + topic)
    wait_for("the connection ends", peer.is_ended)
    assert figure(log, "refused_subscriptions") == before + 1
    assert "a peer was disconnected" in log.output()
    works(log)


def test_subscriptions_of_one_connection_have_a_limit(log: Services) -> None:
    fine = RawPeer(log.events, "SUB")
    for number in range(256):
        fine.send(b"\1account/T/a-%d/" % number)
    # What was ended makes room, and what is there already takes none.
    fine.send(b"\0account/T/a-0/")
    fine.send(b"\1account/T/a-256/")
    fine.send(b"\1account/T/a-256/")
    wait_for("all are taken", lambda: figure(log, "refused_subscriptions") == 0)
    time.sleep(0.5)
    assert not fine.is_ended()
    fine.send(b"\1account/T/a-257/")
    wait_for("the connection ends", fine.is_ended)
    works(log)


def test_as_many_of_the_longest_topics_as_are_allowed_may_be_subscribed_to(log: Services) -> None:
    context = zmq.Context()
    subscriber = context.socket(zmq.SUB)
    subscriber.rcvtimeo = RECEIVE_TIMEOUT
    subscriber.subscribe(b"heartbeat/")
    for number in range(255):
        subscriber.subscribe(b"c" * 32 + b"/" + b"T" * 64 + b"/" + b"%0128d" % number + b"/")
    subscriber.connect(log.events)
    for _ in range(6):
        subscriber.recv_multipart()
    assert figure(log, "ended_connections") == 0
    assert figure(log, "refused_subscriptions") == 0
    context.destroy(linger=0)
    works(log)


def test_as_many_subscribers_as_are_allowed_come_at_once_and_all_are_live(log: Services) -> None:
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 1023)
    poller = zmq.Poller()
    for _ in range(500):
        subscriber = context.socket(zmq.SUB)
        subscriber.rcvhwm = 5
        subscriber.connect(log.events)
        subscriber.subscribe(b"heartbeat/")
        poller.register(subscriber, zmq.POLLIN)
    live, end = 0, time.monotonic() + 2 * PATIENCE
    while live < 500 and time.monotonic() < end:
        for subscriber, _ in poller.poll(1000):
            if received(subscriber):
                poller.unregister(subscriber)
                live += 1
    assert live == 500
    assert figure(log, "ended_connections") == 0
    context.destroy(linger=0)
    works(log)


def test_peers_that_connect_and_leave_without_end_do_not_lock_subscribers_out(log: Services) -> None:
    def knock() -> None:
        peer = RawPeer(log.events, "SUB", wait=False)
        time.sleep(0.03)
        peer.close()

    with repeated(knock, threads=3):
        time.sleep(12)  # Longer than a handshake may take, so that those who gave up would wait in front of others.
        context = zmq.Context()
        subscriber = context.socket(zmq.SUB)
        subscriber.subscribe(b"heartbeat/")
        subscriber.connect(log.events)
        assert subscriber.poll(RECEIVE_TIMEOUT)
        context.destroy(linger=0)
    works(log)


def test_subscriptions_in_all_have_a_limit(log: Services) -> None:
    peers = [RawPeer(log.events, "SUB") for _ in range(18)]
    for index, peer in enumerate(peers):
        try:
            for number in range(250):
                peer.send(b"\1c/T/%d-%d/" % (index, number))
            # One peer after another: a heartbeat comes at once when the last of its subscriptions is taken.
            peer.send(b"\1heartbeat/")
            peer.receive()
        except (OSError, EOFError):
            continue
    wait_for("one is refused", lambda: figure(log, "refused_subscriptions") > 0)
    ended = wait_for("and ended", lambda: sum(peer.is_ended() for peer in peers))
    assert ended <= 3, "and only those that came too late"
    works(log)


@pytest.mark.timing
def test_floods_of_subscriptions_stall_nobody_and_cost_bounded_memory(log: Services) -> None:
    before = log.resident_bytes()

    def flood() -> None:
        peer = RawPeer(log.events, "SUB")
        topics = [b"\1a/b/" + os.urandom(100).hex()[:120].encode() for _ in range(500)]
        peer.flood(b"".join(frame(topic) for topic in topics), 64 * MIB)
        peer.close(abruptly=True)

    with repeated(flood, threads=4):
        slowest = slowest_append(log, 6)
        grown = log.resident_bytes() - before
    print(f"slowest {slowest:.2f} s, grown by {grown >> 20} MiB")
    # Several seconds if libzmq could read ahead: it would go on for as long as there is any subscription to take.
    assert slowest < 2
    assert grown < 300 * MIB
    assert figure(log, "ended_connections") > 0
    works(log)


# MARK: messages that are too long, or never end


@pytest.mark.parametrize("which", ["append", "read", "events"])
@pytest.mark.parametrize("size", [1000, 0])
def test_a_message_that_never_ends_costs_its_connection(log: Services, which: str, size: int) -> None:
    before = log.resident_bytes()
    peer = RawPeer(getattr(log, which), "SUB" if which == "events" else "DEALER")
    block = frame(b"\2" * size, more=True) * (20_000 if size == 0 else 500)
    # Not at full speed, so that the figure does not depend on how far the guard is behind.
    sent, grown = 0, 0
    while sent < 200 * MIB and not peer.is_ended():
        sent += peer.flood(block, 1)
        grown = max(grown, log.resident_bytes() - before)
    print(f"{sent >> 20} MiB sent, grown by {grown >> 20} MiB")
    wait_for("the connection ends", peer.is_ended)
    assert sent < 200 * MIB
    assert grown < (1200 if size == 0 else 200) * MIB  # An empty frame: 2 bytes on the wire, 64 in memory.
    assert figure(log, "ended_connections") == 1
    works(log)


@pytest.mark.timing
def test_messages_of_peers_that_come_and_go_do_not_pile_up(log: Services) -> None:
    """What was complete when its sender left still waits to be taken, beside what the next one sends."""
    before = largest = log.resident_bytes()
    nonsense = message([b"x" * 60_000] * 64)

    def come_and_go() -> None:
        peer = RawPeer(log.append)
        peer.flood(nonsense, 24 * MIB)
        peer.close(abruptly=True)

    with repeated(come_and_go, threads=3):
        slowest = slowest_append(log, 5)
        largest = max(largest, log.resident_bytes())
    print(f"grown by {(largest - before) >> 20} MiB, slowest {slowest:.2f} s")
    assert largest - before < 400 * MIB
    assert slowest < 5
    works(log)


def test_a_message_of_too_many_bytes_is_dropped_while_it_is_received(log: Services) -> None:
    before, known = figure(log, "malformed_frames"), position(log)
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.rcvtimeo = RECEIVE_TIMEOUT
    dealer.connect(log.append)
    data = b'"' + b"z" * 1_000_000 + b'"'
    dealer.send_multipart([append_request(f"x/s-{number}", data) for number in range(12)])
    dealer.send(append_request("x/after", number=77))
    assert HEAD.unpack(dealer.recv()[:16])[4] == 77
    assert position(log) == known + 1
    assert figure(log, "malformed_frames") > before
    context.destroy(linger=0)
    works(log)


def test_requests_that_belong_to_another_socket_do_not_pile_up(log: Services) -> None:
    context = zmq.Context()
    requester = Requester(context, log.append, patience=PATIENCE)
    for _ in range(10):
        append(requester, Write("x/big", None, [event(b'"' + b"z" * 300 + b'"') for _ in range(500)]))
    before = largest = log.resident_bytes()
    peer = RawPeer(log.read, receive_buffer=4096)
    peer.socket.settimeout(2)
    # Its replies wait, so its turn does not come.
    peer.send(*[request(READ_LOG, struct.pack(">QII", 0, 10_000, MIB))] * 12)
    large = message([append_request("x/s", b'"' + b"z" * 60_000 + b'"')] * 3)
    with repeated(lambda: peer.flood(large, MIB) and None, threads=1):
        end = time.monotonic() + 6
        while time.monotonic() < end:
            largest = max(largest, log.resident_bytes())
            time.sleep(0.05)
        wait_for("something is dropped", lambda: figure(log, "dropped_requests") + figure(log, "undeliverable_replies") > 0)
    print(f"grown by {(largest - before) >> 20} MiB")
    assert largest - before < 150 * MIB
    requester.close()
    context.destroy(linger=0)
    works(log)


def test_heartbeats_and_requests_of_a_steady_peer_do_not_end_its_connection(log: Services) -> None:
    """What is no message never reaches the log: it comes between the requests here, and hinders none."""
    ping = b"\4\7\4PING\0\0"
    peer = RawPeer(log.read)
    for _ in range(50):
        peer.socket.sendall(ping * 1000 + message([request(STATUS)]))
        assert HEAD.unpack(peer.receive()[-1][:16])[4] == 1
    assert not peer.is_ended()
    assert figure(log, "ended_connections") == 0
    works(log)


# MARK: peers that do not read, or leave


def test_replies_that_are_not_read_have_a_limit_in_bytes(log: Services) -> None:
    data = b'"' + b"z" * 2_600 + b'"'
    context = zmq.Context()
    requester = Requester(context, log.append, patience=PATIENCE)
    for _ in range(3):
        append(requester, Write("x/big", None, [event(data) for _ in range(100)]))
    before = largest = log.resident_bytes()
    conflict = append_request("x/big", expected=0)
    peers = [RawPeer(log.append, receive_buffer=4096) for _ in range(12)]
    for peer in peers:
        peer.socket.settimeout(0.5)

    def ask() -> None:
        for peer in peers:
            peer.flood(message([conflict] * 64), MIB)

    with repeated(ask, threads=1):
        end = time.monotonic() + 8
        while time.monotonic() < end:
            largest = max(largest, log.resident_bytes())
            time.sleep(0.1)
        slowest = slowest_append(log, 3)
        wait_for("requests are dropped", lambda: figure(log, "dropped_requests") > 0)
    print(f"grown by {(largest - before) >> 20} MiB, slowest {slowest:.2f} s")
    assert largest - before < 250 * MIB
    requester.close()
    context.destroy(linger=0)
    works(log)


@pytest.mark.timing
@pytest.mark.parametrize("which", ["append", "read"])
def test_the_work_of_a_peer_that_left_is_dropped(log: Services, which: str) -> None:
    context = zmq.Context()
    requester = Requester(context, log.append, patience=PATIENCE)
    data = b'"' + b"z" * 300 + b'"'
    for _ in range(10):
        append(requester, Write("x/big", None, [event(data) for _ in range(500)]))
    costly = {
        "append": append_request("x/big", expected=0),
        "read": request(READ_LOG, struct.pack(">QII", 0, 10_000, MIB)),
    }[which]
    peer = RawPeer(getattr(log, which))
    peer.socket.settimeout(1)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        peer.flood(message([costly] * 64), 1)
    peer.close(abruptly=True)
    reader = Requester(context, log.read, patience=PATIENCE)
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        append(requester, Write("account/honest", None, [event()]))
        reader.ask(STATUS)
        slowest = max(slowest, time.monotonic() - began)
    print(f"slowest {slowest:.2f} s")
    assert slowest < 5
    requester.close()
    reader.close()
    context.destroy(linger=0)


@pytest.mark.timing
def test_reads_are_shared_fairly_between_peers(log: Services) -> None:
    context = zmq.Context()
    requester = Requester(context, log.append, patience=PATIENCE)
    data = b'"' + b"z" * 300 + b'"'
    for _ in range(10):
        append(requester, Write("x/big", None, [event(data) for _ in range(500)]))
    page = message([request(READ_LOG, struct.pack(">QII", 0, 10_000, MIB))] * 64)

    def read_greedily() -> None:
        peer = RawPeer(log.read)

        def drain() -> None:
            try:
                while peer.socket.recv(MIB):
                    pass
            except OSError:
                pass  # It was closed.

        threading.Thread(target=drain, daemon=True).start()
        peer.flood(page, 20 * MIB, over)
        peer.close(abruptly=True)

    over = threading.Event()
    with repeated(read_greedily, threads=3):
        time.sleep(1)
        reader = Requester(context, log.read, patience=PATIENCE)
        slowest = 0.0
        for _ in range(10):
            began = time.monotonic()
            reader.ask(STATUS)
            slowest = max(slowest, time.monotonic() - began)
        over.set()
    print(f"slowest {slowest:.2f} s")
    assert slowest < 5
    requester.close()
    reader.close()
    context.destroy(linger=0)


# MARK: who is let in


def test_a_form_of_a_web_page_records_nothing(log: Services) -> None:
    """To libzmq the first bytes of an HTTP request are a peer of ZMTP 1.0, which has no handshake."""
    forged = legacy_frame(append_request("account/victim", b'{"amount":"100.00"}'))
    for padding in range(400, 420):
        body = b"\1" * padding + b"\1\0" + forged
        web = urllib.request.Request(
            log.append.replace("tcp://", "http://") + "/", body,
            {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://evil.example"})  # fmt: skip
        with pytest.raises((urllib.error.URLError, OSError, ValueError)):
            urllib.request.urlopen(web, timeout=2).read()
    works(log)
    assert nothing_was_recorded(log, "account/victim")


@pytest.mark.parametrize("hello", ["anonymous", "versioned 1", "versioned 2"])
def test_a_peer_without_a_handshake_is_refused(log: Services, hello: str) -> None:
    forged = append_request("account/victim")
    bytes_ = {
        "anonymous": b"\1\0" + legacy_frame(forged),
        "versioned 1": b"\xff" + bytes(8) + b"\1\0" + legacy_frame(forged),
        "versioned 2": greeting(major=1)[:11] + b"\5\0\0" + b"\0" + bytes([len(forged)]) + forged,
    }[hello]
    connection = connect(log.append)
    connection.sendall(bytes_)
    try:
        while connection.recv(1000):
            pass
    except ConnectionError:
        pass
    works(log)
    assert nothing_was_recorded(log, "account/victim")


def test_connections_have_a_limit(log: Services) -> None:
    held = [connect(log.append) for _ in range(700)]
    wait_for("those beyond it are ended", lambda: figure(log, "ended_connections") >= 700 - 512)
    for connection in held:
        connection.close()
    works(log)


def test_peers_that_connect_again_and_again_are_slowed_down(log: Services) -> None:
    """What libzmq does with a routing id that another peer claims may abort it; so guessing must take long."""
    count = 0
    lock = threading.Lock()

    def knock() -> None:
        nonlocal count
        peer = RawPeer(log.append, routing_id=b"\0" + os.urandom(4))
        peer.close(abruptly=True)
        with lock:
            count += 1

    began = time.monotonic()
    with repeated(knock, threads=4):
        slowest = slowest_append(log, 8)
    seconds = time.monotonic() - began
    print(f"{count} handshakes in {seconds:.1f} s, slowest append {slowest:.2f} s")
    assert count < 512 + 250 * seconds
    works(log)
