#!/usr/bin/env python3
"""Keeps an SQLite table of the log's events, each exactly once, across restarts of this program and of the log.

    python table.py events.db                the table follows the log until Ctrl-C
    python table.py events.db --once         takes in what there is and ends
    python table.py events.db --questions    answers the questions of questions.sql
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from daybook_events import Checkpoint, Endpoints, Record, Subscription
from daybook_events.accounts import (
    HoldCaptured, HoldExpired, HoldPlaced, HoldReleased, Money, Opened, account_event, movement,
)  # fmt: skip
from daybook_events.command_line import PATIENCE, Stop, add_endpoints, endpoints, printable, run
from daybook_events.failures import DaybookError

QUESTIONS = Path(__file__).with_name("questions.sql")

SCHEMA = """
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
        kind TEXT NOT NULL CHECK (
            kind IN ('opening', 'deposit', 'withdrawal', 'sent', 'received', 'capture', 'reversal')
        ),
        minor_units INTEGER NOT NULL, -- negative where money went out
        recorded_at INTEGER NOT NULL,
        counterparty TEXT -- the other account; none where money came into the ledger, or left it
    ) STRICT;
    CREATE INDEX IF NOT EXISTS movements_by_account ON movements (account, position);
    CREATE TABLE IF NOT EXISTS holds (
        account TEXT NOT NULL REFERENCES accounts,
        hold TEXT NOT NULL,
        minor_units INTEGER NOT NULL,
        expires_at INTEGER, -- from then on it holds nothing, whether its expiry is recorded yet or not
        placed_at INTEGER NOT NULL REFERENCES events, -- the position
        resolved_at INTEGER REFERENCES events, -- the position; none while it is open
        resolution TEXT CHECK (resolution IN ('captured', 'released', 'expired')),
        PRIMARY KEY (account, hold)
    ) STRICT;
"""


class TableMoved(DaybookError):
    """Another program wrote to the table."""


def _make_private(path: str | Path) -> None:
    """Makes the file for its owner alone, unless it is there; SQLite's files beside it take their modes from it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        # It is there, or SQLite says what is wrong.
        return
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)


class EventTable:
    """The table, and how far it is: both are changed by the same transaction, so neither is ever ahead."""

    def __init__(self, path: str | Path) -> None:
        _make_private(path)
        self.database = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = FULL")
        self.database.execute("PRAGMA foreign_keys = ON")
        self.database.create_function("money", 2, money, deterministic=True)
        with self._transaction():
            self._make_tables()

    def checkpoint(self) -> Checkpoint | None:
        row = self.database.execute("SELECT log_id, position, hash FROM checkpoint").fetchone()
        return Checkpoint(UUID(row[0]), row[1], row[2]) if row else None

    def take(self, records: Sequence[Record], after: Checkpoint | None) -> Checkpoint:
        """Adds records that follow on a checkpoint, which are whole appends, all or none, and gives the new checkpoint."""
        reached = Checkpoint.of(records[-1])
        with self._transaction():
            if self.checkpoint() != after:
                raise TableMoved("another program keeps this table too: end one of them")
            for record in records:
                self._add(record)
            self.database.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?)",
                (str(reached.log_id), reached.position, reached.hash),
            )
        return reached

    def answers(self, questions: str) -> Iterator[tuple[str, list[str], list[tuple[object, ...]]]]:
        """Each question's comment, with the names of the columns and the rows of its answer."""
        for statement in statements(questions):
            comment = " ".join(re.findall(r"^\s*--\s?(.*)$", statement, re.MULTILINE))
            cursor = self.database.execute(statement)
            yield comment, [column[0] for column in cursor.description], cursor.fetchall()

    def close(self) -> None:
        self.database.close()

    def _make_tables(self) -> None:
        columns = [row[1] for row in self.database.execute("PRAGMA table_info(movements)")]
        # One of an older version of this program, which knew no movements between accounts.
        is_older = bool(columns) and "counterparty" not in columns
        if is_older:
            self.database.execute("ALTER TABLE movements RENAME TO older_movements")
            self.database.execute("DROP INDEX movements_by_account")
        for statement in statements(SCHEMA):
            self.database.execute(statement)
        if is_older:
            self.database.execute(
                "INSERT INTO movements SELECT position, account, kind, minor_units, recorded_at, NULL FROM older_movements"
            )
            self.database.execute("DROP TABLE older_movements")

    def _add(self, record: Record) -> None:
        self.database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.position, record.category, record.name, record.stream_version, record.type,
                record.schema_version, record.recorded_at, record.event_id.bytes, record.hash,
                record.metadata.decode(), record.data.decode(),
            ),
        )  # fmt: skip
        event = account_event(record)
        if event is None:
            return
        match event:
            case Opened(account, owner, balance, currency):
                self.database.execute(
                    "INSERT INTO accounts VALUES (?, ?, ?, ?)", (account, owner, currency, balance.fraction_digits)
                )
            case HoldPlaced(account, hold, amount, expires_at):
                self.database.execute(
                    "INSERT INTO holds VALUES (?, ?, ?, ?, ?, NULL, NULL)",
                    (account, hold, amount.minor_units, expires_at, record.position),
                )
            case HoldCaptured(account, hold):
                self._resolve(record, account, hold, "captured")
            case HoldReleased(account, hold):
                self._resolve(record, account, hold, "released")
            case HoldExpired(account, hold):
                self._resolve(record, account, hold, "expired")
        if moved := movement(event):
            self.database.execute(
                "INSERT INTO movements VALUES (?, ?, ?, ?, ?, ?)",
                (record.position, record.name, moved.kind, moved.minor_units, record.recorded_at, moved.counterparty),
            )

    def _resolve(self, record: Record, account: str, hold: str, resolution: str) -> None:
        self.database.execute(
            "UPDATE holds SET resolved_at = ?, resolution = ? WHERE account = ? AND hold = ?",
            (record.position, resolution, account, hold),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # Locked from the beginning, so that what is read in it still holds when it is written.
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.database.execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise


def money(minor_units: int | None, fraction_digits: int) -> str | None:
    """The SQL function `money`: minor units as people write them."""
    return None if minor_units is None else str(Money(minor_units, fraction_digits))


def statements(text: str) -> Iterator[str]:
    """The statements of an SQL text, each with the comments before it."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


def follow(table: EventTable, endpoints: Endpoints, once: bool, stop: Stop) -> None:
    checkpoint = table.checkpoint()
    with Subscription(endpoints, checkpoint, patience=PATIENCE if once else None) as subscription:
        while not stop and not (once and subscription.is_caught_up):
            # About so many in one transaction, always whole appends: a crash costs little work, and a flush is shared
            # by many.
            if batch := subscription.next_batch(most=5000, wait=0.2):
                checkpoint = table.take(batch, checkpoint)
    print(f"position {checkpoint.position if checkpoint else 0}, hash {checkpoint.hash.hex() if checkpoint else '-'}")


def print_answers(table: EventTable) -> None:
    for comment, columns, rows in table.answers(QUESTIONS.read_text()):
        print(comment)
        lines = [columns, *([printable(value) for value in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            print("    " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        print()


def main(stop: Stop) -> None:
    parser = argparse.ArgumentParser(description="Keeps an SQLite table of the log's events, each exactly once.")
    parser.add_argument("table", type=Path, help="the SQLite file; made where there is none")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--once", action="store_true", help="take in what there is, then end")
    mode.add_argument("--questions", action="store_true", help=f"answer the questions of {QUESTIONS.name}, then end")
    add_endpoints(parser)
    options = parser.parse_args()
    table = EventTable(options.table)
    try:
        if options.questions:
            print_answers(table)
        else:
            follow(table, endpoints(options), options.once, stop)
    finally:
        table.close()


if __name__ == "__main__":
    sys.exit(run(main))
