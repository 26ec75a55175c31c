"""Whoever follows the log with the package is given whole appends, and shows, keeps and begins nothing inside one."""

from __future__ import annotations

import random
import sqlite3
import struct
import subprocess
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import zmq
from analytics_support import (
    Relay, appender as appender, deposit, endpoints, log as log, positions, program, rows, run, running, take,
)  # fmt: skip
from daybook_frames import HEADER, MAGIC, Event, Head, Malformed, Record, Write, genesis, parse_published
from daybook_services import PATIENCE, Services, wait_for
from daybook_subscriber import append

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import AppendBroken, ChainBroken, Checkpoint, InsideAppend, LogWentBack, Requester, Subscription
from daybook_events.follower import MAX_RECORDS, Follower

LOG_ID = UUID(int=7)


# MARK: the rules, without a socket


def history(*sizes: int, data: bytes = b"{}") -> list[Record]:
    """A log of appends of these sizes; the last one has no end if its size is negative."""
    records: list[Record] = []
    for size in sizes:
        for number in range(abs(size)):
            flags = int(number + 1 < size or size < 0)
            add(records, flags, data)
    return records


def add(records: list[Record], flags: int, data: bytes = b"{}") -> None:
    position = len(records) + 1
    fields = (MAGIC, 1, flags, 1, LOG_ID.bytes, position, position, position, bytes(16))
    unproven = Record(HEADER.pack(*fields, bytes(32)), b"thing/Happened/a/", b"", data)
    digest = unproven.hash_after(records[-1].hash if records else genesis(LOG_ID))
    records.append(Record(HEADER.pack(*fields, digest), unproven.topic, b"", data))


def head(records: list[Record]) -> Head:
    return Head(LOG_ID, len(records), records[-1].hash if records else genesis(LOG_ID))


def checkpoint(record: Record) -> Checkpoint:
    """Also where none can be."""
    return Checkpoint(record.log_id, record.position, record.hash)


@pytest.mark.parametrize("cut", range(1, 11))
def test_a_page_may_end_inside_an_append_but_nothing_is_given_of_it(cut: int) -> None:
    records = history(1, 1, 4, 2, 1, 1)
    ends = {0} | {record.position for record in records if not record.continues}
    follower = Follower(None)
    follower.take_published(head(records))
    follower.take_page(0, head(records), records[:cut])
    assert len(follower.ready) == max(end for end in ends if end <= cut)
    assert follower.is_inside_append == (cut not in ends)
    follower.take_page(cut, head(records), records[cut:])
    assert list(follower.ready) == records and not follower.is_inside_append


@pytest.mark.parametrize("cut", range(2, 7))
def test_live_records_are_given_with_the_end_of_their_append(cut: int) -> None:
    records = history(1, 1, 4)
    follower = Follower(None)
    follower.take_published(head([]))
    for record in records[:cut]:
        follower.take_published(record)
    assert positions(list(follower.ready)) == ([1, 2] if cut < 6 else [1, 2, 3, 4, 5, 6])
    # What was lost of the append is read after what is held of it.
    follower.take_published(head(records))
    assert follower.wants_a_read == (cut < 6) and follower.read_after == cut
    follower.take_page(cut, head(records), records[cut:])
    assert list(follower.ready) == records


@pytest.mark.parametrize("position", range(1, 9))
def test_a_checkpoint_inside_an_append_is_refused_before_anything_is_given(position: int) -> None:
    records = history(1, 1, 4, 2)
    held = records[position - 1]
    follower = Follower(checkpoint(held))
    follower.take_published(head(records))
    # Whatever is published before it was compared is left to the read.
    for record in records[position:]:
        follower.take_published(record)
    assert follower.wants_a_read and follower.read_after == position - 1 and not follower.ready
    if held.continues:
        with pytest.raises(InsideAppend, match=f"position {position}, .*begin from nothing"):
            follower.take_page(position, head(records), records[position - 1 :])
        with pytest.raises(InsideAppend, match=f"position {position} is inside an append"):
            Checkpoint.of(held)
        assert not follower.ready
    else:
        follower.take_page(position, head(records), records[position - 1 :])
        assert list(follower.ready) == records[position:]
        assert not follower.wants_a_read
        assert Checkpoint.of(held) == checkpoint(held)


def test_a_checkpoint_of_another_history_is_refused() -> None:
    records, others = history(1, 1, 1), history(1, 2)
    for page, error in ((others[1:], ChainBroken), ([], LogWentBack)):
        follower = Follower(checkpoint(records[1]))
        follower.take_published(head(others))
        with pytest.raises(error):
            follower.take_page(2, head(others), page)


def test_a_log_that_ends_inside_an_append_is_damaged() -> None:
    records = history(1, -3)
    for give in (
        lambda follower: follower.take_page(0, head(records), records),
        lambda follower: [follower.take_page(0, head(records[:1]), records), follower.take_published(head(records))],
    ):
        follower = Follower(None)
        follower.take_published(head(records[:1]))
        with pytest.raises(AppendBroken, match="ends at position 4, inside the append that began at position 2"):
            give(follower)
        assert list(follower.ready) == records[:1], "what came before it is given"


def test_what_is_held_of_an_append_is_bounded() -> None:
    follower = Follower(None)
    follower.take_published(head([]))
    records = history(1, MAX_RECORDS)
    for record in records:
        follower.take_published(record)
    assert list(follower.ready) == records
    for endless in (history(1, -MAX_RECORDS), history(1, -9, data=b" " * (1 << 20))):
        follower = Follower(None)
        follower.take_published(head([]))
        with pytest.raises(AppendBroken, match="began at position 2"):
            for record in endless:
                follower.take_published(record)
        assert list(follower.ready) == endless[:1]
        assert not follower.is_inside_append


def test_unknown_flags_are_malformed() -> None:
    (record,) = history(1)
    for flags in range(2, 256):
        header = record.header[:5] + bytes([flags]) + record.header[6:]
        with pytest.raises(Malformed):
            Record(header, record.topic, b"", b"{}")
    heartbeat = HEADER.pack(MAGIC, 2, 1, 0, LOG_ID.bytes, 1, 0, 0, bytes(16), bytes(32))
    with pytest.raises(Malformed):
        parse_published([b"heartbeat/", heartbeat, b""])


@pytest.mark.parametrize("seed", range(200))
def test_from_any_schedule_and_any_restart_come_whole_appends(seed: int) -> None:
    generator = random.Random(seed)
    records = history(*(generator.choice([1, 1, generator.randint(2, 9)]) for _ in range(40)))
    recorded = 0
    taken: list[Record] = []
    follower = Follower(None)
    while recorded < len(records) or len(taken) < len(records):
        match generator.randrange(6):
            case 0 | 1 if recorded < len(records):
                before = recorded
                while recorded == before or records[recorded - 1].continues:
                    recorded += 1
                for record in records[before:recorded]:
                    if generator.random() < 0.8:
                        follower.take_published(record)
            case 2:
                follower = Follower(Checkpoint.of(taken[-1]) if taken else None)
            case 3:
                follower.take_published(head(records[:recorded]))
            case _ if follower.is_live and follower.wants_a_read:
                after, count = follower.read_after, generator.randint(1, 7)
                page = records[after:recorded][:count]
                follower.take_page(follower.position, head(records[:recorded]), page)
        taken += follower.ready
        follower.ready.clear()
        assert not taken or not taken[-1].continues
    assert taken == records


# MARK: a real log


def transfers(appender: Requester, generator: random.Random, count: int) -> None:
    """Moves money to and fro between a few accounts, each time in one append; and adds some from outside."""
    for _ in range(count):
        amount = generator.randint(1, 1000)
        accounts = generator.sample([f"acc-{number}" for number in range(5)], generator.randint(2, 4))
        moved = [Write(f"account/{accounts[0]}", None, [event("MoneyWithdrawn", amount * (len(accounts) - 1))])]
        moved += [Write(f"account/{account}", None, [event("MoneyDeposited", amount)]) for account in accounts[1:]]
        assert append(appender, *moved).result == "committed"


def event(type_: str, cents: int) -> Event:
    return Event(uuid4(), type_, f'{{"amount":"{cents // 100}.{cents % 100:02}"}}'.encode(), b"", 2)


def open_accounts(appender: Requester) -> None:
    opened = b'{"owner":"A","initial_balance":"0.00","currency":"USD"}'
    writes = [Write(f"account/acc-{number}", 0, [Event(uuid4(), "AccountOpened", opened, b"", 2)]) for number in range(5)]
    assert append(appender, *writes).result == "committed"


def test_batches_are_whole_appends_however_small_pages_and_batches_are(
    log: Services, appender: Requester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Subscription, "_PAGE", struct.pack(">II", 3, 1 << 20))
    open_accounts(appender)
    transfers(appender, random.Random(3), 30)
    last = log.readiness()["position"]
    with Subscription(endpoints(log)) as subscription:
        records: list[Record] = []
        end = time.monotonic() + PATIENCE
        while len(records) < last:
            assert time.monotonic() < end
            batch = subscription.next_batch(most=2, wait=0.5)
            assert not batch or not batch[-1].continues
            # No more appends than are needed for so many.
            assert sum(not record.continues for record in batch) <= 2
            records += batch
        wait_for("it is caught up", lambda: subscription.next_batch(wait=0.1) == [] and subscription.is_caught_up)
    assert positions(records) == list(range(1, last + 1))
    assert sum(record.continues for record in records) > 30


def test_what_is_lost_inside_appends_is_repaired_and_appends_stay_whole(log: Services, appender: Requester) -> None:
    generator = random.Random(5)
    open_accounts(appender)
    with Relay(log) as relay, Subscription(relay.endpoints) as subscription:
        take(subscription, 5)
        relay.alter_published = lambda message: (
            None if message[0] != b"heartbeat/" and generator.random() < 0.3 else message
        )
        transfers(appender, random.Random(6), 60)
        last = log.readiness()["position"]
        records: list[Record] = []
        end = time.monotonic() + PATIENCE
        while not records or records[-1].position < last:
            assert time.monotonic() < end
            batch = subscription.next_batch(wait=0.5)
            assert not batch or not batch[-1].continues
            records += batch
        assert positions(records) == list(range(6, last + 1))
        assert subscription.counts.gaps


def test_nothing_begins_inside_an_append(log: Services, appender: Requester) -> None:
    open_accounts(appender)
    with Subscription(endpoints(log)) as subscription:
        records = take(subscription, 5)
    inside = checkpoint(records[2])
    with Subscription(endpoints(log), inside) as subscription, pytest.raises(InsideAppend, match="begin from nothing"):
        take(subscription, 5)
    with closing(Requester(zmq.Context.instance(), log.read, patience=PATIENCE)) as requester:
        with pytest.raises(InsideAppend, match="position 3 is inside an append, which goes on at position 4"):
            requester.checkpoint_at(inside.point)
        assert requester.checkpoint_at(5) == checkpoint(records[4])
    refused = run("watch.py", "--once", "--after", inside.point, services=log)
    assert (refused.returncode, refused.stderr.count("\n"), refused.stdout) == (1, 1, "")
    assert "inside an append" in refused.stderr
    deposit(appender, "acc-1")
    with Subscription(endpoints(log), checkpoint(records[4])) as subscription:
        assert positions(take(subscription, 6)) == [6]


def test_an_altered_flag_is_found(log: Services, appender: Requester) -> None:
    def without_flags(message: list[bytes]) -> list[bytes]:
        return [message[0], message[1][:5] + b"\0" + message[1][6:], message[2]]

    open_accounts(appender)
    with Relay(log) as relay, Subscription(relay.endpoints) as subscription:
        take(subscription, 5)
        relay.alter_published = without_flags
        transfers(appender, random.Random(1), 1)
        with pytest.raises(ChainBroken, match="position 6"):
            take(subscription, 6)


def test_the_table_never_holds_half_an_append(log: Services, appender: Requester, tmp_path: Path) -> None:
    table, generator = tmp_path / "events.db", random.Random(9)
    open_accounts(appender)
    looks = set()

    def look() -> bool:
        """Each look is one transaction: all movements make up zero, and the checkpoint is at the end of an append."""
        if not table.exists():
            return False
        with closing(sqlite3.connect(f"file:{table}?mode=ro", uri=True)) as connection:
            try:
                found = connection.execute(
                    "SELECT (SELECT position FROM checkpoint), (SELECT sum(minor_units) FROM movements)"
                ).fetchone()
            except sqlite3.OperationalError:
                return False  # The tables are not made yet.
        if found[0] is None:
            return False
        assert found[1] == 0, f"half an append at position {found[0]}"
        looks.add(found[0])
        return True

    for _ in range(4):
        with running(program("table.py", table, services=log), stdout=subprocess.DEVNULL) as process:
            wait_for("the table is there", look)
            for _ in range(15):
                transfers(appender, generator, 3)
                look()
            seen = len(looks)

            def goes_on() -> bool:
                transfers(appender, generator, 3)
                look()
                return len(looks) >= seen + 3

            wait_for("the table goes on", goes_on)
            assert process.poll() is None
            # Killed at whatever it does.
            process.kill()
            process.wait()
            look()
    done = run("table.py", table, "--once", services=log)
    assert (done.returncode, done.stderr) == (0, "")
    look()
    last = log.readiness()["position"]
    assert max(looks) == last and len(looks) > 10
    with Subscription(endpoints(log)) as subscription:
        ends = {record.position for record in take(subscription, last) if not record.continues}
    assert looks <= ends
    assert rows(table, "SELECT count(*), sum(minor_units) FROM movements") == [(last, 0)]
