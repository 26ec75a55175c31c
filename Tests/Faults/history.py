"""The log's file as a model of accounts in whole cents: what must be true of every answer."""

import json
from collections import namedtuple

import store
from plan import OPENING

# One event of an account, and the balance after it.
Event = namedtuple("Event", "position version type cents balance owner")


class History:
    """All accounts, version by version, folded here from the records, with nothing of the system's own code."""

    def __init__(self, path):
        self.log_id, self.records = store.read(path)
        self.accounts = {}
        for record in self.records:
            self._add(record)

    def _add(self, record):
        data = json.loads(record.data)
        events = self.accounts.setdefault(record.stream.decode(), [])
        balance = events[-1].balance if events else None
        kind = record.type.decode()
        if kind == "AccountOpened":
            assert balance is None, f"I6: a second opening at position {record.position}"
            cents, owner = _cents(data["initial_balance"]), data["owner"]
            balance = cents
        else:
            assert balance is not None, f"I6: a movement on an account that was not opened, at {record.position}"
            cents, owner = _cents(data["amount"]), None
            balance += cents if kind == "MoneyDeposited" else -cents
        assert balance >= 0, f"I6: below zero at position {record.position}"
        events.append(Event(record.position, record.version, kind, cents, balance, owner))

    def at(self, account, version):
        """The event that made a version; nil for a version that there is not."""
        events = self.accounts.get(account, [])
        return events[version - 1] if 1 <= version <= len(events) else None

    def of(self, order):
        """The events that an order can have recorded: amounts come only once in a run."""
        kind = {"OpenAccount": "AccountOpened", "Deposit": "MoneyDeposited", "Withdraw": "MoneyWithdrawn"}[order.kind]
        cents = order.cents + (OPENING if order.kind == "OpenAccount" else 0)
        return [
            event
            for event in self.accounts.get(order.account, [])
            if (event.type, event.cents) == (kind, cents)
        ]  # fmt: skip


def _cents(text):
    whole, _, fraction = text.partition(".")
    assert len(fraction) == 2, f"I6: an amount without its digits: {text}"
    return int(whole) * 100 + int(fraction)
