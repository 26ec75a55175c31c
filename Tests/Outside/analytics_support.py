"""What the tests of the analytics subscribers work with: a log, its appender, histories, programs, and a liar between."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
import zmq
from daybook_frames import Event, Record, Write
from daybook_services import PATIENCE, Services, free_port
from daybook_subscriber import append, received

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import Endpoints, Requester, Subscription

ANALYTICS = Path(__file__).resolve().parents[2] / "deploy/analytics"
CURRENCIES = {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}

@pytest.fixture
def log() -> Iterator[Services]:
    with Services() as services:
        services.start("event-log-service")
        yield services


@pytest.fixture
def appender(log: Services) -> Iterator[Requester]:
    requester = Requester(zmq.Context.instance(), log.append, patience=PATIENCE)
    yield requester
    requester.close()


def endpoints(services: Services) -> Endpoints:
    return Endpoints(services.events, services.read)


class History:
    """Random account events of both schema versions, and beside them what an independent ledger makes of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.currencies: dict[str, str] = {}
        self.holds: list[tuple[str, str, str]] = []

    def writes(self, count: int) -> list[Write]:
        """One event for each of so many accounts, with the account's opening where it is new."""
        accounts = self.random.sample([f"acc-{number}" for number in range(60)], count)
        return [Write(f"account/{account}", None, self._events(account)) for account in accounts]

    def command(self) -> list[Write]:
        """What one command on an account, or on two of one currency, records in one append."""
        account = self.random.choice(list(self.currencies))
        others = [o for o in self.currencies if o != account and self.currencies[o] == self.currencies[account]]
        other = self.random.choice(others) if others and self.random.random() < 0.6 else None
        amount = self._amount(self.currencies[account], is_old_schema=False)
        transfer = f'"transfer":"{uuid4()}"'
        match self.random.randrange(4):
            case 0 if other:
                return self._both(account, other, amount, transfer, "MoneySent")
            case 1:
                hold = f"hold-{len(self.holds)}-{self.random.randrange(10**6)}"
                self.holds.append((account, hold, amount))
                expiry = ',"expires_at":"2026-01-02T03:04:05.678901Z"' if self.random.random() < 0.3 else ""
                return [self._write(account, "HoldPlaced", f'"hold":"{hold}","amount":{amount}{expiry}')]
            case 2 if self.holds:
                account, hold, amount = self.holds.pop(self.random.randrange(len(self.holds)))
                named = f'"hold":"{hold}","amount":{amount}'
                match self.random.randrange(4):
                    case 0:
                        return [self._write(account, "HoldReleased", named)]
                    case 1:
                        return [self._write(account, "HoldExpired", named)]
                    case 2 if others := [o for o in self.currencies if self.currencies[o] == self.currencies[account]
                                         and o != account]:  # fmt: skip
                        return self._both(account, others[0], amount, transfer, "HoldCaptured", f'"hold":"{hold}"')
                return [self._write(account, "HoldCaptured", f'{named},"released":{amount},"description":"all of it"')]
            case 3 if other:
                reversal = f'"amount":{amount},"reverses":1,"reason":"a mistake",{transfer}'
                return [
                    self._write(account, "MovementReversed", f'{reversal},"direction":"credit","from":"{other}"'),
                    self._write(other, "MovementReversed", f'{reversal},"direction":"debit","to":"{account}"'),
                ]
        direction = self.random.choice(["credit", "debit"])
        data = f'"amount":{amount},"reverses":2,"direction":"{direction}","reason":"a mistake","reference":"r-1"'
        return [self._write(account, "MovementReversed", data)]

    def _both(
        self, account: str, other: str, amount: str, transfer: str, type_: str, *members: str
    ) -> list[Write]:
        version = () if type_ == "HoldCaptured" else ('"counterparty_version":1',)
        sent = ",".join([f'"amount":{amount}', f'"to":"{other}"', transfer, *version, *members])
        received = ",".join([f'"amount":{amount}', f'"from":"{account}"', transfer, '"counterparty_version":1', *members])
        return [self._write(account, type_, sent), self._write(other, "MoneyReceived", received)]

    def _write(self, account: str, type_: str, members: str) -> Write:
        return Write(f"account/{account}", None, [self._event(type_, f"{{{members}}}", is_old_schema=False)])

    def _events(self, account: str) -> list[Event]:
        is_old_schema = self.random.random() < 0.3
        events = []
        if account not in self.currencies:
            currency = "USD" if is_old_schema else self.random.choice(list(CURRENCIES))
            self.currencies[account] = currency
            data = f'"initial_balance":{self._amount(currency, is_old_schema)}'
            data += "" if is_old_schema else f',"currency":"{currency}"'
            events.append(self._event("AccountOpened", f'{{"owner":"Owner of {account}",{data}}}', is_old_schema))
        currency = self.currencies[account]
        is_old_schema = is_old_schema and currency == "USD"
        type_ = self.random.choice(["MoneyDeposited", "MoneyWithdrawn"])
        events.append(self._event(type_, f'{{"amount":{self._amount(currency, is_old_schema)}}}', is_old_schema))
        return events

    def _amount(self, currency: str, is_old_schema: bool) -> str:
        digits = CURRENCIES[currency]
        amount = f"{Decimal(self.random.randrange(1, 10**7)).scaleb(-digits):f}"
        return amount.rstrip("0") + "0" if is_old_schema else f'"{amount}"'

    @staticmethod
    def _event(type_: str, data: str, is_old_schema: bool) -> Event:
        return Event(uuid4(), type_, data.encode(), b"", 1 if is_old_schema else 2)


def fill(appender: Requester, history: History, appends: int) -> None:
    for _ in range(appends):
        assert append(appender, *history.writes(20)).result == "committed"
        for _ in range(4):
            assert append(appender, *history.command()).result == "committed"


def deposit(appender: Requester, account: str, count: int = 1) -> None:
    events = [Event(uuid4(), "MoneyDeposited", b'{"amount":"1.00"}', b"", 2) for _ in range(count)]
    assert append(appender, Write(f"account/{account}", None, events)).result == "committed"


def take(subscription: Subscription, position: int, deadline: float = PATIENCE) -> list[Record]:
    """The records up to a position; fails if they do not come."""
    records: list[Record] = []
    end = time.monotonic() + deadline
    while not records or records[-1].position < position:
        assert time.monotonic() < end, f"only {len(records)} records within {deadline:g} s"
        records += subscription.next_batch(wait=0.5)
    return records


def positions(records: list[Record]) -> list[int]:
    return [record.position for record in records]


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def program(name: str, *arguments: object, services: Services) -> list[str]:
    where = ["--events", services.events, "--read", services.read]
    return [sys.executable, str(ANALYTICS / name), *map(str, arguments), *where]


def run(name: str, *arguments: object, services: Services) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program(name, *arguments, services=services), capture_output=True, text=True, timeout=2 * PATIENCE)


@contextmanager
def running(command: list[str], **streams: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, **streams)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Relay:
    """Stands between the log and a subscriber, and passes on what `alter` makes of each message; None drops it."""

    def __init__(self, services: Services) -> None:
        self.endpoints = Endpoints(*(f"tcp://127.0.0.1:{free_port()}" for _ in range(2)))
        self.alter_published: Callable[[list[bytes]], list[bytes] | None] = lambda message: message
        self.alter_reply: Callable[[list[bytes]], list[bytes] | None] = lambda message: message
        self._services = services
        self._context = zmq.Context()
        # Its sockets go with their thread; what they have not sent then must not hold the end of the context.
        self._context.linger = 0
        self._is_ending = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending = True
        self._thread.join()
        self._context.destroy(linger=0)

    def _run(self) -> None:
        published, subscriptions = self._context.socket(zmq.XSUB), self._context.socket(zmq.XPUB)
        requests, replies = self._context.socket(zmq.ROUTER), self._context.socket(zmq.DEALER)
        # Each request keeps its requester's address, which the log does not see: it is the only requester here.
        published.connect(self._services.events)
        replies.connect(self._services.read)
        subscriptions.bind(self.endpoints.events)
        requests.bind(self.endpoints.read)
        address = b""
        poller = zmq.Poller()
        for socket in (published, subscriptions, requests, replies):
            poller.register(socket, zmq.POLLIN)
        while not self._is_ending:
            for socket, _ in poller.poll(50):
                message = received(socket)
                if not message:
                    continue
                if socket is subscriptions:
                    published.send_multipart(message)
                elif socket is requests:
                    address, *frames = message
                    replies.send_multipart(frames)
                elif socket is published:
                    if passed := self.alter_published(message):
                        subscriptions.send_multipart(passed)
                elif passed := self.alter_reply(message):
                    requests.send_multipart([address, *passed])


def deposit_to_opened(appender: Requester, account: str, count: int, currency: str = "USD") -> None:
    opened = f'{{"owner":"Alice","initial_balance":"0.00","currency":"{currency}"}}'
    event = Event(uuid4(), "AccountOpened", opened.encode(), b"", 2)
    assert append(appender, Write(f"account/{account}", 0, [event])).result == "committed"
    deposit(appender, account, count)
