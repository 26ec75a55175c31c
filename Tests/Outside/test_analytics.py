"""The analytics subscribers of `deploy/analytics` against the real log: killed, cut off, lied to, and counted after."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import zmq
from analytics_support import (
    CURRENCIES, History, Relay, appender as appender, deposit, deposit_to_opened, endpoints, fill, log as log, positions,
    program, rows, run, running, take,
)  # fmt: skip
from daybook_frames import Event, Record, Write
from daybook_services import PATIENCE, Services, free_port, wait_for
from daybook_subscriber import append

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import (
    AnotherLog, ChainBroken, Checkpoint, CheckpointDamaged, Diverged, Endpoints, LogUnreachable, LogWentBack, Point,
    Requester, Subscription,
)  # fmt: skip
from daybook_events.accounts import Deposited, Money, Opened, UnknownEvent, account_event
from daybook_events.frames import HEADER, MAGIC

EVENT_COLUMNS = "position, category, stream, version, type, schema_version, recorded_at, id, hash, metadata, data"


# MARK: following


def test_a_subscription_gives_everything_in_order_and_goes_on_from_each_checkpoint(
    log: Services, appender: Requester
) -> None:
    fill(appender, History(1), 20)
    with Subscription(endpoints(log)) as subscription:
        records = take(subscription, log.readiness()["position"])
        assert subscription.is_caught_up
    assert positions(records) == list(range(1, len(records) + 1))
    ends = [record for record in records if not record.continues]
    for held in (ends[0], ends[7], ends[-1]):
        deposit(appender, "acc-0")
        with Subscription(endpoints(log), Checkpoint.of(held)) as subscription:
            last = log.readiness()["position"]
            assert positions(take(subscription, last)) == list(range(held.position + 1, last + 1))


def test_a_subscription_waits_for_a_log_that_is_away_and_joins_again(log: Services, appender: Requester) -> None:
    deposit(appender, "a", 3)
    with Subscription(endpoints(log), patience=PATIENCE) as subscription:
        take(subscription, 3)
        log.process().send_signal(signal.SIGSTOP)
        silent_after = time.monotonic() + PATIENCE
        while subscription.is_reachable:
            assert time.monotonic() < silent_after, "nobody noticed the silence"
            assert subscription.next_batch(wait=0.1) == []
        log.process().send_signal(signal.SIGCONT)
        deposit(appender, "a", 2)
        assert positions(take(subscription, 5)) == [4, 5]
        log.kill()
        log.start("event-log-service")
        deposit(appender, "a", 2)
        assert positions(take(subscription, 7)) == [6, 7]
        assert subscription.is_reachable


@pytest.mark.timing
def test_a_wait_ends_in_time_whatever_the_log_does(log: Services, appender: Requester) -> None:
    deposit(appender, "a", 3)
    with Subscription(endpoints(log), patience=PATIENCE) as subscription:
        take(subscription, 3)
        log.process().send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert subscription.next_batch(wait=0.3) == []
        assert time.monotonic() - began < 2


def test_patience_ends_with_an_error_that_says_what_to_do() -> None:
    nowhere = Endpoints(*(f"tcp://127.0.0.1:{free_port()}" for _ in range(2)))
    with Subscription(nowhere, patience=0.1) as subscription, pytest.raises(LogUnreachable, match="loses nothing"):
        next(iter(subscription))


def test_a_gap_a_lost_tail_and_lost_replies_are_repaired(log: Services, appender: Requester) -> None:
    def is_event(message: list[bytes]) -> bool:
        return message[0] != b"heartbeat/"

    with Relay(log) as relay, Subscription(relay.endpoints) as subscription:
        deposit(appender, "a", 2)
        records = take(subscription, 2)
        # The first read may have found no connection yet.
        unanswered = subscription.counts.unanswered_reads
        generator = random.Random(5)
        relay.alter_published = lambda message: None if is_event(message) and generator.random() < 0.5 else message
        deposit(appender, "a", 300)
        records += take(subscription, 302)
        relay.alter_published = lambda message: None if is_event(message) else message
        swallowed: list[list[bytes]] = []

        def swallow_once(message: list[bytes]) -> list[bytes] | None:
            if swallowed:
                return message
            swallowed.append(message)
            return None

        relay.alter_reply = swallow_once
        deposit(appender, "a", 1)
        records += take(subscription, 303)
        assert positions(records) == list(range(1, 304))
        assert subscription.counts.gaps and subscription.counts.lost_tails
        # On a slow machine a reply may come when it is not waited for any more.
        unanswered = subscription.counts.unanswered_reads - unanswered
        assert len(swallowed) == unanswered - subscription._requester.late_replies == 1


def test_nonsense_on_the_wire_is_counted_and_nothing_else(log: Services, appender: Requester) -> None:
    with Relay(log) as relay, Subscription(relay.endpoints) as subscription:
        deposit(appender, "a", 2)
        records = take(subscription, 2)
        relay.alter_published = lambda message: message[:2]
        wait = time.monotonic() + PATIENCE
        while subscription.counts.malformed < 2:
            assert time.monotonic() < wait
            assert subscription.next_batch(wait=0.2) == []
        relay.alter_published = lambda message: message
        deposit(appender, "a", 2)
        assert positions(records + take(subscription, 4)) == [1, 2, 3, 4]


# MARK: histories that do not agree


def flip(message: list[bytes], frame: int, byte: int) -> list[bytes]:
    altered = bytearray(message[frame])
    altered[byte] ^= 1
    return [*message[:frame], bytes(altered), *message[frame + 1 :]]


@pytest.mark.parametrize(
    ("frame", "byte"), [(0, 10), (1, 5), (1, 7), (1, 47), (1, 63), (1, 95), (2, -3)],
    ids=["topic", "flags", "schema version", "time", "event id", "hash", "amount"],
)  # fmt: skip
def test_an_altered_event_is_found_after_those_before_it_were_given(
    shared_log: tuple[Services, Requester], frame: int, byte: int
) -> None:
    log, appender = shared_log
    # A subscription that happens to read meets the event as it was recorded: then once more.
    assert any(finds_the_altered_event(log, appender, frame, byte) for _ in range(20)), "it was read each time"


def finds_the_altered_event(log: Services, appender: Requester, frame: int, byte: int) -> bool:
    """Whether it was met as it was altered, and then found; false if it was read."""
    head = appender_head(log)
    with Relay(log) as relay, Subscription(relay.endpoints, head) as subscription:
        deposit(appender, "a", 1)
        take(subscription, head.position + 1)
        relay.alter_published = lambda message: (
            flip(message, frame, byte) if message[1][24:32] == (head.position + 4).to_bytes(8, "big")
            and message[0] != b"heartbeat/" else message
        )  # fmt: skip
        for _ in range(5):
            deposit(appender, "a")
        last = positions(take(subscription, head.position + 3))[-1]
        if last > head.position + 3:
            return False
        with pytest.raises(ChainBroken, match=rf"position {head.position + 4} .*begin from nothing"):
            take(subscription, head.position + 5)
        return True


@pytest.fixture(scope="module")
def shared_log() -> Iterator[tuple[Services, Requester]]:
    with Services() as services:
        services.start("event-log-service")
        requester = Requester(zmq.Context.instance(), services.append, patience=PATIENCE)
        yield services, requester
        requester.close()


def appender_head(log: Services) -> Checkpoint:
    with closing(Requester(zmq.Context.instance(), log.read, PATIENCE)) as requester:
        return requester.status()


def test_an_altered_record_of_a_read_is_found(log: Services, appender: Requester) -> None:
    for _ in range(5):
        deposit(appender, "a")
    with Relay(log) as relay, Subscription(relay.endpoints) as subscription:
        relay.alter_reply = lambda message: flip(message, 0, -3)
        assert positions(take(subscription, 4)) == [1, 2, 3, 4]
        with pytest.raises(ChainBroken, match="position 5"):
            take(subscription, 5)


def test_a_record_altered_in_the_file_of_the_log_is_found(log: Services, appender: Requester) -> None:
    deposit(appender, "a", 5)
    log.kill()
    with closing(sqlite3.connect(log.database)) as database, database:
        database.execute("""UPDATE events SET data = '{"amount":"9.00"}' WHERE position = 3""")
    log.start("event-log-service")
    # The log itself proves what it reads, and gives nothing of a page that it cannot prove.
    received: list[Record] = []
    with Subscription(endpoints(log)) as subscription:

        def is_told() -> bool | None:
            received.extend(subscription.next_batch(wait=0.2))
            return "position 3 is damaged" in log.output() or None

        wait_for("the log names the damage", is_told)
    assert received == []


def test_another_log_is_refused(log: Services, appender: Requester) -> None:
    deposit(appender, "a", 3)
    with Subscription(endpoints(log)) as subscription:
        held = Checkpoint.of(take(subscription, 3)[-1])
    with Services() as other:
        other.start("event-log-service")
        with Subscription(endpoints(other), held) as subscription, pytest.raises(AnotherLog, match=str(held.log_id)):
            take(subscription, 4)


@pytest.mark.parametrize(
    ("new_events", "error"), [(0, LogWentBack), (2, LogWentBack), (5, ChainBroken), (8, ChainBroken)],
    ids=["restored", "behind what is held", "as long as what is held", "beyond what is held"],
)  # fmt: skip
def test_a_log_that_went_back_is_noticed(
    log: Services, appender: Requester, new_events: int, error: type[Diverged]
) -> None:
    deposit(appender, "a", 5)
    assert log.stop() == 0
    backup = log.directory / "backup.db"
    shutil.copy(log.database, backup)
    log.start("event-log-service")
    deposit(appender, "a", 5)
    with Subscription(endpoints(log)) as subscription:
        held = take(subscription, 10)[-1]
        log.stop()
        shutil.copy(backup, log.database)
        log.start("event-log-service")
        for _ in range(new_events):
            deposit(appender, "a")
        with pytest.raises(error):
            take(subscription, 14)
    # The same for one that was not there when it happened.
    with Subscription(endpoints(log), Checkpoint.of(held)) as subscription, pytest.raises(error):
        take(subscription, 14)


@pytest.mark.parametrize("new_events", [0, 2, 8])
def test_a_point_of_a_history_that_is_no_more_is_refused(log: Services, appender: Requester, new_events: int) -> None:
    deposit(appender, "a", 5)
    assert log.stop() == 0
    backup = log.directory / "backup.db"
    shutil.copy(log.database, backup)
    log.start("event-log-service")
    deposit(appender, "a", 5)
    requester = Requester(zmq.Context.instance(), log.read, patience=PATIENCE)
    try:
        kept, lost = requester.checkpoint_at(5).point, requester.checkpoint_at(10).point
        assert requester.checkpoint_at(lost).point == lost == Point.parse(str(lost))
        log.stop()
        shutil.copy(backup, log.database)
        log.start("event-log-service")
        for _ in range(new_events):
            deposit(appender, "a")
        assert requester.checkpoint_at(kept).point == kept
        with pytest.raises(ChainBroken if new_events == 8 else LogWentBack):
            requester.checkpoint_at(lost)
    finally:
        requester.close()
    refused = run("watch.py", "--after", lost, services=log)
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1, refused
    assert run("watch.py", "--after", f"{kept}0", services=log).returncode == 2


# MARK: checkpoints


def test_a_checkpoint_is_saved_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    assert Checkpoint.load(path) is None
    for position in (0, 1, 2**63 - 1):
        checkpoint = Checkpoint(uuid4(), position, bytes(range(32)))
        checkpoint.save(path)
        assert Checkpoint.load(path) == checkpoint
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint"]


def test_a_checkpoint_is_its_owners_alone_and_written_through_no_link(tmp_path: Path) -> None:
    path, precious = tmp_path / "checkpoint", tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "checkpoint.new").symlink_to(precious)
    mask = os.umask(0)
    try:
        Checkpoint(uuid4(), 1, bytes(32)).save(path)
    finally:
        os.umask(mask)
    assert precious.read_text() == "precious" and not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["checkpoint", "precious"]


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"log_id":"x","position":1,"hash":""}',
     json.dumps({"log_id": str(UUID(int=1)), "position": 1.5, "hash": "00" * 32}).encode(),
     json.dumps({"log_id": str(UUID(int=1)), "position": 1, "hash": "00" * 31}).encode()],
)  # fmt: skip
def test_a_damaged_checkpoint_is_not_guessed_at(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(damage)
    with pytest.raises(CheckpointDamaged, match="remove it"):
        Checkpoint.load(path)


# MARK: amounts


def account_record(type_: str, data: str, schema_version: int) -> Record:
    header = HEADER.pack(MAGIC, 1, 0, schema_version, bytes(16), 1, 1, 0, bytes(16), bytes(32))
    return Record(header, f"account/{type_}/a/".encode(), b"", data.encode())


@pytest.mark.parametrize(
    ("schema_version", "amount", "units", "digits"),
    [(2, '"500.00"', 50000, 2), (2, '"500"', 500, 0), (2, '"0.001"', 1, 3), (2, '"9999999999999.99"', 10**15 - 1, 2),
     (1, "500.0", 50000, 2), (1, "500", 50000, 2), (1, "5e2", 50000, 2), (1, "0.30000000000000004", 30, 2),
     (1, "1.1500000000000001", 115, 2), (1, "9999999999999.99", 10**15 - 1, 2), (1, "0.0", 0, 2)],
)  # fmt: skip
def test_amounts_of_both_schema_versions_are_exact(
    schema_version: int, amount: str, units: int, digits: int
) -> None:
    event = account_event(account_record("MoneyDeposited", f'{{"amount":{amount}}}', schema_version))
    assert event == Deposited("a", Money(units, digits))


def test_an_opening_of_the_first_schema_is_in_dollars() -> None:
    data = '{"owner":"Alice","initial_balance":1000.0}'
    assert account_event(account_record("AccountOpened", data, 1)) == Opened("a", "Alice", Money(100000, 2), "USD")


@pytest.mark.parametrize(
    ("schema_version", "data"),
    [(3, '{"amount":"1.00"}'), (2, '{"amount":1.00}'), (1, '{"amount":"1.00"}'), (2, '{"amount":"1e2"}'),
     (2, '{"amount":"-1.00"}'), (2, '{"amount":"1.00","amount":"2.00"}'), (2, '{"amount":"1.00","fee":"1.00"}'),
     (2, "[]"), (2, "1"), (1, '{"amount":0.001}'), (1, '{"amount":1e999999999}'), (1, '{"amount":1e-999999999}'),
     (1, '{"amount":1e99999999999999999999}'), (1, '{"amount":-1.0}'), (1, '{"amount":true}'),
     (2, '{"amount":"10000000000000.00"}')],
)  # fmt: skip
def test_an_event_that_is_not_understood_is_not_guessed_at(schema_version: int, data: str) -> None:
    with pytest.raises(UnknownEvent, match="position 1"):
        account_event(account_record("MoneyDeposited", data, schema_version))


# MARK: the table


def check_table(table: Path, log: Services) -> None:
    """The table holds what the file of the log holds, and nothing else, up to its head."""
    query = f"SELECT {EVENT_COLUMNS} FROM events ORDER BY position"
    held, recorded = rows(table, query), rows(log.database, query)
    assert len(recorded) == log.readiness()["position"] and held == recorded
    assert rows(table, "SELECT position, log_id, hash FROM checkpoint") == [
        (recorded[-1][0], log.readiness()["log"], recorded[-1][8])
    ]


def test_the_table_is_exact_after_kills_of_the_subscriber_and_of_the_log(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    table, history, generator = tmp_path / "events.db", History(7), random.Random(7)
    fill(appender, history, 1)
    reached = [0]
    for turn in range(8):
        with running(program("table.py", table, services=log), stdout=subprocess.DEVNULL) as process:
            fill(appender, history, 1)
            wait_for("the table goes on", lambda: held_position(table) > reached[-1])
            # It is killed at whatever it does after so many events more, now and then together with the log.
            fill(appender, history, generator.randrange(20))
            assert process.poll() is None
            if turn % 3 == 2:
                log.kill()
            process.kill()
            process.wait()
        if turn % 3 == 2:
            log.start("event-log-service")
        reached.append(held_position(table))
    assert reached == sorted(set(reached)), "each went on from where the one before it was killed"
    done = run("table.py", table, "--once", services=log)
    assert (done.returncode, done.stderr) == (0, "")
    check_table(table, log)


def held_position(table: Path) -> int:
    try:
        found = rows(table, "SELECT position FROM checkpoint")
    except sqlite3.OperationalError:
        return 0  # The file, or its tables, are not made yet.
    return int(str(found[0][0])) if found else 0


def test_a_table_refuses_another_log_and_a_second_writer(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    table = tmp_path / "events.db"
    deposit_to_opened(appender, "a", 3)
    with running(program("table.py", table, services=log), stderr=subprocess.PIPE) as first:
        wait_for("the first is there", lambda: held_position(table) == 4)
        with running(program("table.py", table, services=log), stderr=subprocess.PIPE) as second:
            both = {first, second}
            end = time.monotonic() + PATIENCE
            while not any(process.poll() is not None for process in both):
                assert time.monotonic() < end, "two kept one table and nobody minded"
                deposit(appender, "a")
            ended = next(process for process in both if process.poll() is not None)
            assert ended.returncode == 1 and ended.stderr
            assert b"another program keeps this table" in ended.stderr.read()
    assert run("table.py", table, "--once", services=log).returncode == 0
    check_table(table, log)
    with Services() as other:
        other.start("event-log-service")
        refused = run("table.py", table, "--once", services=other)
    assert refused.returncode == 1 and "begin from nothing" in refused.stderr and "Traceback" not in refused.stderr
    check_table(table, log)


def test_records_of_other_categories_are_kept_and_mean_nothing(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    event = Event(uuid4(), "MoneyDeposited", b'"\xc3\xa9"', b'{"by":"nobody"}', 9)
    assert append(appender, Write("audit/a", None, [event])).result == "committed"
    assert run("table.py", tmp_path / "events.db", "--once", services=log).returncode == 0
    check_table(tmp_path / "events.db", log)
    assert rows(tmp_path / "events.db", "SELECT * FROM movements") == []


# MARK: the questions


@dataclass(frozen=True)
class Moved:
    """One change of a balance."""

    position: int
    account: str
    amount: Decimal
    recorded_at: int
    type: str
    counterparty: str | None


class Ledger:
    """The log's file in exact decimals, without a line of the programs that are tested."""

    def __init__(self, database: Path) -> None:
        self.currency: dict[str, str] = {}
        self.owner: dict[str, str] = {}
        self.movements: list[Moved] = []
        self.holds: dict[tuple[str, str], Decimal] = {}
        events = rows(database, "SELECT position, stream, type, recorded_at, data FROM events ORDER BY position")
        for position, account, type_, at, data in events:
            members = json.loads(str(data), parse_float=Decimal)
            amount = Decimal(members.get("amount", members.get("initial_balance")))
            if type_ == "AccountOpened":
                self.currency[str(account)] = members.get("currency", "USD")
                self.owner[str(account)] = members["owner"]
            if type_ == "HoldPlaced" and "expires_at" not in members:
                self.holds[str(account), members["hold"]] = amount
            if type_ in ("HoldReleased", "HoldExpired", "HoldCaptured"):
                self.holds.pop((str(account), members["hold"]), None)
            if type_ in ("HoldPlaced", "HoldReleased", "HoldExpired"):
                continue
            if type_ in ("MoneyWithdrawn", "MoneySent", "HoldCaptured") or members.get("direction") == "debit":
                amount = -amount
            counterparty = members.get("to", members.get("from"))
            self.movements.append(
                Moved(int(str(position)), str(account), amount, int(str(at)), str(type_), counterparty)
            )

    def written(self, amount: Decimal, currency: str) -> str:
        return f"{amount:.{CURRENCIES[currency]}f}"

    def balances(self) -> list[list[str]]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for moved in self.movements:
            sums[self.currency[moved.account]] += moved.amount
        accounts = Counter(self.currency.values())
        return [[name, str(accounts[name]), self.written(sums[name], name)] for name in sorted(sums)]

    def held(self) -> list[list[str]]:
        held: dict[str, list[Decimal]] = defaultdict(list)
        for (account, _), amount in self.holds.items():
            held[self.currency[account]].append(amount)
        return [
            [name, str(len(amounts)), self.written(sum(amounts, Decimal()), name)]
            for name, amounts in sorted(held.items())
        ]

    def flows(self) -> list[list[str]]:
        flows: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
        for moved in self.movements:
            hour = datetime.fromtimestamp(moved.recorded_at // 1_000_000, timezone.utc).strftime("%Y-%m-%dT%H:00Z")
            if not moved.counterparty:
                flows[hour, self.currency[moved.account]].append(moved.amount)
        return [
            [hour, name, str(len(flow)), self.written(sum((a for a in flow if a > 0), Decimal()), name),
             self.written(-sum((a for a in flow if a < 0), Decimal()), name)]
            for (hour, name), flow in sorted(flows.items())
        ]  # fmt: skip

    def falls(self) -> list[list[str]]:
        balance: dict[str, Decimal] = defaultdict(Decimal)
        peak: dict[str, Decimal] = {}
        worst: dict[str, Decimal] = defaultdict(Decimal)
        fall: dict[str, list[str]] = {}
        for moved in self.movements:
            account = moved.account
            balance[account] += moved.amount
            peak[account] = max(peak.get(account, balance[account]), balance[account])
            lost = peak[account] - balance[account]
            if lost > worst[account]:
                worst[account] = lost
                amounts = (peak[account], balance[account], lost)
                written = [self.written(amount, self.currency[account]) for amount in amounts]
                fall[account] = [account, self.owner[account], self.currency[account], *written, str(moved.position)]
        return [fall[account] for account in sorted(fall, key=lambda account: (-worst[account], account))[:5]]


def test_the_questions_are_answered_as_exact_arithmetic_does(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    fill(appender, History(11), 30)
    table = tmp_path / "events.db"
    assert run("table.py", table, "--once", services=log).returncode == 0
    answered = run("table.py", table, "--questions", services=log)
    assert (answered.returncode, answered.stderr) == (0, "")
    answers = [
        [re.split(r" {2,}", line.strip()) for line in block.splitlines() if line.startswith("    ")][1:]
        for block in answered.stdout.strip().split("\n\n")
    ]
    ledger = Ledger(log.database)
    assert len(ledger.balances()) == len(CURRENCIES) and len(ledger.falls()) == 5 and ledger.held()
    assert answers == [ledger.balances(), ledger.held(), ledger.flows(), ledger.falls()]


# MARK: the live view


def figures(log: Services, window: int) -> tuple[list[str], list[tuple[str, str, str]]]:
    """What the view must show of deposits, withdrawals and transfers and of the largest movements, from the log's file."""
    events = rows(log.database, "SELECT type, recorded_at FROM events ORDER BY position")
    last_second = int(str(events[-1][1])) // 1_000_000
    ledger = Ledger(log.database)

    def line(type_: str) -> str:
        times = [int(str(at)) // 1_000_000 for found, at in events if found == type_]
        rate = sum(time > last_second - window for time in times) / window
        return f"{rate:,.1f}/s {len(times):,} in all"

    # What moved between two accounts is shown once, where it went out.
    movements = [
        moved for moved in ledger.movements
        if moved.type != "AccountOpened" and not (moved.counterparty and moved.amount > 0)
    ]  # fmt: skip
    shown = []
    for moved in sorted(movements, key=lambda moved: (-abs(moved.amount), moved.position))[:5]:
        currency = ledger.currency[moved.account]
        shown.append((f"{moved.amount:+,.{CURRENCIES[currency]}f}", currency, moved.account))
    lines = [line(type_) for type_ in ("MoneyDeposited", "MoneyWithdrawn", "MoneySent")]
    return lines, shown


def test_the_view_shows_the_right_figures(log: Services, appender: Requester) -> None:
    fill(appender, History(13), 30)
    shown = run("watch.py", "--once", "--window", 3, services=log)
    assert (shown.returncode, shown.stderr) == (0, "") and "\x1b" not in shown.stdout
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    (deposits, withdrawals, transfers), largest = figures(log, window=3)
    head = f"{log.readiness()['position']:,}"
    assert lines[0] == f"position {head} of {head}, 0 behind, newest event 0.0 s old, read once"
    assert lines[2:5] == [f"deposits {deposits}", f"withdrawals {withdrawals}", f"transfers {transfers}"]
    assert [(words[0], words[1], words[3]) for words in map(str.split, lines[8:])] == largest


def test_the_view_follows_on_a_terminal_and_leaves_no_trace(log: Services, appender: Requester) -> None:
    deposit_to_opened(appender, "before", 2)
    terminal, end_of_program = pty.openpty()
    command = program("watch.py", services=log)
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    seen = b""

    def sees(text: bytes) -> bool:
        nonlocal seen
        while not seen.endswith(text) and text not in seen and _is_readable(terminal):
            seen += os.read(terminal, 65536)
        return text in seen

    with running(command, stdout=end_of_program, stderr=end_of_program, env=environment) as process:
        os.close(end_of_program)
        wait_for("the view is there", lambda: sees(b"position 3 of 3, 0 behind"))
        deposit(appender, "before")
        # An account that was opened before the view began: its currency is looked up.
        wait_for("the deposit is shown", lambda: sees(b"+1.00 USD"))
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        # The terminal's buffer holds the rest.
        wait_for("the terminal is given back", lambda: sees(b"\x1b[?25h\x1b[?1049l"))
    os.close(terminal)
    assert b"Traceback" not in seen and b"\x1b[32m" in seen


def _is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def test_programs_end_quietly_when_asked(log: Services, tmp_path: Path) -> None:
    table = tmp_path / "events.db"
    commands = (program("watch.py", services=log), program("table.py", table, services=log))
    for command, name in zip(commands, (signal.SIGINT, signal.SIGTERM)):
        output, errors = tmp_path / "output", tmp_path / "errors"
        with open(output, "wb") as out, open(errors, "wb") as err, running(command, stdout=out, stderr=err) as process:
            wait_for("it works", lambda: output.stat().st_size > 0 or table.exists())
            process.send_signal(name)
            assert process.wait(PATIENCE) == 0
        assert errors.read_text() == ""


def test_a_log_that_is_nowhere_is_an_error_in_time(tmp_path: Path) -> None:
    with Services() as absent:
        failed = run("table.py", tmp_path / "events.db", "--once", services=absent)
    assert failed.returncode == 1
    assert "nothing from the log for 5 s" in failed.stderr and "Traceback" not in failed.stderr
