"""Appends events to the log as another program may: past the gateway and its rules."""

import json
import time
from uuid import uuid4

import zmq

import daybook_frames as frames
import secured
from daybook_subscriber import Requester


def requester_of(daybook, patience=10.0):
    """Asks the log's append socket, as a peer that may append."""
    endpoint = f"tcp://127.0.0.1:{daybook.append_port}"
    return Requester(zmq.Context.instance(), endpoint, patience, secured.keys("appender"))


def append(daybook, writes):
    """One append: each write is an account, its version before, and events of a type, data and maybe metadata."""
    writes = [
        frames.Write(f"account/{account}", version, [_event(*event) for event in events])
        for account, version, events in writes
    ]
    with zmq.Context.instance().socket(zmq.DEALER) as socket:
        socket.linger = 0
        secured.connect_socket(socket, f"tcp://127.0.0.1:{daybook.append_port}")
        socket.send(frames.HEAD.pack(frames.MAGIC, frames.APPEND, 0, 0, 1) + frames.append_body(writes))
        assert socket.poll(30_000), "the log did not answer"
        # What stands in the reply is no business of these tests, but for the result and the place.
        reply = frames.Cursor(socket.recv()[frames.HEAD.size :])
        assert reply.integer(1) == 0, "the events were not recorded"
        return reply.integer(8), reply.integer(8)


def _event(event_type, data, metadata=b""):
    if not isinstance(data, bytes):
        data = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    if isinstance(metadata, dict):
        metadata = json.dumps(metadata).encode()
    return frames.Event(uuid4(), event_type, data, metadata, schema_version=2)


class Ledger:
    """Appends events of accounts, and knows their versions."""

    def __init__(self, daybook):
        self.daybook = daybook
        self.versions = {}
        # Of each append: its last position, its time in microseconds, and what it recorded.
        self.appends = []

    def append(self, *events):
        """Events as `(account, type, data)` or `(account, type, data, metadata)`, in one append; gives its time."""
        by_account = {}
        for account, *event in events:
            by_account.setdefault(account, []).append(event)
        position, recorded_at = append(
            self.daybook, [(account, self.versions.get(account, 0), events) for account, events in by_account.items()]
        )
        for account, events_of_account in by_account.items():
            self.versions[account] = self.versions.get(account, 0) + len(events_of_account)
        self.appends.append((position, recorded_at, events))
        # So that the next append has a time of its own.
        while time.time_ns() // 1000 <= recorded_at:
            pass
        return recorded_at

    def open(self, account, balance="0.00", owner="Alice", currency="USD"):
        return self.append(
            (account, "AccountOpened", {"owner": owner, "initial_balance": balance, "currency": currency})
        )

    def deposit(self, account, amount, **details):
        return self.append((account, "MoneyDeposited", {"amount": amount} | details))

    def withdraw(self, account, amount, **details):
        return self.append((account, "MoneyWithdrawn", {"amount": amount} | details))

    def transfer(self, sender, receiver, amount, **details):
        """Both sides in one append."""
        transfer = str(uuid4())
        versions = {account: self.versions[account] + 1 for account in (sender, receiver)}
        sent = {"amount": amount, "to": receiver, "transfer": transfer, "counterparty_version": versions[receiver]}
        received = {"amount": amount, "from": sender, "transfer": transfer, "counterparty_version": versions[sender]}
        return self.append((sender, "MoneySent", sent | details), (receiver, "MoneyReceived", received | details))

    def hold(self, account, hold, amount, **details):
        return self.append((account, "HoldPlaced", {"hold": hold, "amount": amount} | details))

    def capture(self, account, hold, amount, **details):
        return self.append((account, "HoldCaptured", {"hold": hold, "amount": amount} | details))

    def release(self, account, hold, amount):
        return self.append((account, "HoldReleased", {"hold": hold, "amount": amount}))

    def reverse(self, account, version, amount, direction, **details):
        data = {"amount": amount, "reverses": version, "direction": direction, "reason": "a mistake"}
        return self.append((account, "MovementReversed", data | details))
