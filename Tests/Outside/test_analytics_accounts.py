"""What the analytics package makes of the events of accounts, and what its table keeps of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from analytics_support import appender as appender, deposit, log as log, rows, run
from daybook_frames import HEADER, MAGIC, Event, Record, Write
from daybook_services import Services
from daybook_subscriber import append

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import Requester
from daybook_events.accounts import (
    AccountEvent, Change, Closed, Deposited, Details, Frozen, HoldCaptured, HoldExpired, HoldPlaced, HoldReleased,
    LimitsSet, Money, Movement, Opened, Received, Reversed, Sent, Unfrozen, UnknownEvent, Withdrawn, account_event,
    movement,
)  # fmt: skip

ID = "019b7ca9-8f2e-7000-8000-000000000001"
FIVE, ONE, NONE = Money(500, 2), Money(100, 2), Money(0, 2)
SAID = '"reference":"r-1","description":"Zoë\'s rent","effective_at":"2026-01-31"'
DETAILS = Details("r-1", "Zoë's rent", date(2026, 1, 31))


def event(type_: str, members: str, schema_version: int = 2) -> AccountEvent | None:
    header = HEADER.pack(MAGIC, 1, 0, schema_version, bytes(16), 9, 1, 0, bytes(16), bytes(32))
    return account_event(Record(header, f"account/{type_}/a/".encode(), b"", f"{{{members}}}".encode()))


EVENTS: list[tuple[str, str, AccountEvent, Movement | None]] = [
    ("AccountOpened", '"owner":"A","initial_balance":"5.00","currency":"USD","overdraft":"1.00","maximum_balance":"0.00"',
     Opened("a", "A", FIVE, "USD", ONE, NONE), Movement("opening", 500)),
    ("MoneyDeposited", f'"amount":"5.00",{SAID}', Deposited("a", FIVE, DETAILS), Movement("deposit", 500)),
    ("MoneyWithdrawn", f'{SAID},"amount":"5.00"', Withdrawn("a", FIVE, DETAILS), Movement("withdrawal", -500)),
    ("MoneySent", f'"amount":"5.00","to":"b","transfer":"{ID}","counterparty_version":7,{SAID}',
     Sent("a", FIVE, "b", UUID(ID), 7, DETAILS), Movement("sent", -500, "b")),
    ("MoneyReceived", f'"amount":"5.00","from":"b","transfer":"{ID}","counterparty_version":9223372036854775807',
     Received("a", FIVE, "b", UUID(ID), 2**63 - 1), Movement("received", 500, "b")),
    ("MoneyReceived", f'"amount":"5.00","from":"b","transfer":"{ID}","counterparty_version":1,"hold":"h~1",{SAID}',
     Received("a", FIVE, "b", UUID(ID), 1, "h~1", DETAILS), Movement("received", 500, "b")),
    ("HoldPlaced", f'"hold":"h","amount":"5.00",{SAID}', HoldPlaced("a", "h", FIVE, None, DETAILS), None),
    ("HoldPlaced", '"hold":"h","amount":"5.00","expires_at":"2026-01-02T03:04:05.678901Z"',
     HoldPlaced("a", "h", FIVE, 1_767_323_045_678_901), None),
    ("HoldCaptured", '"hold":"h","amount":"5.00"', HoldCaptured("a", "h", FIVE), Movement("capture", -500)),
    ("HoldCaptured", f'"hold":"h","amount":"5.00","released":"1.00","to":"b","transfer":"{ID}",{SAID}',
     HoldCaptured("a", "h", FIVE, ONE, "b", UUID(ID), DETAILS), Movement("capture", -500, "b")),
    ("HoldReleased", '"hold":"h","amount":"5.00"', HoldReleased("a", "h", FIVE), None),
    ("HoldExpired", '"hold":"h","amount":"5.00"', HoldExpired("a", "h", FIVE), None),
    ("LimitsSet", '"overdraft":"5.00"', LimitsSet("a", FIVE, Change.NONE), None),
    ("LimitsSet", '"maximum_balance":null,"overdraft":"0.00"', LimitsSet("a", NONE, Change.REMOVED), None),
    ("AccountFrozen", '"direction":"debits","reason":"r"', Frozen("a", "debits", "r"), None),
    ("AccountUnfrozen", '"reason":"r"', Unfrozen("a", "r"), None),
    ("AccountClosed", '"reason":"r"', Closed("a", "r"), None),
    ("MovementReversed", '"amount":"5.00","reverses":3,"direction":"credit","reason":"r"',
     Reversed("a", FIVE, 3, True, "r"), Movement("reversal", 500)),
    ("MovementReversed",
     f'"amount":"5.00","reverses":3,"direction":"debit","reason":"r","to":"b","transfer":"{ID}",{SAID}',
     Reversed("a", FIVE, 3, False, "r", "b", UUID(ID), DETAILS), Movement("reversal", -500, "b")),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "members", "expected", "moved"), EVENTS)
def test_every_event_is_understood(type_: str, members: str, expected: AccountEvent, moved: Movement | None) -> None:
    found = event(type_, members)
    assert found == expected
    assert movement(expected) == moved


@pytest.mark.parametrize(
    ("type_", "members", "schema_version"),
    [
        ("MoneyBurnt", '"amount":"5.00"', 2),
        ("MoneySent", f'"amount":"5.00","to":"b","transfer":"{ID}"', 2),
        ("MoneySent", f'"amount":"5.00","to":"b/c","transfer":"{ID}","counterparty_version":1', 2),
        ("MoneySent", '"amount":"5.00","to":"b","transfer":"7","counterparty_version":1', 2),
        ("MoneySent", f'"amount":"5.00","to":"b","transfer":"{ID.upper()}","counterparty_version":1', 2),
        ("MoneySent", f'"amount":"5.00","to":"b","transfer":"{ID}","counterparty_version":1.5', 2),
        ("MoneySent", f'"amount":"5.00","to":"b","transfer":"{ID}","counterparty_version":"1"', 2),
        ("MoneySent", f'"amount":"5.00","to":"b","transfer":"{ID}","counterparty_version":1e999999999', 2),
        ("MoneySent", f'"amount":5.00,"to":"b","transfer":"{ID}","counterparty_version":1', 1),
        ("MoneyReceived", f'"amount":"5.00","to":"b","transfer":"{ID}","counterparty_version":1', 2),
        ("HoldPlaced", '"hold":"h","amount":"5.00","expires_at":"tomorrow"', 2),
        ("HoldPlaced", '"hold":"h","amount":"5.00","expires_at":"2026-02-30T00:00:00.000000Z"', 2),
        ("HoldPlaced", '"amount":"5.00"', 2),
        ("HoldCaptured", '"hold":"h","amount":"5.00","to":"b"', 2),
        ("HoldCaptured", f'"hold":"h","amount":"5.00","transfer":"{ID}"', 2),
        ("HoldReleased", '"hold":"h","amount":"5.00","description":"d"', 2),
        ("LimitsSet", "", 2),
        ("LimitsSet", '"overdraft":5', 2),
        ("LimitsSet", '"overdraft":false', 2),
        ("AccountFrozen", '"direction":"all of it","reason":"r"', 2),
        ("AccountClosed", '"reason":null', 2),
        ("AccountOpened", '"owner":"A","initial_balance":"5.00","currency":"USD","overdraft":null', 2),
        ("MovementReversed", '"amount":"5.00","reverses":0,"direction":"credit","reason":"r"', 2),
        ("MovementReversed", f'"amount":"5.00","reverses":1,"direction":"credit","reason":"r","to":"b","transfer":"{ID}"', 2),
        ("MoneyDeposited", '"amount":"5.00","effective_at":"20260131"', 2),
        ("MoneyDeposited", '"amount":5.00,"reference":"r"', 1),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_not_guessed_at(type_: str, members: str, schema_version: int) -> None:
    with pytest.raises(UnknownEvent, match="position 9"):
        event(type_, members, schema_version)


# MARK: the table


def record(appender: Requester, *writes: tuple[str, Sequence[tuple[str, str]]]) -> None:
    """Appends events to accounts, all of them in one append."""
    named = [
        Write(f"account/{account}", None, [Event(uuid4(), type_, f"{{{members}}}".encode(), b"", 2)
                                           for type_, members in events])
        for account, events in writes
    ]  # fmt: skip
    assert append(appender, *named).result == "committed"


def open_both(appender: Requester) -> None:
    for account, balance in (("a", "100.00"), ("b", "0.00")):
        record(appender, (account, [
            ("AccountOpened", f'"owner":"O","initial_balance":"{balance}","currency":"USD"')]))  # fmt: skip


def transfer(appender: Requester, amount: str) -> None:
    rest = f'"transfer":"{uuid4()}","counterparty_version":2'
    record(appender, ("a", [("MoneySent", f'"amount":"{amount}","to":"b",{rest}')]),
           ("b", [("MoneyReceived", f'"amount":"{amount}","from":"a",{rest}')]))  # fmt: skip


BALANCES = "SELECT account, sum(minor_units) FROM movements GROUP BY account ORDER BY account"


def test_balances_are_right_with_transfers_holds_captures_and_reversals(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    table = tmp_path / "events.db"

    def balances() -> list[tuple[object, ...]]:
        done = run("table.py", table, "--once", services=log)
        assert (done.returncode, done.stderr) == (0, "")
        return rows(table, BALANCES)

    open_both(appender)
    transfer(appender, "30.00")
    assert balances() == [("a", 7000), ("b", 3000)]
    for hold in ("captured", "sent", "released", "expired", "open"):
        record(appender, ("a", [("HoldPlaced", f'"hold":"{hold}","amount":"10.00"')]))
    assert balances() == [("a", 7000), ("b", 3000)]
    record(appender, ("a", [("HoldCaptured", '"hold":"captured","amount":"4.00","released":"6.00"')]))
    assert balances() == [("a", 6600), ("b", 3000)]
    link = f'"transfer":"{uuid4()}"'
    record(appender, ("a", [("HoldCaptured", f'"hold":"sent","amount":"10.00","to":"b",{link}')]),
           ("b", [("MoneyReceived",
                   f'"amount":"10.00","from":"a",{link},"counterparty_version":9,"hold":"sent"')]))  # fmt: skip
    record(appender, ("a", [("HoldReleased", '"hold":"released","amount":"10.00"'),
                            ("HoldExpired", '"hold":"expired","amount":"10.00"')]))  # fmt: skip
    assert balances() == [("a", 5600), ("b", 4000)]
    # The first transfer is reversed, on both accounts.
    reversed_ = f'"amount":"30.00","reverses":2,"reason":"a mistake",{link}'
    record(appender, ("a", [("MovementReversed", f'{reversed_},"direction":"credit","from":"b"')]),
           ("b", [("MovementReversed", f'{reversed_},"direction":"debit","to":"a"')]))  # fmt: skip
    record(appender, ("a", [("LimitsSet", '"overdraft":"5.00"'), ("AccountFrozen", '"direction":"all","reason":"r"'),
                            ("AccountUnfrozen", '"reason":"r"'), ("AccountClosed", '"reason":"r"')]))  # fmt: skip
    assert balances() == [("a", 8600), ("b", 1000)]
    # Deposits less withdrawals are what is there: transfers make up nothing, a capture without `to` goes out.
    assert rows(table, "SELECT sum(minor_units) FROM movements WHERE counterparty IS NULL") == [(9600,)]
    assert rows(table, "SELECT sum(minor_units) FROM movements WHERE counterparty IS NOT NULL") == [(0,)]
    assert rows(table, "SELECT hold, minor_units, resolution FROM holds ORDER BY placed_at") == [
        ("captured", 1000, "captured"), ("sent", 1000, "captured"), ("released", 1000, "released"),
        ("expired", 1000, "expired"), ("open", 1000, None),
    ]  # fmt: skip


def test_an_event_of_a_newer_program_stops_the_table_before_its_append(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    table = tmp_path / "events.db"
    open_both(appender)
    transfer(appender, "1.00")
    assert run("table.py", table, "--once", services=log).returncode == 0
    record(appender, ("a", [("MoneyWithdrawn", '"amount":"1.00"')]), ("b", [("MoneyBurnt", '"amount":"1.00"')]))
    stopped = run("table.py", table, "--once", services=log)
    assert (stopped.returncode, stopped.stderr.count("\n")) == (1, 1)
    assert "position 6, MoneyBurnt of schema version 2: its type is not known" in stopped.stderr
    assert rows(table, "SELECT position FROM checkpoint") == [(4,)]
    assert rows(table, "SELECT max(position) FROM events") == [(4,)]
    assert rows(table, BALANCES) == [("a", 9900), ("b", 100)]


def test_a_table_of_the_form_before_goes_on_in_the_new_one(
    log: Services, appender: Requester, tmp_path: Path
) -> None:
    table, older = tmp_path / "events.db", tmp_path / "older.db"
    open_both(appender)
    deposit(appender, "b")
    assert run("table.py", table, "--once", services=log).returncode == 0
    with closing(sqlite3.connect(older)) as database, database:
        database.executescript(OLDER_SCHEMA)
        database.execute("ATTACH ? AS new", (str(table),))
        for name in ("checkpoint", "events", "accounts"):
            database.execute(f"INSERT INTO main.{name} SELECT * FROM new.{name}")
        database.execute(
            "INSERT INTO main.movements SELECT position, account, kind, minor_units, recorded_at FROM new.movements"
        )
    transfer(appender, "10.00")
    for path in (table, older):
        done = run("table.py", path, "--once", services=log)
        assert (done.returncode, done.stderr) == (0, "")
    for name in ("checkpoint", "events", "accounts", "movements", "holds"):
        assert rows(older, f"SELECT * FROM {name}") == rows(table, f"SELECT * FROM {name}")
    assert rows(older, BALANCES) == [("a", 9000), ("b", 1100)]
    form = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    assert rows(older, form) == rows(table, form)
    assert json.dumps(rows(older, "PRAGMA foreign_key_check")) == "[]"


# What the program before made.
OLDER_SCHEMA = """
    CREATE TABLE IF NOT EXISTS checkpoint (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        log_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    -- Every record as it came, of whatever category. Times are microseconds since 1970, UTC.
    CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY,
        category TEXT NOT NULL,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        type TEXT NOT NULL,
        schema_version INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL,
        id BLOB NOT NULL,
        hash BLOB NOT NULL,
        metadata TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    -- What the account events say, whatever their schema version. Amounts are whole minor units (cents for dollars).
    CREATE TABLE IF NOT EXISTS accounts (
        account TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        currency TEXT NOT NULL,
        fraction_digits INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS movements (
        position INTEGER PRIMARY KEY REFERENCES events,
        account TEXT NOT NULL REFERENCES accounts,
        kind TEXT NOT NULL CHECK (kind IN ('opening', 'deposit', 'withdrawal')),
        minor_units INTEGER NOT NULL, -- negative for withdrawals
        recorded_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS movements_by_account ON movements (account, position);
"""
