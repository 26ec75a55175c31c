"""Logs that lead in turn: an outside peer, which knows the specification alone, finds the one that leads (section 8.4)."""

from __future__ import annotations

import os
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest
import zmq
from daybook_frames import (
    APPEND, HEAD, HEADER, MAGIC, READ_LOG, STATUS, Command, Event, Malformed, Write, append_body, genesis, parse_published,
    read_append_reply,
)  # fmt: skip
from daybook_services import PATIENCE, PROGRAMS, Services, end_with_parent, free_ports, wait_for
from scripted_log import LOG_ID, NOT_LEADER, STOPPING, TIME, ScriptedLog, chain

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import Endpoints, LogUnreachable, Record, Requester, Subscription
from daybook_events.requester import Reply

LIMIT = struct.pack(">II", 1000, 1 << 20)


@pytest.fixture
def logs() -> Iterator[list[ScriptedLog]]:
    with ScriptedLog() as first, ScriptedLog() as second:
        yield [first, second]


def listed(logs: list[ScriptedLog], name: str) -> str:
    return " , ".join(getattr(log, name) for log in logs)


def follow(logs: list[ScriptedLog]) -> Subscription:
    return Subscription(Endpoints(listed(logs, "events"), listed(logs, "read")), patience=PATIENCE)


def requester(logs: list[ScriptedLog], name: str, timeout: float = PATIENCE) -> Requester:
    return Requester(zmq.Context.instance(), listed(logs, name), timeout)


def take(subscription: Subscription, records: list[Record], count: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(records) < count:
        assert time.monotonic() < end, f"only {len(records)} records"
        records += subscription.next_batch(wait=0.5)


def one_event(key: bytes | None = None) -> bytes:
    command = Command(key, bytes(32)) if key else None
    return append_body([Write("thing/a", None, [Event(uuid4(), "Happened", b"{}")])], command)


# MARK: frames


def heartbeat(epoch: int) -> list[bytes]:
    return [b"heartbeat/", HEADER.pack(MAGIC, 2, 0, 0, LOG_ID.bytes, 0, epoch, 0, bytes(16), genesis(LOG_ID)), b""]


def test_frames_tell_the_epoch() -> None:
    for epoch in (0, 1, 2**63 - 1):
        assert parse_published(heartbeat(epoch)).epoch == epoch  # type: ignore[union-attr]
    with pytest.raises(Malformed):
        parse_published(heartbeat(2**63))
    head = LOG_ID.bytes + struct.pack(">Q32sQ", 0, genesis(LOG_ID), TIME)

    def status(flags: int, rest: bytes, kind: int = STATUS | 0x80) -> Reply:
        return Reply.parse(HEAD.pack(MAGIC, kind, flags, 0, 1) + head + rest)

    for flags, rest, epoch in ((0, b"", 0), (1, struct.pack(">Q", 7), 7)):
        reply = status(flags, rest)
        body = reply.body_for(STATUS)
        assert reply.head and reply.head.epoch == body.head().epoch == epoch
        body.finish()
    for flags, rest in ((1, b""), (1, bytes(8)), (2, bytes(8)), (1, struct.pack(">Q", 2**63))):
        with pytest.raises(Malformed):
            status(flags, rest)
    with pytest.raises(Malformed):
        status(1, b"", kind=0xA1)


def test_lists_of_endpoints() -> None:
    Endpoints("tcp://a:1 ,tcp://b:1", "tcp://a:2, tcp://b:2")
    for events, read in (("tcp://a:1,tcp://b:1", "tcp://a:2"), ("tcp://a:1,tcp://a:1", "tcp://a:2,tcp://b:2"),
                         ("tcp://a:1,", "tcp://a:2,tcp://b:2"), (",".join(f"tcp://a:{n}" for n in range(17)),) * 2):  # fmt: skip
        with pytest.raises(ValueError):
            Endpoints(events, read)


# MARK: scripted logs


def test_a_requester_follows_the_lead(logs: list[ScriptedLog]) -> None:
    first, second = logs
    with closing(requester(logs, "read")) as reads, closing(requester(logs, "append")) as appends:
        first.open(chain(3), 1)
        assert reads.status().position == 3 and reads.epoch == 1
        assert read_append_reply(appends.ask(APPEND, one_event())).position == 4
        first.close()
        second.open(first.records, 2)
        assert reads.status().position == 4 and reads.epoch == 2
        assert read_append_reply(appends.ask(APPEND, one_event())).position == 5
        second.close()
        first.open(second.records, 3)
        assert reads.status().position == 5 and reads.epoch == 3


@pytest.mark.parametrize("code", [STOPPING, NOT_LEADER])
def test_what_is_refused_by_one_that_does_not_lead_is_sent_to_the_other(logs: list[ScriptedLog], code: int) -> None:
    first, second = logs
    first.open(chain(3), 1)
    second.open(chain(3), 2)
    first.refusal = code
    with closing(requester(logs, "append")) as appends, closing(requester(logs, "read")) as reads:
        for position in range(4, 10):
            assert read_append_reply(appends.ask(APPEND, one_event())).position == position
        assert reads.status().position == 9
    assert len(first.records) == 3


def test_a_deposed_log_that_answers_is_not_believed(logs: list[ScriptedLog]) -> None:
    first, second = logs
    first.open(chain(3), 1)
    with closing(requester(logs, "read")) as reads:
        assert reads.status().position == 3
        second.open(chain(5), 2)
        wait_for("the later lead is known", lambda: reads.go_on() and reads.status().position == 5)
        for _ in range(6):
            # Whichever it asks first.
            reads.go_on()
            assert reads.status().position == 5
            reads.go_on()
            page = reads.ask(READ_LOG, struct.pack(">Q", 0) + LIMIT)
            assert page.head().position == 5 and len(page.records()) == 5


def test_a_keyed_append_whose_connection_was_lost_is_repeated(logs: list[ScriptedLog]) -> None:
    first, second = logs
    first.open(chain(3), 1)
    first.is_silent = True
    second.open(chain(4), 2)
    with closing(requester(logs, "append")) as appends:
        wait_for("both are connected", lambda: appends.socket.poll(0, zmq.POLLOUT) and appends.go_on() and appends.go_on())
        if appends.socket is not appends._links[0].socket:
            appends.go_on()
        number_of_requests = len(first.requests) + 1
        def lose() -> None:
            wait_for("it is asked", lambda: len(first.requests) >= number_of_requests)
            first.close()

        thread = threading.Thread(target=lose)
        thread.start()
        assert read_append_reply(appends.ask(APPEND, one_event(b"key"))).position == 5
        thread.join()


def test_a_reply_that_goes_with_its_connection_is_asked_for_again(
    logs: list[ScriptedLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = logs
    first.open(chain(3), 1)
    second.open(chain(4), 2)
    with closing(requester(logs, "read")) as reads:
        wait_for("the first is asked", lambda: reads.socket.poll(0, zmq.POLLOUT))
        wait = reads._wait
        lost = []

        def lose(event: int, deadline: float, may_be_lost: bool = False) -> bool:
            is_there = wait(event, deadline, may_be_lost)
            if event == zmq.POLLIN and not lost:
                lost.append(reads.socket)
                first.close()
                # With its connection goes what it had sent.
                wait_for("the connection is lost", lambda: not reads.socket.poll(0, zmq.POLLIN | zmq.POLLOUT))
            return is_there

        monkeypatch.setattr(reads, "_wait", lose)
        assert reads.status().position == 4
        assert lost


def test_when_nobody_answers_all_are_named(logs: list[ScriptedLog]) -> None:
    with closing(requester(logs, "read", timeout=0.5)) as reads, pytest.raises(LogUnreachable) as error:
        reads.status()
    for log in logs:
        assert log.read in str(error.value)


def test_a_connection_that_never_takes_a_request_is_given_up_at_the_deadline(
    logs: list[ScriptedLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(requester(logs, "read", timeout=0.5)) as reads, pytest.raises(LogUnreachable):
        # As if there were a connection each time it looks, and none any more each time it sends.
        monkeypatch.setattr(reads, "_find_connected", lambda deadline: None)
        reads.status()


def test_a_subscriber_follows_the_lead(logs: list[ScriptedLog]) -> None:
    first, second = logs
    records: list[Record] = []
    first.open(chain(3), 1)
    with follow(logs) as subscription:
        take(subscription, records, 3)
        first.record(2)
        take(subscription, records, 5)
        # The next one leads. The first one goes on as if it did, and publishes again what it had.
        second.open(chain(3, first.records), 2)
        take(subscription, records, 8)
        first.publish(first.records)
        second.record()
        take(subscription, records, 9)
        assert subscription.epoch == 2
        first.close()
        second.close()
        first.open(chain(1, second.records), 3)
        take(subscription, records, 10)
        assert subscription.epoch == 3
    assert records == first.records


def test_heartbeats_of_a_deposed_log_are_no_sign_of_life(logs: list[ScriptedLog]) -> None:
    first, second = logs
    records: list[Record] = []
    first.open(chain(3), 1)
    second.open(chain(4), 2)
    with follow(logs) as subscription:
        take(subscription, records, 4)
        wait_for("the later lead is known", lambda: subscription.next_batch(wait=0.1) or subscription.epoch == 2)

        def is_reachable() -> bool:
            subscription.next_batch(wait=0.1)
            return subscription.is_reachable

        wait_for("the log is there", is_reachable)
        second.is_silent = True
        wait_for("the log is missed", lambda: not is_reachable())
        second.is_silent = False
        wait_for("the log is back", is_reachable)


def test_a_read_that_a_frozen_log_does_not_answer_is_sent_to_the_next(logs: list[ScriptedLog]) -> None:
    first, second = logs
    records: list[Record] = []
    first.open(chain(3), 1)
    with follow(logs) as subscription:
        take(subscription, records, 3)
        first.is_silent = True
        # A gap: what is between must be read.
        first.publish(chain(6)[5:])
        second.open(chain(7), 2)
        take(subscription, records, 7)
    assert records == second.records


# MARK: the real services


class PairedServices(Services):
    """Two event-log services on one store, of which one leads, and peers that are given both."""

    def __init__(self) -> None:
        super().__init__()
        ports = free_ports(8)
        self.logs = [
            {
                "EVENT_LOG_APPEND_ENDPOINT": f"tcp://127.0.0.1:{four[0]}",
                "EVENT_LOG_EVENTS_ENDPOINT": f"tcp://127.0.0.1:{four[1]}",
                "EVENT_LOG_READ_ENDPOINT": f"tcp://127.0.0.1:{four[2]}",
                "EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{four[3]}", "EVENT_LOG_STANDBY": "yes",
            }
            for four in (ports[:4], ports[4:])
        ]  # fmt: skip
        names = ("EVENT_LOG_APPEND_ENDPOINT", "EVENT_LOG_EVENTS_ENDPOINT", "EVENT_LOG_READ_ENDPOINT")
        self.append, self.events, self.read = (", ".join(log[name] for log in self.logs) for name in names)

    def start_log(self, index: int) -> None:
        with open(self.directory / f"log-{index}.log", "ab") as output:
            self.processes[f"log-{index}"] = subprocess.Popen(
                [PROGRAMS / "event-log-service"], cwd=self.directory, env=self.environment() | self.logs[index],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, preexec_fn=end_with_parent)  # fmt: skip


@pytest.fixture
def pair() -> Iterator[PairedServices]:
    with PairedServices() as services:
        services.start_log(0)
        services.start_log(1)
        yield services


def test_a_pair_of_logs_on_one_store(pair: PairedServices) -> None:
    """Whichever is killed, the other one leads; a subscriber, an appender and the services miss and repeat nothing."""
    pair.start("command-service", "query-service")
    records: list[Record] = []
    account = pair.command("acc-1", type="OpenAccount", owner="Ann", initial_balance=0)
    with Subscription(Endpoints(pair.events, pair.read), patience=PATIENCE) as subscription:
        for turn in range(4):
            for _ in range(5):
                account = pair.command("acc-1", type="Deposit", amount=1)
            take(subscription, records, 1 + 5 * (turn + 1))
            leader = pair.readiness("command-service")["log_leader"]
            index = [log["EVENT_LOG_READ_ENDPOINT"] for log in pair.logs].index(leader)
            assert pair.readiness("query-service")["log_leader"] == leader
            if turn % 2:
                assert pair.stop(f"log-{index}") == 0
            else:
                pair.kill(f"log-{index}")
            wait_for("the gateway has another log",
                     lambda: pair.readiness("command-service").get("log_leader", leader) != leader)  # fmt: skip
            pair.start_log(index)
            wait_for("the services are ready", lambda: pair._is_ready("command-service") and pair._is_ready("query-service"))
        account = pair.command("acc-1", type="Deposit", amount=1)
        take(subscription, records, 22)
    assert account["balance"] == 21 and account["version"] == 22
    assert [record.position for record in records] == list(range(1, 23))
    tool = [PROGRAMS / "daybook", "export"]
    done = subprocess.run(tool, env=pair.environment(), cwd=pair.directory, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 22


def test_a_log_binds_one_endpoint(pair: PairedServices) -> None:
    settings = pair.environment() | {"EVENT_LOG_HTTP_ADDRESS": "127.0.0.1:0"}
    done = subprocess.run([PROGRAMS / "event-log-service"], cwd=pair.directory, env=settings, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)  # fmt: skip
    assert done.returncode == os.EX_USAGE
    assert "EVENT_LOG_APPEND_ENDPOINT" in done.stderr + done.stdout and "one endpoint" in done.stderr + done.stdout
